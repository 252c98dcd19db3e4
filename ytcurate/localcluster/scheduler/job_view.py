"""A job as `list_jobs` and `get_job` show it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.tally import abort_reason

LISTED = (
    "job_id", "type", "state", "controller_state", "start_time", "finish_time", "address", "has_spec",
    "progress", "stderr_size", "fail_context_size", "error", "interruption_info", "brief_statistics",
    "job_competition_id", "has_competitors", "probing_job_competition_id", "task_name", "pool", "pool_tree",
    "monitoring_descriptor", "core_infos", "job_cookie",
)  # fmt: skip
"""Attributes of a job that `list_jobs` shows unless told otherwise."""
ALL = (*LISTED, "operation_id", "statistics", "events", "exec_attributes")
"""And `get_job`; there are no others."""


def shown(
    record: JobRecord, attributes: Collection[str] | None, default: Collection[str], id_key: str
) -> dict[str, Any]:
    """The attributes asked for, those that the job has.

    Args:
        attributes: names, or None for `default`.
        id_key: what the id is called in the answer.

    Raises:
        YtError: code 1920, there is no such attribute.
    """
    asked = default if attributes is None else attributes
    for name in asked:
        if name not in ALL:
            raise YtError(
                f'Job attribute "{name}" is not supported',
                errors.NO_SUCH_ATTRIBUTE,
                {"attribute_name": name},
            )
    has = _attributes(record)
    answer = {name: has[name] for name in asked if name in has}
    if "job_id" in answer:
        answer[id_key] = answer.pop("job_id")
    if "state" in answer:
        answer["archive_state"] = record.state
    reason = abort_reason(record.error)
    if "error" in answer and reason:
        answer["abort_reason"] = reason
    return {**answer, "is_stale": False}


def _attributes(record: JobRecord) -> dict[str, Any]:
    has: dict[str, Any] = {
        "job_id": record.id,
        "operation_id": record.operation_id,
        "type": record.type,
        "state": record.state,
        "controller_state": record.state,
        "start_time": record.start_time,
        "address": record.address,
        "has_spec": True,
        "progress": record.progress,
        "brief_statistics": record.statistics,
        "has_competitors": False,
        "task_name": record.task_name,
        "pool": record.pool,
        "pool_tree": record.pool_tree,
        "job_cookie": record.cookie,
        "statistics": record.all_statistics,
        "events": record.events,
        "exec_attributes": record.exec_attributes,
    }
    sometimes = {
        "finish_time": record.finish_time,
        "stderr_size": record.stderr_size,
        "fail_context_size": record.fail_context_size,
        "error": record.error,
        "interruption_info": record.interruption,
    }
    return has | {name: value for name, value in sometimes.items() if value}
