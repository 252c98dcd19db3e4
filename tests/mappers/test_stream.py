"""The stream's own decisions: order, second tries, deaths of the engine.

The describer here is scripted, because an engine cannot be told when to die; a real one is killed in
tests/describers and tests/flow.
"""

import itertools
import threading
from collections import Counter

import pytest

from tests.support.videos import make_video
from ytcurate.config import Buffering
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.errors import EngineUnavailable
from ytcurate.mappers.read_ahead import Prepared, ReadAhead
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.mappers.stream import MAX_RESTARTS, DescribeStream
from ytcurate.media.frames import sample_frames

FRAMES = sample_frames(make_video(seconds=0.2))
YES_OR_NO = Prompt(
    "Is it?", schema=ReplySchema.of({"type": "object", "properties": {"is": {"enum": ["yes"]}}})
)


class Scripted:
    """Answers ``reply(place, question, again)``; a death is an EngineUnavailable that it returns."""

    def __init__(self, reply, log, capacity=4, questions=1):
        self.reply, self.log, self.capacity, self.questions = reply, log, capacity, questions
        self.requests = []
        log.append("start")

    @property
    def in_flight(self):
        return len(self.requests)

    @property
    def room(self):
        return self.capacity - self.in_flight

    def submit(self, key, frames, *, question=0, again=False):
        assert frames is FRAMES
        assert self.room > 0
        self.requests.append((key, question, again))

    def collect(self, wait_s=0.05):
        self.log.append([key // self.questions for key, _, _ in self.requests])
        answers = [
            (key, self.reply(key // self.questions, question, again))
            for key, question, again in self.requests
        ]
        for _, answer in answers:
            if isinstance(answer, EngineUnavailable):
                raise answer
        self.requests = []
        return [
            Description(key=key, outcome=outcome, text=text) for key, (outcome, text) in reversed(answers)
        ]

    def close(self):
        self.log.append("close")


def ok(place, question, again):
    return Outcome.OK, f"{place}.{question}"


def run(rows, reply=ok, *, log=None, questions=(DESCRIBE,), capacity=4, statistics=None, **settings):
    statistics = statistics or StreamStatistics()
    log = [] if log is None else log
    ahead = ReadAhead(
        rows,
        lambda row: Prepared(row, FRAMES),
        size=lambda row: 1,
        limits=Buffering(),
        threads=1,
        statistics=statistics,
    )
    stream = DescribeStream(
        ahead, lambda: Scripted(reply, log, capacity, len(questions)), questions, statistics, **settings
    )
    return list(stream)


def outcomes(described):
    return Counter(str(each.descriptions[0].outcome) for each in described)


def test_every_row_comes_out_once():
    assert sorted(each.row for each in run(range(50))) == list(range(50))


def test_rows_come_in_order_of_the_input_when_that_is_asked():
    assert [each.row for each in run(range(50))] != list(range(50))
    assert [each.row for each in run(range(50), in_order=True)] == list(range(50))


def test_all_questions_about_a_clip_are_answered_in_their_order():
    questions = [Prompt("a?", name="a"), Prompt("b?", name="b")]
    described = run(range(9), questions=questions)
    assert {each.row: [d.text for d in each.descriptions] for each in described} == {
        row: [f"{row}.0", f"{row}.1"] for row in range(9)
    }


def test_a_describer_without_room_for_one_clip_is_an_error_and_not_a_standstill():
    questions = [Prompt("a?", name="a"), Prompt("b?", name="b")]
    with pytest.raises(RuntimeError, match="has room for 1 requests, a clip has 2 questions"):
        run(range(3), questions=questions, capacity=1)


def test_a_request_that_failed_is_put_once_more_and_alone():
    log, tries = [], Counter()

    def reply(place, question, again):
        tries[place] += 1
        return (Outcome.FAILED, None) if place == 2 and tries[2] == 1 else (Outcome.OK, "fine")

    described = run(range(8), reply, log=log)
    assert outcomes(described) == {"ok": 8}
    assert tries[2] == 2
    assert [2] in log


def test_a_request_that_fails_twice_is_failed():
    statistics = StreamStatistics()
    described = run(range(3), lambda *request: (Outcome.FAILED, None), statistics=statistics)
    assert outcomes(described) == {"failed": 3}
    assert statistics.requests_repeated == 3


def test_a_reply_that_does_not_fit_its_schema_is_asked_for_again():
    def reply(place, question, again):
        return Outcome.OK, '{"is": "yes"}' if again or place else '{"is": "no"}'

    assert outcomes(run(range(4), reply, questions=[YES_OR_NO])) == {"ok": 4}


def test_a_reply_that_never_fits_keeps_its_text_and_says_why():
    (described,) = run([0], lambda *request: (Outcome.OK, "perhaps"), questions=[YES_OR_NO])
    (answer,) = described.descriptions
    assert (answer.outcome, answer.text) == (Outcome.MISFIT, "perhaps")
    assert "not JSON" in answer.detail


def test_an_engine_that_dies_is_started_again_and_loses_no_clip():
    deaths = iter([EngineUnavailable("killed")])
    log, statistics = [], StreamStatistics()

    def reply(place, question, again):
        return next(deaths, None) or (Outcome.OK, "fine") if place == 5 else (Outcome.OK, "fine")

    described = run(range(12), reply, log=log, statistics=statistics)
    assert outcomes(described) == {"ok": 12}
    assert statistics.engine_restarts == 1
    assert log.count("start") == 2
    assert log.count("close") == 2


def test_a_clip_that_kills_the_engine_is_found_and_the_others_are_described():
    def reply(place, question, again):
        return EngineUnavailable("segmentation fault") if place == 5 else (Outcome.OK, "fine")

    described = run(range(12), reply)
    assert outcomes(described) == {"ok": 11, "failed": 1}
    (bad,) = [each for each in described if each.row == 5]
    assert "died 3 times with this clip in it, now alone" in bad.descriptions[0].detail


def test_an_engine_that_keeps_dying_ends_the_stream_with_its_reason():
    count = itertools.count()
    with pytest.raises(EngineUnavailable, match=rf"died {MAX_RESTARTS + 1} times; the last: no memory"):
        run(range(30), lambda *request: (next(count), EngineUnavailable("no memory"))[1])


def test_an_engine_that_does_not_start_ends_the_stream():
    def broken():
        raise EngineUnavailable("no device")

    ahead = ReadAhead(
        itertools.count(),
        lambda row: Prepared(row, FRAMES),
        size=lambda row: 1,
        limits=Buffering(),
        threads=1,
        statistics=StreamStatistics(),
    )
    with pytest.raises(EngineUnavailable, match="no device"):
        list(DescribeStream(ahead, broken, [DESCRIBE], StreamStatistics()))


def test_the_first_clips_are_decoded_while_the_engine_starts():
    decoded = threading.Semaphore(0)

    def prepare(row):
        decoded.release()
        return Prepared(row, FRAMES)

    def start():
        # Returns only when three clips are decoded: before the engine is there.
        assert all(decoded.acquire(timeout=10) for _ in range(3))
        return Scripted(ok, [])

    statistics = StreamStatistics()
    ahead = ReadAhead(
        range(9), prepare, size=lambda row: 1, limits=Buffering(), threads=1, statistics=statistics
    )
    assert len(list(DescribeStream(ahead, start, [DESCRIBE], statistics))) == 9


def test_an_input_that_ends_early_leaves_no_row_unanswered():
    """An interrupted job sees its input end; what it has read is its own to answer."""
    interrupted = itertools.takewhile(lambda row: row < 7, itertools.count())
    assert sorted(each.row for each in run(interrupted)) == list(range(7))
