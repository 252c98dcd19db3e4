"""A job about to start: its record, its environment, its place."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.scheduler import ports
from ytcurate.localcluster.scheduler.job import JobProcess
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.scheduler import Scheduler


def make_job(
    scheduler: Scheduler,
    operation: OperationRecord,
    spec: Spec,
    plan: JobPlan,
    index: int,
    devices: list[str],
) -> tuple[JobRecord, JobProcess]:
    """The record and the process, not yet started, of one run of a plan.

    Args:
        index: how many jobs of the operation were made before.
        devices: GPUs it got, [] for none.
    """
    host = socket.gethostname()
    record = JobRecord(
        id=new_id("job"),
        operation_id=operation.id,
        type=plan.user_job.job_type or operation.type,
        task_name=plan.user_job.name,
        cookie=plan.cookie,
        index=index,
        pool_tree=_tree(operation, devices),
        address=f"{host}:1",
        start_time=now(),
    )
    environment = {
        "YT_OPERATION_ID": operation.id,
        "YT_JOB_ID": record.id,
        "YT_JOB_INDEX": str(index),
        "YT_JOB_COOKIE": str(plan.cookie),
        "YT_TASK_JOB_INDEX": str(plan.index_in_task),
        "YT_START_ROW_INDEX": str(plan.segments[0].row_index if plan.segments else 0),
        "YT_POOL_TREE": record.pool_tree,
        "YT_NODE_HOST": host,
        **ports.environment(ports.count_of(plan.user_job.raw)),
        # Empty hides the machine's GPUs from a job that asked for none.
        "CUDA_VISIBLE_DEVICES": "" if scheduler.slots.simulated else ",".join(devices),
    }
    if spec.kind == "vanilla":
        environment["YT_TASK_JOB_COUNT"] = str(plan.user_job.job_count)
    if plan.user_job.raw.get("docker_image"):
        environment["YT_JOB_DOCKER_IMAGE"] = str(plan.user_job.raw["docker_image"])
    folder = scheduler.sandboxes / record.id
    stderr = scheduler.stderr_path(operation.id, record.id)
    return record, JobProcess(record.id, plan.user_job, folder, stderr, environment, spec.secure_vault)


def _tree(operation: OperationRecord, devices: list[str]) -> str:
    """A tree of the operation's own: one with GPUs for a job that has some, where there is one."""
    gpu = [name for name in operation.pool_trees if "gpu" in name]
    plain = [name for name in operation.pool_trees if "gpu" not in name]
    return [*(gpu if devices else plain), *operation.pool_trees][0]
