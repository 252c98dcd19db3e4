"""What the end of a job means, and how it is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.localcluster.model.test_slicing import segment
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler import ending
from ytcurate.localcluster.scheduler import spec as specs
from ytcurate.localcluster.scheduler.ending import Repeats
from ytcurate.localcluster.scheduler.interruption import USER_REQUEST, Interruption, can_be_interrupted
from ytcurate.localcluster.scheduler.job import JobResult
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.tally import Tally
from ytcurate.localcluster.settings import Settings

pytestmark = pytest.mark.checked_against("server source")

INTERRUPTED = Interruption(USER_REQUEST, 1000)
SETTINGS = Settings(data_dir=Path())


def map_spec(**options: Any) -> Spec:
    raw = {"mapper": {"command": "cat"}, "input_table_paths": ["//t"], "output_table_paths": ["//o"]}
    return specs.parse("map", {**raw, **options}, SETTINGS)


def vanilla_spec(**task: Any) -> Spec:
    return specs.parse("vanilla", {"tasks": {"main": {"command": "true", "job_count": 1, **task}}}, SETTINGS)


def plan_of(spec: Spec, parent: tuple[int, ...] = ()) -> JobPlan:
    return JobPlan(3, 3, spec.jobs[0], 0, [segment(10, 100)], parent)


def record(state: str) -> JobRecord:
    return JobRecord("1-2-384-4", "5-6-3e8-8", "map", "map", 3, 0, "default", "here:1", state)


def test_what_failed_or_was_aborted_is_run_again() -> None:
    spec = map_spec()
    for state in ("failed", "aborted"):
        assert ending.repeats(spec, plan_of(spec), JobResult(state, YtError("x")), 7) == Repeats(again=True)


def test_what_an_interrupted_job_did_not_read_is_a_new_job_at_its_place() -> None:
    spec, unread = map_spec(), [segment(4, 40, 6)]
    result = JobResult("completed", interruption=INTERRUPTED, unread=unread)
    rest = ending.repeats(spec, plan_of(spec), result, 7).rest
    assert rest is not None
    assert (rest.cookie, rest.segments, rest.place) == (7, unread, (3, 1))
    later = ending.repeats(spec, rest, result, 8).rest
    assert later is not None
    assert sorted([(4,), later.place, (3,), rest.place]) == [(3,), (3, 1), (3, 1, 1), (4,)]


def test_an_interrupted_job_that_read_everything_leaves_nothing() -> None:
    spec = map_spec()
    assert (
        ending.repeats(spec, plan_of(spec), JobResult("completed", interruption=INTERRUPTED), 7) == Repeats()
    )


def test_a_vanilla_job_is_lost_when_it_was_interrupted_or_is_to_restart() -> None:
    lost = Repeats(again=True, is_lost=True)
    spec, eternal = vanilla_spec(), vanilla_spec(restart_completed_jobs=True)
    assert ending.repeats(spec, plan_of(spec), JobResult("completed"), 7) == Repeats()
    interrupted = JobResult("completed", interruption=INTERRUPTED)
    assert ending.repeats(spec, plan_of(spec), interrupted, 7) == lost
    assert ending.repeats(eternal, plan_of(eternal), JobResult("completed"), 7) == lost
    assert (
        ending.repeats(eternal, plan_of(eternal), JobResult("completed", is_abandoned=True), 7) == Repeats()
    )


@pytest.mark.parametrize(
    ("options", "result", "failed", "code"),
    [
        ({}, JobResult("failed", YtError("x")), 9, None),
        ({}, JobResult("failed", YtError("x")), 10, 215),
        ({}, JobResult("failed", YtError("x"), fatal=True), 1, 1),
        ({}, JobResult("aborted", YtError("x")), 0, None),
        ({"fail_on_job_restart": True}, JobResult("aborted", YtError("x")), 0, 210),
        ({"fail_on_job_restart": True}, JobResult("failed", YtError("x"), fatal=True), 1, 210),
        ({"fail_on_job_restart": True}, JobResult("completed"), 0, None),
    ],
)
def test_which_end_of_a_job_ends_the_operation(
    options: dict[str, Any], result: JobResult, failed: int, code: int | None
) -> None:
    spec = map_spec(**options)
    error = ending.failure(spec, plan_of(spec), record(result.state), result, failed)
    assert (None if error is None else error.code) == code


@pytest.mark.parametrize(
    ("spec", "can"),
    [
        (map_spec(), True),
        (map_spec(job_count=2), False),
        (map_spec(job_count=2, force_allow_job_interruption=True), True),
        (map_spec(ordered=True, batch_row_count=5), False),
        (vanilla_spec(), False),
        (vanilla_spec(interruption_signal="SIGINT"), True),
    ],
)
@pytest.mark.checked_against("documentation")
def test_which_jobs_can_be_interrupted(spec: Spec, can: bool) -> None:
    assert can_be_interrupted(spec.kind, spec.raw, spec.jobs[0]) is can


def test_counters_tell_what_became_of_jobs() -> None:
    tally = Tally()
    tally.count("map", "completed", "")
    tally.count("map", "completed", "user_request")
    tally.count("map", "failed", "")
    for reason in ("preemption", "something new"):
        tally.count("map", "aborted", reason)
    tally.lost("map", "")
    total = tally.total(["map"], ["map", "map"])
    assert (total["total"], total["running"], total["pending"], total["failed"], total["lost"]) == (
        4,
        1,
        2,
        1,
        1,
    )
    assert (total["completed"]["total"], total["completed"]["non-interrupted"]) == (1, 0)
    assert total["completed"]["interrupted"]["user_request"] == 1
    assert total["aborted"]["total"] == 2
    assert total["aborted"]["scheduled"]["preemption"] == total["aborted"]["scheduled"]["other"] == 1


def test_a_task_is_completed_when_none_of_its_jobs_waits_or_runs() -> None:
    tally, types = Tally(), {"map": "map"}
    assert [task["completed"] for task in tally.tasks(types, [], ["map"])] == [False]
    tally.count("map", "completed", "")
    assert [task["completed"] for task in tally.tasks(types, ["map"], [])] == [False]
    (task,) = tally.tasks(types, [], [])
    assert (task["task_name"], task["job_type"], task["completed"]) == ("map", "map", True)
