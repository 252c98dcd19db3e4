"""The tiny CLIP really sees: copies are near, other scenes are far, and words find what they say.

The same as ``tools/tiny_clip/evaluate.py`` measures, with fewer and shorter clips.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.planted import make_planted_clip
from tools.tiny_clip.train import main
from ytcurate.demo.world import COLOURS, SHAPES, all_one_things, encode_one_thing
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.mappers.embed import EmbedMapper
from ytcurate.media.examine import examine_clip
from ytcurate.vectors.duplicates import find_duplicates

CHECKPOINT = Path(__file__).parents[2] / "ytcurate/demo/tiny-clip"
GOOD, COPIES = 64, 16
FIRST_SCENE = 900_000
"""Below ``FIRST_TRAINING_SCENE`` of tools/tiny_clip/pools.py: never trained on."""
THINGS = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]


def embed(pictures):
    """Embed rows that have these columns, ``keyframes`` or ``video``, beside their numbers."""
    rows = [{"ds_index": 0, "segment_index": number} | columns for number, columns in enumerate(pictures)]
    embedded = list(EmbedMapper(str(CHECKPOINT), threads=1, device="cpu")(rows))
    assert {row["outcome"] for row in embedded} == {"ok"}
    return np.array([row["embedding"] for row in embedded], np.float32)


@pytest.fixture(scope="module")
def planted():
    """Clips of as many scenes, the last ones near duplicates of the first ones."""
    good = [make_planted_clip(FIRST_SCENE + number, seconds=0.5) for number in range(GOOD)]
    copies = [make_planted_clip(FIRST_SCENE + number, "duplicate", seconds=0.5) for number in range(COPIES)]
    return embed({"keyframes": list(examine_clip(video).keyframes)} for video in good + copies)


@pytest.fixture(scope="module")
def one_things():
    """What each of 108 short clips shows, in words, and their vectors."""
    shown = list(all_one_things()) * 2
    videos = (
        encode_one_thing(each, seconds=0.5, fps=8, size_px=112, seed=1_000_000 + number)
        for number, each in enumerate(shown)
    )
    vectors = embed({"video": video} for video in videos)
    return np.array([f"{each.thing.colour} {each.thing.shape}" for each in shown]), vectors


@pytest.fixture(scope="module")
def embedder():
    return ClipEmbedder(str(CHECKPOINT), device="cpu", threads=1)


def test_near_duplicates_and_only_they_are_over_the_default_threshold(planted):
    found = find_duplicates(planted).of
    assert found[:GOOD].tolist() == [-1] * GOOD
    assert found[GOOD:].tolist() == list(range(COPIES))


def test_the_threshold_lies_between_copies_and_others(planted):
    cosines = planted @ planted.T
    copies = cosines[np.arange(COPIES), GOOD + np.arange(COPIES)]
    others = cosines[:GOOD, :GOOD][np.triu_indices(GOOD, 1)]
    assert copies.min() > 0.955
    assert others.max() < 0.945


def test_a_colour_and_a_shape_find_clips_that_show_them(one_things, embedder):
    shown, vectors = one_things
    scores = embedder.embed_texts(THINGS) @ vectors.T
    for thing, of_clips in zip(THINGS, scores, strict=True):
        assert (shown[np.argsort(-of_clips)[:5]] == thing).sum() >= 4, thing
    assert np.mean(np.array(THINGS)[scores.argmax(axis=0)] == shown) > 0.95


@pytest.mark.parametrize("word", [*COLOURS, *SHAPES])
def test_a_single_word_finds_clips_of_it(one_things, embedder, word):
    shown, vectors = one_things
    best = np.argsort(-(vectors @ embedder.embed_texts([word])[0]))[:5]
    assert [word in shown[place].split() for place in best].count(True) >= 4


def test_the_wording_of_a_query_does_not_matter_much(embedder):
    plain = embedder.embed_texts(THINGS)
    for form in ("a {}", "a photo of a {}", "A {}."):
        worded = embedder.embed_texts([form.format(thing) for thing in THINGS])
        assert (worded @ plain.T).argmax(axis=1).tolist() == list(range(len(THINGS))), form


def test_transformers_gives_the_vectors_of_the_product(embedder):
    import torch
    from transformers import CLIPModel, CLIPTokenizer

    model = CLIPModel.from_pretrained(CHECKPOINT).eval()
    inputs = CLIPTokenizer.from_pretrained(CHECKPOINT)(THINGS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        features = model.get_text_features(**inputs).pooler_output
    theirs = torch.nn.functional.normalize(features, dim=-1).numpy()
    assert np.abs(theirs - embedder.embed_texts(THINGS)).max() < 1e-5


def test_the_checkpoint_is_small_and_has_been_measured():
    assert (CHECKPOINT / "model.safetensors").stat().st_size <= 2_500_000
    measured = json.loads((CHECKPOINT / "accuracy.json").read_text())
    assert measured["near_duplicates"]["precision"] >= 0.97
    assert measured["near_duplicates"]["recall"] >= 0.97
    assert measured["one_thing"]["lowest_precision_at_5"] >= 0.95


def test_training_writes_a_checkpoint_that_loads(tmp_path):
    few = "--steps 2 --seeing-steps 2 --scenes 4 --things 8 --scenes-at-once 4 --things-at-once 4 --queries 4"
    main(["--out", str(tmp_path), *few.split()])
    embedder = ClipEmbedder(str(tmp_path), device="cpu", threads=1)
    assert embedder.embed_texts(["a red circle"]).shape == (1, 96)
    assert embedder.embed_pictures([[np.zeros((120, 160, 3), np.uint8)]]).shape == (1, 96)
