"""One tiny checkpoint and its embedder for all tests of this folder."""

import os

import numpy as np
import pytest

from tests.support.tiny_clip import write_tiny_clip

SIZES = [(48, 64), (100, 31), (32, 32), (33, 90), (7, 5), (240, 320)]
"""Height and width: lying, standing, as the model has it, odd, smaller than the model's."""


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    return write_tiny_clip(tmp_path_factory.mktemp("tiny-clip"))


@pytest.fixture(scope="session")
def embedder(tiny_clip):
    from ytcurate.embedders.clip import ClipEmbedder

    return ClipEmbedder(str(tiny_clip), device="cpu")


@pytest.fixture(scope="session")
def theirs(tiny_clip):
    """The same checkpoint as transformers has it: model, picture processor, tokenizer."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoTokenizer, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return (
        CLIPModel.from_pretrained(tiny_clip).eval(),
        CLIPImageProcessorPil.from_pretrained(tiny_clip),
        AutoTokenizer.from_pretrained(tiny_clip),
    )


@pytest.fixture(scope="session")
def pictures():
    """Noise over a slope of colour: pictures that differ, with edges for the resize to get wrong."""
    random = np.random.default_rng(3)
    made = []
    for height, width in SIZES:
        slope = np.linspace(0, 200, height)[:, None, None] * random.random(3)
        noise = random.integers(0, 56, (height, width, 3))
        made.append((slope + noise).astype(np.uint8))
    return made
