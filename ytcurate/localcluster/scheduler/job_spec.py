"""What a job was made from, as `get_job_spec` shows it: the part of the protocol that is true here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.scheduler import spec as specs
from ytcurate.localcluster.scheduler.job_input import user_job_of
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.spec import UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster

TYPES = {
    "map": 1,
    "partition_map": 2,
    "sorted_reduce": 9,
    "partition_reduce": 10,
    "ordered_map": 14,
    "vanilla": 16,
}
"""Numbers of job types in the protocol."""


def build(cluster: Cluster, operation: OperationRecord, job: JobRecord) -> dict[str, Any]:
    spec = specs.parse(operation.type, operation.spec, cluster.settings)
    user_job = user_job_of(spec, job)
    return {
        "type": TYPES[job.type],
        "job_spec_ext": {
            "user_job_spec": _user_job(user_job),
            "io_config": user_job.job_io,
            "task_name": job.task_name,
            "input_row_count": sum(end - start for _, _, start, end, _, _ in job.input),
            "input_table_specs": _inputs(job),
            "output_table_specs": [{"path": path.text} for path in user_job.outputs if path.steps],
        },
    }


def _user_job(job: UserJob) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "shell_command": job.command,
        "memory_limit": job.memory_limit,
        "gpu_limit": job.gpu_limit,
        "files": [_file(value) for value in job.raw.get("file_paths") or []],
        "environment": [f"{name}={value}" for name, value in (job.raw.get("environment") or {}).items()],
        "tmpfs_volumes": [{"path": path, "size": size} for path, size in job.tmpfs],
    }
    if job.time_limit_ms:
        shown["job_time_limit"] = job.time_limit_ms
    return shown


def _file(value: Any) -> dict[str, Any]:
    path = ypath.parse(value)
    name = path.attributes.get("file_name")
    return {"path": path.text, **({} if name is None else {"file_name": name})}


def _inputs(job: JobRecord) -> list[dict[str, Any]]:
    """One for each table, with the pieces of its chunks."""
    tables: dict[int, list[dict[str, Any]]] = {}
    for table, chunk_id, start, end, row_index, range_index in job.input:
        tables.setdefault(table, []).append(
            {
                "chunk_id": chunk_id,
                "lower_limit": {"row_index": start},
                "upper_limit": {"row_index": end},
                "table_row_index": row_index,
                "range_index": range_index,
                "row_count_override": end - start,
            }
        )
    return [{"table_index": table, "chunk_specs": specs} for table, specs in sorted(tables.items())]
