"""The vLLM describer on the real engine with the tiny checkpoint."""

from dataclasses import replace

import numpy as np
import pytest

from ytcurate.config import EngineSettings, Sampling
from ytcurate.demo.sample import MODEL
from ytcurate.demo.world import Scene, encode_video, random_scene, read_sentence
from ytcurate.describers.base import Outcome
from ytcurate.describers.vllm import VllmDescriber
from ytcurate.media.frames import sample_frames

CONTEXT_TOKENS = 1024


@pytest.fixture(scope="module")
def describer():
    made = VllmDescriber(
        str(MODEL),
        sampling=Sampling(temperature=0),
        engine=EngineSettings(max_clips_in_flight=4, max_model_len=CONTEXT_TOKENS),
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def unseen():
    """Twelve clips of the world that the checkpoint was not trained on, and what they show."""
    rng = np.random.default_rng(987)
    scenes = [random_scene(rng) for _ in range(12)]
    return [(scene, sample_frames(encode_video([scene], seed=n))) for n, scene in enumerate(scenes)]


def describe(describer, clips):
    """Submit as there is room; collect until all are finished."""
    waiting = list(enumerate(clips))
    done = {}
    while waiting or describer.in_flight:
        while waiting and describer.room:
            describer.submit(*waiting.pop(0))
        done |= {description.key: description for description in describer.collect()}
    return [done[key] for key in range(len(clips))]


def test_clips_that_were_never_seen_are_described_truly(describer, unseen):
    descriptions = describe(describer, [frames for _, frames in unseen])
    truth = [scene.sentence() for scene, _ in unseen]

    assert {description.outcome for description in descriptions} == {Outcome.OK}
    right = sum(
        description.text == sentence for description, sentence in zip(descriptions, truth, strict=True)
    )
    assert right >= 11, [(d.text, sentence) for d, sentence in zip(descriptions, truth, strict=True)]


def test_the_same_pictures_in_reverse_order_are_told_in_reverse_order(describer, unseen):
    reverse = [replace(frames, pixels=frames.pixels[::-1].copy()) for _, frames in unseen]
    told = [read_sentence(description.text) for description in describe(describer, reverse)]

    truth = [Scene(scene.second, scene.first, scene.background) for scene, _ in unseen]
    assert sum(a == b for a, b in zip(told, truth, strict=True)) >= 11, list(zip(told, truth, strict=True))


def test_tokens_and_the_reason_to_stop_are_reported(describer, unseen):
    (description,) = describe(describer, [unseen[0][1]])
    assert description.finish_reason == "stop"
    assert description.prompt_tokens > 160  # ten pairs of pictures at sixteen tokens each, and the question
    assert 10 < description.output_tokens < 40


def test_a_clip_that_does_not_fit_is_refused_and_the_others_go_on(describer, unseen):
    _, frames = unseen[0]
    times = 16
    long = replace(
        frames,
        pixels=np.concatenate([frames.pixels] * times),
        indices=list(range(len(frames.indices) * times)),
        info=replace(frames.info, frame_count=frames.info.frame_count * times),
    )
    good, refused, also_good = describe(describer, [frames, long, frames])

    assert refused.outcome == Outcome.REFUSED
    assert "the engine does not take this clip" in refused.detail
    assert str(CONTEXT_TOKENS) in refused.detail
    assert good.text == also_good.text


def test_no_more_clips_are_taken_than_there_is_room_for(describer, unseen):
    assert (describer.room, describer.in_flight) == (4, 0)
    describer.submit(0, unseen[0][1])
    assert (describer.room, describer.in_flight) == (3, 1)
    while describer.in_flight:
        describer.collect()
