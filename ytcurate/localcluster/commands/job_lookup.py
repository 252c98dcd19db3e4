"""Finding the operation and the job that a command names."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler.job import JobProcess
from ytcurate.localcluster.scheduler.operation import Operation
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord


def named_operation(call: Call) -> OperationRecord | None:
    """None if the call leaves it to the job's id.

    Raises:
        YtError: code 1915, there is no such operation.
    """
    operation_id, alias = call.params.get("operation_id"), call.params.get("operation_alias")
    if operation_id is None and alias is None:
        return None
    return call.cluster.scheduler.find(operation_id, alias)


def job_of(call: Call, operation: OperationRecord | None) -> tuple[OperationRecord, JobRecord] | None:
    """The job a call names, in the operation or in any; None if there is none."""
    job_id, scheduler = str(call.need("job_id")), call.cluster.scheduler
    if operation is None:
        operation = scheduler.operation_of(job_id)
    if operation is None:
        return None
    return next(((operation, job) for job in scheduler.jobs(operation) if job.id == job_id), None)


def running_job(call: Call) -> tuple[Operation, JobProcess]:
    """A running job by its id alone.

    Raises:
        YtError: code 203, it does not run.
    """
    job_id = str(call.need("job_id"))
    for operation in list(call.cluster.scheduler.live.values()):
        process = operation.running_job(job_id)
        if process is not None:
            return operation, process
    raise no_allocation(job_id)


def no_allocation(job_id: Any) -> YtError:
    """The answer of a scheduler about a job that is over, or never was."""
    return YtError(f"Allocation {job_id} not found", errors.NO_SUCH_JOB)


def data_missing(what: str, operation: OperationRecord | None, job_id: Any) -> YtError:
    attributes = {"job_id": str(job_id), **({"operation_id": operation.id} if operation else {})}
    return YtError(f"Job {what} is not found", errors.NO_SUCH_JOB, attributes)
