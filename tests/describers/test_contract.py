"""What every describer does, on each of the three with a real engine and the tiny checkpoint."""

import time

import pytest

from tests.describers.conftest import CONTEXT_TOKENS, LABEL
from tests.support.describing import ask, describe, repeated, reversed_in_time
from ytcurate.config import FrameSampling
from ytcurate.demo.world import Scene, read_sentence
from ytcurate.describers.base import Outcome
from ytcurate.media.frames import sample_frames


@pytest.fixture(scope="package", params=["vllm", "transformers", "endpoint"])
def describer(request):
    return request.getfixturevalue(f"{request.param}_describer")


def turned(scene):
    return Scene(scene.second, scene.first, scene.background)


def test_clips_that_were_never_seen_are_described_truly(describer, unseen):
    descriptions = describe(describer, [frames for _, frames in unseen])
    assert {description.outcome for description in descriptions} == {Outcome.OK}
    right = [scene.sentence() == d.text for (scene, _), d in zip(unseen, descriptions, strict=True)]
    assert sum(right) >= 19, [d.text for d in descriptions]


def test_the_same_pictures_in_reverse_order_are_told_in_reverse_order(describer, unseen):
    told = describe(describer, [reversed_in_time(frames) for _, frames in unseen])
    right = [turned(scene) == read_sentence(d.text) for (scene, _), d in zip(unseen, told, strict=True)]
    assert sum(right) >= 19, [d.text for d in told]


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 4.0])
def test_order_in_time_survives_at_every_rate(describer, unseen, videos, fps):
    scenes = [scene for scene, _ in unseen[:4]]
    clips = [sample_frames(video, FrameSampling(fps=fps)) for video in videos[:4]]
    forward = [read_sentence(d.text) for d in describe(describer, clips)]
    backward = [read_sentence(d.text) for d in describe(describer, [reversed_in_time(c) for c in clips])]
    assert forward == scenes
    assert backward == [turned(scene) for scene in scenes]


def test_tokens_and_the_reason_to_stop_are_reported(describer, unseen):
    (description,) = describe(describer, [unseen[0][1]])
    assert description.finish_reason == "stop"
    assert description.detail is None
    # Ten pairs of pictures at sixteen tokens, and 25 of the question around them.
    assert (description.prompt_tokens, description.output_tokens) == (185, 15)


def test_several_questions_about_one_clip_are_answered_each(describer, unseen):
    clips = unseen[:4]
    requests = [(frames, {"question": question}) for _, frames in clips for question in (0, 1, 2)]
    answers = ask(describer, requests)
    for n, (scene, _) in enumerate(clips):
        described, shown, label = answers[3 * n : 3 * n + 3]
        assert described.text == shown.text == scene.sentence()
        assert set(LABEL.parse(label.text)) == {"colour", "moving", "count", "title"}


def test_every_reply_to_a_question_with_a_schema_fits_it(describer, unseen):
    replies = describe(describer, [frames for _, frames in unseen[:8]], question=2)
    assert {reply.outcome for reply in replies} == {Outcome.OK}
    for reply in replies:
        fields = LABEL.parse(reply.text)
        assert fields["colour"] in ("red", "blue")
        assert len(fields["title"]) <= 12


def test_asked_again_it_chooses_other_words(describer, unseen):
    frames = unseen[0][1]
    replies = ask(describer, [(frames, {"question": 2, "again": True}) for _ in range(6)])
    assert {reply.outcome for reply in replies} == {Outcome.OK}
    assert len({reply.text for reply in replies}) > 1
    assert all(LABEL.parse(reply.text) for reply in replies)


def test_a_text_that_stops_at_the_limit_is_truncated(describer, unseen):
    (description,) = describe(describer, [unseen[0][1]], question=3)
    assert (description.outcome, description.finish_reason) == (Outcome.TRUNCATED, "length")
    assert description.output_tokens == 64
    assert description.text.startswith('{"story":')
    assert description.detail == "the text stops at max_tokens"


def test_a_clip_that_does_not_fit_is_too_long_and_the_others_go_on(describer, unseen):
    _, frames = unseen[0]
    good, long, also_good = describe(describer, [frames, repeated(frames, 16), frames])
    assert long.outcome == Outcome.TOO_LONG
    assert "does not take this clip" in long.detail
    assert str(CONTEXT_TOKENS) in long.detail
    assert long.text is None
    assert good.text == also_good.text == unseen[0][0].sentence()


def test_room_and_requests_in_flight_are_counted(describer, unseen):
    assert (describer.room, describer.in_flight) == (4, 0)
    describer.submit(7, unseen[0][1])
    assert (describer.room, describer.in_flight) == (3, 1)
    with pytest.raises(ValueError, match="key 7 is in flight already"):
        describer.submit(7, unseen[0][1])
    keys = []
    while describer.in_flight:
        keys += [description.key for description in describer.collect(1.0)]
    assert keys == [7]
    assert (describer.room, describer.in_flight) == (4, 0)


def test_collecting_nothing_does_not_wait(describer):
    started = time.monotonic()
    assert describer.collect(5.0) == []
    assert time.monotonic() - started < 1
