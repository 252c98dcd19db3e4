"""What an operation writes down of its progress, and what is found of it after a restart."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ytcurate.localcluster import answers
from ytcurate.localcluster.answers import Answers
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Schema, SortColumn
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import Store
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits
from ytcurate.localcluster.scheduler.job import JobResult
from ytcurate.localcluster.scheduler.journal import Journal
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.statistics import JobStatistics, Summary
from ytcurate.localcluster.scheduler.user_job import UserJob, user_job

pytestmark = pytest.mark.checked_against("nothing")


class Place:
    """A data directory that can be opened again."""

    def __init__(self, folder: Path) -> None:
        self.files = ChunkFiles(folder / "chunks")
        self._path = folder / "state.sqlite"
        self.state = State(Store(self._path))
        self.journal = Journal(self.state, self.files, "1-2-3-4")

    def restart(self) -> Journal:
        self.state.store.close()
        self.state = State(Store(self._path))
        self.journal = Journal(self.state, self.files, "1-2-3-4")
        return self.journal

    def chunk(self) -> Chunk:
        writer = RowWriter(self.files, Schema(), WriterLimits())
        writer.write([{b"x": 1}, {b"x": 2}])
        return writer.close()[0]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def mapper() -> UserJob:
    return user_job("map", {"command": "cat"}, {}, [], 1 << 30)


def plan_of(cookie: int, *segments: Segment) -> JobPlan:
    return JobPlan(cookie, cookie, mapper(), 0, list(segments))


def completed(outputs: list[list[Chunk]]) -> JobResult:
    return JobResult("completed", outputs=outputs)


def test_slices_are_found_as_they_were_cut(place: Place) -> None:
    chunk = place.chunk()
    jobs = [plan_of(10, Segment(chunk, 1, 2, 7, 3, 4)), plan_of(9, Segment(chunk, 0, 1, 6))]
    with place.state.session():
        place.state.chunks[chunk.id] = chunk
        place.state.put("chunks", chunk.id, chunk)
        place.journal.plan(0, jobs)
    past = place.restart().read()
    assert past.plans_of(0, [mapper()], place.state) == [jobs[1], jobs[0]]
    assert past.plans_of(1, [mapper()], place.state) is None


def test_locked_outputs_are_found_as_they_were(place: Place) -> None:
    target = Target(
        "1-1-1-1", "2-2-2-2", True, Schema().sorted_by([SortColumn("k")]), True, [b"\xff", None, 5], {"a": 1}
    )
    with place.state.session():
        place.journal.open_tables([], [target])
    assert place.restart().read().targets == [target]


def test_jobs_are_found_in_the_order_in_which_they_ended(place: Place) -> None:
    statistics = JobStatistics()
    statistics.values["custom", "a/b"] = Summary(3, 2, 1, 2)
    chunk = place.chunk()
    with place.state.session():
        place.journal.finish("a", 0, plan_of(1), statistics, completed([[chunk], []]), is_done=True)
        place.journal.finish(
            "b", 0, plan_of(0), JobStatistics(), JobResult("failed", YtError("x")), is_done=False
        )
    first, second = place.restart().read().finished
    assert (first.job_id, first.outputs, second.job_id, second.outputs) == ("a", [[chunk], []], "b", None)
    assert first.statistics.values == statistics.values
    assert place.state.chunks == {chunk.id: chunk}


def test_a_job_whose_output_is_gone_has_to_run_again(place: Place) -> None:
    chunk = place.chunk()
    with place.state.session():
        place.journal.finish("a", 0, plan_of(0), JobStatistics(), completed([[chunk]]), is_done=True)
    place.files.discard(chunk.id)
    past = place.restart().read()
    assert past.completed(0) == set()


def test_a_job_that_was_lost_or_interrupted_has_to_run_again(place: Place) -> None:
    rest = replace(plan_of(2), parent=(1,))
    with place.state.session():
        place.journal.plan(0, [plan_of(0), plan_of(1), rest])
        place.journal.finish("a", 0, plan_of(0), JobStatistics(), completed([]), is_done=True)
        place.journal.lose("a")
        place.journal.finish("b", 0, plan_of(1), JobStatistics(), completed([]), is_done=False)
        place.journal.finish("c", 0, rest, JobStatistics(), completed([]), is_done=True)
    past = place.restart().read()
    assert past.completed(0) == {2}
    assert [each.place for each in past.finished] == [(0,), (1,), (1, 1)]
    assert past.plans_of(0, [mapper()], place.state) == [plan_of(0), plan_of(1), rest]


def test_dropped_streams_are_not_missed_but_those_written_later_are(place: Place) -> None:
    early, late, sorted_rows = place.chunk(), place.chunk(), place.chunk()
    with place.state.session():
        place.journal.finish("a", 0, plan_of(0), JobStatistics(), completed([[early]]), is_done=True)
        place.journal.sort(0, [sorted_rows])
        place.journal.drop_streams(1)
        place.journal.finish("b", 1, plan_of(1), JobStatistics(), completed([[late]]), is_done=True)
    for chunk in (early, late):
        place.files.discard(chunk.id)
    past = place.restart().read()
    assert (past.completed(0), past.completed(1)) == ({0}, set())
    assert (past.intermediate, past.are_streams_dropped) == ({0: [sorted_rows]}, True)
    place.files.discard(sorted_rows.id)
    assert place.restart().read().finished == []


def test_nothing_is_left_of_an_operation_that_is_over(place: Place) -> None:
    with place.state.session():
        place.journal.plan(0, [plan_of(0)])
        place.journal.finish("a", 0, plan_of(0), JobStatistics(), completed([]), is_done=True)
    journal = place.restart()
    journal.read()
    with place.state.session():
        journal.forget()
    assert place.state.store.read_prefix("progress", "") == []


def test_answers_of_long_ago_are_forgotten(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST", 2)
    made: list[int] = []

    def change(number: int) -> int:
        made.append(number)
        place.state.put("meta", "changed", number)
        return number

    for number in range(3):
        with place.state.session():
            Answers(place.state).once(str(number), partial(change, number))
    place.restart()
    with place.state.session():
        kept = Answers(place.state)
        assert [kept.once(str(number), lambda: -1) for number in range(3)] == [-1, 1, 2]
    assert made == [0, 1, 2]
