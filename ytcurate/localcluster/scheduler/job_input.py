"""The input of a job, running or over, once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.scheduler import launch
from ytcurate.localcluster.scheduler import spec as specs
from ytcurate.localcluster.scheduler.job import Source
from ytcurate.localcluster.scheduler.plan import Input, JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.spec import Spec, UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


def of(cluster: Cluster, operation: OperationRecord, job: JobRecord) -> tuple[Source | None, list[str]]:
    """How to open the input (None for a job without one), and its chunks, pinned; the caller unpins them.

    Raises:
        YtError: the data is gone.
    """
    with cluster.state.session():
        live = cluster.scheduler.live.get(operation.id)
        process = live.running_job(job.id) if live is not None else None
        if process is not None:
            source, segments = process.source, process.segments
        else:
            segments = _segments(cluster, job)
            source = _source(cluster, operation, job, segments)
        chunks = [segment.chunk.id for segment in segments]
        cluster.state.pin(chunks)
    return source, chunks


def _segments(cluster: Cluster, job: JobRecord) -> list[Segment]:
    """
    Raises:
        YtError: a chunk is gone.
    """
    found = []
    for table, chunk_id, start, end, row_index, range_index in job.input:
        chunk = cluster.state.chunks.get(str(chunk_id))
        if chunk is None or not cluster.files.path(chunk.id).exists():
            cause = YtError(f"No such chunk {chunk_id}", errors.NO_SUCH_CHUNK)
            what = "Failed to locate chunks used in job input"
            raise YtError(what, attributes={"job_id": job.id}, inner=[cause])
        found.append(Segment(chunk, start, end, row_index, range_index, table))
    return found


def _source(
    cluster: Cluster, operation: OperationRecord, job: JobRecord, segments: list[Segment]
) -> Source | None:
    spec = specs.parse(operation.type, operation.spec, cluster.settings)
    inputs = [
        Input(path, TableReader(cluster.files, []), schemas.parse(schema))
        for path, schema in zip(spec.inputs, operation.input_schemas, strict=True)
    ]
    return launch.source_of(JobPlan(job.cookie, 0, user_job_of(spec, job), 0, segments), inputs)


def user_job_of(spec: Spec, job: JobRecord) -> UserJob:
    """The part of a spec that a job was made from."""
    return next(each for each in spec.jobs if spec.task_name(each) == job.task_name)


def paths(operation: OperationRecord, job: JobRecord) -> list[Any]:
    """The input tables of a job, each with the ranges of rows that it was given.

    Raises:
        YtError: it reads no tables.
    """
    if job.is_intermediate:
        what = "Cannot build job input paths; job has intermediate input"
        raise YtError(what, attributes={"job_id": job.id})
    ranges: dict[int, dict[int, list[int]]] = {}
    for table, _, start, end, row_index, range_index in job.input:
        rows = ranges.setdefault(table, {}).setdefault(range_index, [row_index, row_index])
        rows[0] = min(rows[0], row_index)
        rows[1] = max(rows[1], row_index + end - start)
    answer = []
    for table, of_table in sorted(ranges.items()):
        path = ypath.parse(operation.spec["input_table_paths"][table])
        attributes: dict[str, Any] = {
            "ranges": [
                {"lower_limit": {"row_index": low}, "upper_limit": {"row_index": high}}
                for _, (low, high) in sorted(of_table.items())
            ]
        }
        if path.columns is not None:
            attributes["columns"] = path.columns
        answer.append(yson.to_yson_type(path.text, attributes))
    return answer
