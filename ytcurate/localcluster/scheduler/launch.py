"""A job about to start: its record, its environment, its place."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.scheduler import ports, reduce
from ytcurate.localcluster.scheduler.job import JobProcess, Source
from ytcurate.localcluster.scheduler.places import places_of
from ytcurate.localcluster.scheduler.plan import Input, JobPlan, input_of
from ytcurate.localcluster.scheduler.pool_tree import Slot
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
    slot: Slot,
) -> tuple[JobRecord, JobProcess]:
    """The record and the process, not yet started, of one run of a plan.

    Args:
        index: how many jobs of the operation were made before.
        slot: where it runs, with the GPUs it got; knows from now on how to preempt it.
    """
    host = socket.gethostname()
    record = JobRecord(
        id=new_id("job"),
        operation_id=operation.id,
        type=spec.job_type(plan.user_job),
        task_name=spec.task_name(plan.user_job),
        cookie=plan.cookie,
        index=index,
        pool_tree=slot.tree,
        address=f"{host}:1",
        start_time=now(),
        pool=slot.member.options[slot.tree].pool,
        input=[
            [each.table_index, each.chunk.id, each.start, each.end, each.row_index, each.range_index]
            for each in plan.segments
        ],
        is_intermediate=spec.kind == "map_reduce" and plan.user_job.group is not None,
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
        "CUDA_VISIBLE_DEVICES": "" if scheduler.slots.machine.simulated else ",".join(slot.devices),
    }
    if spec.kind == "vanilla":
        environment["YT_TASK_JOB_COUNT"] = str(plan.user_job.job_count)
    if plan.user_job.raw.get("docker_image"):
        environment["YT_JOB_DOCKER_IMAGE"] = str(plan.user_job.raw["docker_image"])
    places = places_of(
        scheduler.cluster.settings.data_dir,
        operation.id,
        record.id,
        whole_stderr=bool(spec.raw.get("stderr_table_path")),
    )
    record.exec_attributes = {
        "sandbox_path": str(places.sandbox),
        "gpu_devices": slot.devices,
        "ip_addresses": [],
        "medium_name": "default",
    }
    record.add_event("running", "created")
    process = JobProcess(record.id, plan.user_job, places, plan.segments, environment, spec.secure_vault)
    slot.abort = process.abort
    return record, process


def source_of(plan: JobPlan, inputs: list[Input]) -> Source | None:
    """What a job of an operation with these inputs reads; None if there are none.

    Raises:
        YtError: its format cannot carry what it asks for.
    """
    if not inputs:
        return None
    if plan.user_job.group:
        merged = reduce.input_of(plan.user_job, inputs, plan.segments)
        return lambda meter: merged()
    return lambda meter: input_of(plan.user_job, inputs, plan.segments, meter)()
