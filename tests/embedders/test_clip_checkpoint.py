"""Checkpoints that are not whole, or not CLIP: one sentence, before the first row."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.errors import EngineUnavailable

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def checkpoint(tiny_clip, tmp_path):
    """A copy, to be damaged."""
    return shutil.copytree(tiny_clip, tmp_path / "checkpoint")


def refused(folder):
    with pytest.raises(EngineUnavailable) as raised:
        ClipEmbedder(str(folder), device="cpu")
    return str(raised.value)


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_directory_that_is_not_there(tmp_path):
    assert "no such directory on the machine that runs the job" in refused(tmp_path / "none")


def test_each_file_that_is_needed_is_missed(checkpoint):
    for name in ("preprocessor_config.json", "model.safetensors", "config.json"):
        (checkpoint / name).unlink()
        assert f"model {checkpoint}: " in refused(checkpoint), name


def test_a_model_of_another_kind(checkpoint):
    (checkpoint / "config.json").write_text('{"model_type": "siglip"}')
    assert "its config.json says model_type 'siglip'; embed takes clip" in refused(checkpoint)


def test_weights_that_lack_a_part_are_not_made_up(checkpoint):
    from safetensors.torch import load_file, save_file

    weights = load_file(checkpoint / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    assert "its weights lack visual_projection.weight. Download" in refused(checkpoint)


def test_weights_that_break_off(checkpoint):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50_000])
    assert "its weights cannot be loaded" in refused(checkpoint)


def test_a_preprocessing_that_does_not_fit(checkpoint):
    path = checkpoint / "preprocessor_config.json"
    change(path, crop_size=30)
    assert "its model takes pictures of 32x32, its preprocessor_config.json makes them 30x30" in refused(
        checkpoint
    )
    change(path, crop_size={"height": 32, "width": 30})
    assert "a size is {'height': 32, 'width': 30}, which is no square" in refused(checkpoint)
    change(path, crop_size=32, do_normalize=False)
    assert "asks for what CLIP does not do: do_normalize is false" in refused(checkpoint)


def test_without_a_tokenizer_pictures_have_vectors_and_texts_a_sentence(checkpoint, pictures):
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (checkpoint / name).unlink()
    embedder = ClipEmbedder(str(checkpoint), device="cpu")
    assert embedder.embed_pictures([pictures]).shape == (1, 24)
    with pytest.raises(
        EngineUnavailable, match=r"its tokenizer cannot be loaded .* vocab.json and merges.txt"
    ):
        embedder.embed_texts(["a"])


def test_a_hub_id_is_found_in_the_cache_without_a_network(tiny_clip, tmp_path):
    repository = tmp_path / "hub" / "models--someone--tiny-clip"
    shutil.copytree(tiny_clip, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    code = (
        "from ytcurate.embedders.clip import ClipEmbedder\n"
        "print(ClipEmbedder('someone/tiny-clip', device='cpu').embed_texts(['a']).shape)\n"
        "ClipEmbedder('someone/other', device='cpu')"
    )
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "(1, 24)\n", done.stderr
    assert "EngineUnavailable: model someone/other: cannot be loaded" in done.stderr
