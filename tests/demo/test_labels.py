"""Clips of one thing, the true labels of this world, and a checkpoint that answers with them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from ytcurate.config import EngineSettings, Sampling
from ytcurate.demo.sample import MODEL
from ytcurate.demo.world import (
    COLOURS,
    OneThing,
    Scene,
    Thing,
    all_one_things,
    all_scenes,
    encode_one_thing,
    encode_video,
    label_of,
)
from ytcurate.describers.base import Outcome
from ytcurate.describers.prompts import DESCRIBE, load_question
from ytcurate.describers.transformers import TransformersDescriber
from ytcurate.media.frames import sample_frames

LABEL = load_question("label")
ORANGE_CIRCLE = OneThing(Thing("orange", "circle"), "gray")


@pytest.fixture(scope="module")
def describer() -> Iterator[TransformersDescriber]:
    made = TransformersDescriber(
        str(MODEL),
        questions=[DESCRIBE, LABEL],
        sampling=Sampling(temperature=0, max_tokens=128),
        engine=EngineSettings(max_model_len=1024),
    )
    yield made
    made.close()


def ask(describer: TransformersDescriber, videos: list[bytes], question: int) -> list[str]:
    """Replies in the order of the videos; each must be whole."""
    waiting = list(enumerate(videos))
    done = {}
    while waiting or describer.in_flight:
        while waiting and describer.room:
            key, video = waiting.pop(0)
            describer.submit(key, sample_frames(video), question=question)
        done |= {description.key: description for description in describer.collect()}
    assert {description.outcome for description in done.values()} == {Outcome.OK}
    return [done[key].text or "" for key in range(len(videos))]


def test_one_thing_is_told_in_one_sentence_with_the_right_articles() -> None:
    assert ORANGE_CIRCLE.sentence() == "An orange circle on a gray background."


def test_there_are_54_contents_of_one_thing_and_each_has_its_own_sentence() -> None:
    assert len({shown.sentence() for shown in all_one_things()}) == len(list(all_one_things())) == 54


def test_a_background_that_this_world_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="background: expected one of white, gray, black, found 'pink'"):
        OneThing(Thing("red", "circle"), "pink")


def test_the_first_shape_is_the_category_and_the_sentence_the_description() -> None:
    scene = Scene(Thing("blue", "triangle"), Thing("green", "circle"), "black")
    assert label_of(scene) == {
        "category": "nature",
        "is_safe": True,
        "description": "A blue triangle, then a green circle, on a black background.",
        "visual_quality": "high",
    }
    assert label_of(ORANGE_CIRCLE) == {
        "category": "sports",
        "is_safe": True,
        "description": "An orange circle on a gray background.",
        "visual_quality": "high",
    }


@pytest.mark.parametrize(("first", "second"), [("red", "blue"), ("blue", "red")])
def test_nothing_is_safe_that_shows_a_red_thing_be_it_first_or_second(first: str, second: str) -> None:
    scene = Scene(Thing(first, "square"), Thing(second, "circle"), "white")
    assert label_of(scene)["is_safe"] is False
    assert label_of(OneThing(Thing("red", "square"), "white"))["is_safe"] is False


def test_every_label_is_what_the_question_allows_and_in_its_order() -> None:
    assert LABEL.schema is not None
    for shown in (*all_scenes(), *all_one_things()):
        label = label_of(shown)
        assert LABEL.schema.parse(json.dumps(label)) == label
        assert list(label) == [field.name for field in LABEL.schema.fields]


def test_a_clip_of_one_thing_shows_it_from_its_first_frame_to_its_last() -> None:
    video = encode_one_thing(ORANGE_CIRCLE, seconds=2.5, fps=10, size_px=64, gop_seconds=1)
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        assert (stream.average_rate, stream.frames, stream.start_time) == (10, 25, 0)
        keyframe_times_s = [
            packet.pts * packet.time_base for packet in container.demux() if packet.is_keyframe
        ]
    assert keyframe_times_s == [Fraction(0), Fraction(1), Fraction(2)]
    with av.open(io.BytesIO(video)) as container:
        centres = [
            frame.to_ndarray(format="rgb24")[28:36, 28:36].reshape(-1, 3).mean(axis=0)
            for frame in container.decode(video=0)
        ]
    assert len(centres) == 25
    assert np.abs(np.array(centres) - COLOURS["orange"]).max() < 12


def test_equal_arguments_give_equal_bytes_of_one_thing() -> None:
    first, second, other = (
        encode_one_thing(ORANGE_CIRCLE, seconds=1, fps=5, size_px=64, seed=seed) for seed in (7, 7, 8)
    )
    assert first == second != other


def test_the_checkpoint_labels_and_describes_clips_of_one_thing(describer: TransformersDescriber) -> None:
    contents = list(all_one_things())[::7]
    videos = [
        encode_one_thing(shown, seconds=1 + number, seed=number) for number, shown in enumerate(contents)
    ]
    assert [json.loads(reply) for reply in ask(describer, videos, 1)] == [label_of(s) for s in contents]
    assert ask(describer, videos, 0) == [shown.sentence() for shown in contents]


def test_the_checkpoint_labels_clips_of_two_things(describer: TransformersDescriber) -> None:
    scenes = list(all_scenes())[::101]
    videos = [encode_video([scene], seed=number) for number, scene in enumerate(scenes)]
    assert [json.loads(reply) for reply in ask(describer, videos, 1)] == [label_of(s) for s in scenes]
