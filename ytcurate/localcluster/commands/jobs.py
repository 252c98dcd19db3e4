"""Commands that show jobs: list_jobs, get_job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands.job_lookup import job_of, named_operation, no_allocation
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.registry import command
from ytcurate.localcluster.scheduler import options
from ytcurate.localcluster.scheduler.job_view import ALL, LISTED, shown
from ytcurate.localcluster.scheduler.record import JobRecord

MOST = 2**62
FLAGS: dict[str, Callable[[JobRecord], bool]] = {
    "with_stderr": lambda job: bool(job.stderr_size),
    "with_fail_context": lambda job: bool(job.fail_context_size),
    "with_interruption_info": lambda job: bool(job.interruption),
    "with_spec": lambda job: True,
    "with_competitors": lambda job: False,
    "with_monitoring_descriptor": lambda job: False,
}
"""Filters by what a job has; there are neither competitors nor monitoring here."""
SORT_KEYS: dict[str, Callable[[JobRecord], Any]] = {
    "type": lambda job: job.type,
    "state": lambda job: job.state,
    "start_time": lambda job: job.start_time,
    "finish_time": lambda job: job.finish_time,
    "address": lambda job: job.address,
    "progress": lambda job: job.progress,
    "duration": lambda job: _duration(job),
    "id": lambda job: job.id,
}


def _duration(job: JobRecord) -> float:
    start, end = (datetime.fromisoformat(each) for each in (job.start_time, job.finish_time or now()))
    return (end - start).total_seconds()


@command("list_jobs")
def list_jobs(call: Call) -> Any:
    operation = named_operation(call)
    if operation is None:
        raise YtError('Either "operation_id" or "operation_alias" must be specified')
    offset = options.number(call.params, "offset", 0, -MOST, MOST)
    limit = options.number(call.params, "limit", 1000, -MOST, MOST)
    if offset < 0 or limit < 0:
        raise YtError("offset and limit must be nonnegative numbers")
    everything = call.cluster.scheduler.jobs(operation)
    prefix = str(call.params.get("address") or "")
    jobs = [job for job in everything if job.address.startswith(prefix)]
    types = Counter(job.type for job in jobs)
    jobs = _matching(jobs, call, "job_type", "type", lambda job: job.type)
    states = Counter(job.state for job in jobs)
    jobs = _matching(jobs, call, "job_state", "state", lambda job: job.state)
    jobs = _matching(jobs, call, "task_name", "task_name", lambda job: job.task_name)
    for name, has in FLAGS.items():
        if call.params.get(name) is not None:
            jobs = [job for job in jobs if has(job) == call.flag(name)]
    jobs = _sorted(jobs, str(call.params.get("sort_field") or "none"), call)
    at_controller = 0 if operation.is_over else len(everything)
    names = _attributes(call)
    return {
        "jobs": [shown(job, names, LISTED, "id") for job in jobs[offset : offset + limit]],
        "cypress_job_count": None,
        "scheduler_job_count": at_controller,
        "controller_agent_job_count": at_controller,
        "archive_job_count": sum(types.values()),
        "type_counts": dict(types),
        "state_counts": dict(states),
        "errors": [],
    }


def _attributes(call: Call) -> list[str] | None:
    """Names of attributes asked for, None for the usual ones.

    Raises:
        YtError: it is no list.
    """
    given = call.params.get("attributes")
    if given is None:
        return None
    if not isinstance(given, list):
        raise YtError(f'Parameter "attributes" of {call.command} must be a list, found {str(given)[:100]!r}')
    return [str(name) for name in given]


def _matching(
    jobs: list[JobRecord], call: Call, name: str, other: str, read: Callable[[JobRecord], str]
) -> list[JobRecord]:
    """Those for which `read` gives the value of a parameter, which has two names."""
    wanted = call.params.get(name) or call.params.get(other)
    return jobs if wanted is None else [job for job in jobs if read(job) == str(wanted)]


def _sorted(jobs: list[JobRecord], field: str, call: Call) -> list[JobRecord]:
    """
    Raises:
        YtError: jobs cannot be sorted by this.
    """
    if field == "none":
        return jobs
    if field not in SORT_KEYS:
        raise YtError(f'Error parsing EJobSortField value "{field}"')
    descending = str(call.params.get("sort_order") or "ascending") == "descending"
    key = SORT_KEYS[field]
    return sorted(jobs, key=lambda job: (key(job), job.id), reverse=descending)


@command("get_job")
def get_job(call: Call) -> Any:
    operation, job_id = named_operation(call), str(call.need("job_id"))
    found = job_of(call, operation)
    if found is None and operation is not None:
        raise YtError(
            f"Job {job_id} or operation {operation.id} not found neither in archive nor in controller agent",
            errors.NO_SUCH_JOB_ANYWHERE,
        )
    if found is None or (operation is None and found[1].finish_time):
        # Without an operation only the scheduler is asked, and it knows of running jobs alone.
        raise no_allocation(job_id)
    return shown(found[1], _attributes(call), ALL, "job_id")
