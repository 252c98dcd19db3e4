"""The progress of an operation, as `get_operation` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.scheduler.job import JobProcess
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.statistics import OperationStatistics
from ytcurate.localcluster.scheduler.tally import Tally


def build(
    spec: Spec,
    tally: Tally,
    finished: OperationStatistics,
    running: Sequence[tuple[JobRecord, JobProcess]],
    pending: Sequence[JobPlan],
) -> dict[str, Any]:
    """Counters and statistics as of now; `build_time` grows with every call."""
    runs = [record.task_name for record, _ in running]
    waits = [spec.task_name(job.user_job) for job in pending]
    counters = tally.total(runs, waits)
    statistics = finished.merged_with(
        (process.measured(), record.type, record.pool_tree) for record, process in running
    )
    job_types = {spec.task_name(job): spec.job_type(job) for job in spec.jobs}
    return {
        "jobs": counters,
        "total_job_counter": counters,
        "tasks": tally.tasks(job_types, runs, waits),
        "job_statistics": statistics.v1(),
        "job_statistics_v2": statistics.v2(),
        "build_time": now(),
    }


def brief(jobs: dict[str, Any]) -> dict[str, Any]:
    """The counters with one number each."""
    return {name: value["total"] if isinstance(value, dict) else value for name, value in jobs.items()}
