"""Commands on jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.registry import command
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord

PIECE = 1 << 20


def _operation(call: Call) -> OperationRecord:
    return call.cluster.scheduler.find(call.params.get("operation_id"), call.params.get("operation_alias"))


def _job(call: Call) -> tuple[OperationRecord, JobRecord]:
    record, job_id = _operation(call), str(call.need("job_id"))
    for job in call.cluster.scheduler.jobs(record):
        if job.id == job_id:
            return record, job
    raise YtError(f"No such job {job_id}", errors.NO_SUCH_JOB)


@command("list_jobs")
def list_jobs(call: Call) -> Any:
    params = call.params
    jobs = call.cluster.scheduler.jobs(_operation(call))
    states = Counter(job.state for job in jobs)
    types = Counter(job.type for job in jobs)
    wanted_state, wanted_type = (
        params.get("job_state") or params.get("state"),
        params.get("job_type") or params.get("type"),
    )
    if wanted_state is not None:
        jobs = [job for job in jobs if job.state == str(wanted_state)]
    if wanted_type is not None:
        jobs = [job for job in jobs if job.type == str(wanted_type)]
    if params.get("task_name") is not None:
        jobs = [job for job in jobs if job.task_name == str(params["task_name"])]
    if params.get("with_stderr") is not None:
        jobs = [job for job in jobs if bool(job.stderr_size) == call.flag("with_stderr")]
    key = str(params.get("sort_field") or "none")
    if key in ("start_time", "finish_time", "state", "type", "id"):
        descending = str(params.get("sort_order") or "ascending") == "descending"
        jobs = sorted(jobs, key=lambda job: str(getattr(job, key)), reverse=descending)
    offset, limit = int(params.get("offset") or 0), int(params.get("limit") or 1000)
    return {
        "jobs": [job.to_yson() for job in jobs[offset : offset + limit]],
        "cypress_job_count": None,
        "scheduler_job_count": sum(1 for job in jobs if not job.finish_time),
        "controller_agent_job_count": sum(1 for job in jobs if not job.finish_time),
        "archive_job_count": sum(1 for job in jobs if job.finish_time),
        "type_counts": dict(types),
        "state_counts": dict(states),
        "errors": [],
    }


@command("get_job")
def get_job(call: Call) -> Any:
    record, job = _job(call)
    shown = job.to_yson()
    shown["job_id"] = shown.pop("id")
    shown["operation_id"] = record.id
    return shown


@command("get_job_stderr", output_type="binary", heavy=True)
def get_job_stderr(call: Call) -> Any:
    record, job = _job(call)
    path = call.cluster.scheduler.stderr_path(record.id, job.id)

    def pieces() -> Iterator[bytes]:
        if not path.exists():
            return
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    return Stream(pieces())
