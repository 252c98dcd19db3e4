"""What the end of a job means: what is remembered of it, what is run again, what ends the operation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.job import JobProcess, JobResult


@dataclass(frozen=True)
class Repeats:
    """What is to be run because a job is over."""

    again: bool = False
    """The same once more, with its cookie."""
    is_lost: bool = False
    """It was completed, and counts as such no longer."""
    rest: JobPlan | None = None
    """What an interrupted job did not read."""


def describe(record: JobRecord, process: JobProcess, result: JobResult) -> None:
    """Put into a job's record how it ended."""
    process.show(record)
    record.state, record.finish_time = result.state, now()
    record.error = result.error.to_dict() if result.error else {}
    asked = result.interruption or process.interruption
    record.interruption = {} if asked is None else asked.to_yson()
    record.progress = 1.0 if result.state == "completed" else record.progress
    record.add_event(result.state, "finished")


def repeats(spec: Spec, job: JobPlan, result: JobResult, next_cookie: int) -> Repeats:
    """What to run after a job has ended.

    Args:
        next_cookie: for a job that is new.
    """
    if result.state != "completed":
        return Repeats(again=True)
    if result.is_abandoned:
        return Repeats()
    if spec.kind == "vanilla":
        lost = result.interruption is not None or job.user_job.restarts_completed
        return Repeats(again=lost, is_lost=lost)
    if result.unread:
        rest = replace(
            job, cookie=next_cookie, index_in_task=next_cookie, segments=result.unread, parent=job.place
        )
        return Repeats(rest=rest)
    return Repeats()


def failure(spec: Spec, job: JobPlan, record: JobRecord, result: JobResult, failed: int) -> YtError | None:
    """The error that a job's end puts an end to the operation with, if it does.

    Args:
        failed: how many jobs of the operation have failed, this one included.
    """
    if result.state == "completed" or result.error is None:
        return None
    if spec.raw.get("fail_on_job_restart") or job.user_job.raw.get("fail_on_job_restart"):
        attributes = {"job_id": record.id, "reason": f"job_{result.state}"}
        is_aborted = result.state == "aborted"
        if is_aborted:
            attributes["job_abort_reason"] = result.reason
        return YtError(
            f'Job {result.state}; failing operation since "fail_on_job_restart" spec option is set',
            errors.OPERATION_FAILED_ON_JOB_RESTART,
            attributes,
            [] if is_aborted else [result.error],
        )
    if result.state == "aborted":
        return None
    if result.fatal:
        return YtError("Job failed with fatal error", inner=[result.error])
    if failed >= spec.max_failed_job_count:
        limit = {"max_failed_job_count": spec.max_failed_job_count}
        return YtError("Failed jobs limit exceeded", errors.FAILED_JOBS_LIMIT, limit, [result.error])
    return None


def drop_stderr(spec: Spec, record: JobRecord, process: JobProcess, kept: int) -> None:
    """Keep `max_stderr_count` of them; those of failed jobs always.

    Args:
        kept: how many there are already.
    """
    if record.state != "failed" and (kept >= spec.max_stderr_count or not record.stderr_size):
        process.places.stderr.unlink(missing_ok=True)
        record.stderr_size = 0
