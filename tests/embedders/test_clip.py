"""Our vectors against transformers' own on the same weights, and what is done with several pictures."""

import numpy as np
import pytest
import torch

from tests.support.tiny_clip import DIMENSION, write_tiny_clip
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.errors import EngineUnavailable, UnreadableVideo, UsageError

TEXTS = ["the cat", "a dog in the rain", "THE   Cat", "кошка, 猫", "", "cat " * 40]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def their_features(theirs, pictures):
    model, processor, _ = theirs
    # One at a time: they are of different sizes.
    pixels = torch.cat([processor(each, return_tensors="pt")["pixel_values"] for each in pictures])
    with torch.inference_mode():
        return unit(model.get_image_features(pixel_values=pixels).pooler_output.numpy())


def test_pixels_are_those_of_transformers(embedder, theirs, pictures):
    preparation = embedder._preparation
    for picture in pictures:
        wanted = theirs[1](picture, return_tensors="np")["pixel_values"][0]
        ours = embedder.prepare([picture])[0].transpose(2, 0, 1).astype(np.float32)
        mean, std = (np.array(each)[:, None, None] for each in (preparation.mean, preparation.std))
        assert np.abs((ours * preparation.scale - mean) / std - wanted).max() < 1e-5


def test_a_picture_has_the_vector_that_transformers_gives_it(embedder, theirs, pictures):
    ours = embedder.embed_pictures([[picture] for picture in pictures])
    assert ours.shape == (len(pictures), DIMENSION)
    assert ours.dtype == np.float32
    assert np.abs(ours - their_features(theirs, pictures)).max() < 1e-5
    assert np.abs(ours @ ours.T - np.eye(len(ours))).max() > 0.1  # and they are not all alike


def test_a_text_has_the_vector_that_transformers_gives_it(embedder, theirs):
    model, _, tokenizer = theirs
    wanted = []
    with torch.inference_mode():
        for text in TEXTS:
            inputs = tokenizer([text], truncation=True, return_tensors="pt")
            wanted.append(unit(model.get_text_features(**inputs).pooler_output.numpy())[0])
    ours = embedder.embed_texts(TEXTS)
    assert np.abs(ours - np.array(wanted)).max() < 1e-5
    assert np.abs(ours[0] - ours[2]).max() < 1e-5  # case and spaces do not matter to CLIP
    assert np.abs(ours[0] - ours[1]).max() > 0.01


def test_a_clip_has_the_mean_of_its_pictures_of_length_1(embedder, tiny_clip, theirs, pictures):
    clips = [pictures[:3], pictures[3:4], pictures[1:6]]
    features = their_features(theirs, pictures)
    means = np.array([features[:3].mean(0), features[3], features[1:6].mean(0)])
    assert np.abs(embedder.embed_pictures(clips) - unit(means)).max() < 1e-5
    plain = ClipEmbedder(str(tiny_clip), device="cpu", renormalise=False)
    assert np.abs(plain.embed_pictures(clips) - means).max() < 1e-5
    assert np.linalg.norm(means[0]) < 0.99


def test_more_pictures_than_one_pass_takes_change_nothing(embedder, pictures):
    clips = [pictures[at % 6 : at % 6 + 1] * 90 for at in range(4)]
    assert (
        np.abs(embedder.embed_pictures(clips) - embedder.embed_pictures([c[:1] for c in clips])).max() < 1e-5
    )


def test_nothing_in_gives_nothing_out_and_a_clip_without_pictures_is_unreadable(embedder):
    assert embedder.embed_pictures([]).shape == (0, DIMENSION)
    assert embedder.embed_texts([]).shape == (0, DIMENSION)
    with pytest.raises(UnreadableVideo, match="the clip has no pictures"):
        embedder.embed_pictures([[]])


def test_a_picture_that_is_too_narrow_is_refused_before_it_takes_the_memory(embedder):
    with pytest.raises(UnreadableVideo, match=r"a picture of 1x40000 is too narrow: .* 32x1280000, over"):
        embedder.prepare([np.zeros((40_000, 1, 3), np.uint8)])


def test_weights_in_torchs_own_format_give_the_same_vectors(embedder, tmp_path, pictures):
    folder = write_tiny_clip(tmp_path / "bin", safe=False)
    assert not list(folder.glob("*.safetensors"))
    other = ClipEmbedder(str(folder), device="cpu", name="as a bin")
    assert np.array_equal(other.embed_pictures([pictures]), embedder.embed_pictures([pictures]))
    assert (other.name, embedder.dimension) == ("as a bin", DIMENSION)


def test_bfloat16_is_near(embedder, tiny_clip, pictures):
    half = ClipEmbedder(str(tiny_clip), device="cpu", dtype="bfloat16")
    cosines = (
        half.embed_pictures([[p] for p in pictures]) * embedder.embed_pictures([[p] for p in pictures])
    ).sum(1)
    assert cosines.min() > 0.99


def test_wrong_settings_are_said_at_once(tiny_clip):
    with pytest.raises(UsageError, match="dtype 'int8': there are float32, float16, bfloat16"):
        ClipEmbedder(str(tiny_clip), dtype="int8")
    with pytest.raises(UsageError, match="device nonsense: torch knows no such device"):
        ClipEmbedder(str(tiny_clip), device="nonsense")
    with pytest.raises(UsageError, match="threads must be 0 or more, it is -1"):
        ClipEmbedder(str(tiny_clip), threads=-1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="waits for a machine without a GPU")
def test_a_gpu_that_is_not_there_is_said_at_once(tiny_clip):
    with pytest.raises(EngineUnavailable, match="device cuda: torch finds no GPU here"):
        ClipEmbedder(str(tiny_clip), device="cuda")
