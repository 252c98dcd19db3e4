"""From a spec and its tables to the jobs to run: input readers, output writers, slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands.tables import encode_segments
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.upload import Target, publish, table_target
from ytcurate.localcluster.model.values import order_key
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import RowEncoder
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.spec import Spec, UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


@dataclass
class Input:
    """One input table: the version the operation started with."""

    path: RichPath
    reader: TableReader
    schema: Schema


@dataclass(frozen=True)
class JobPlan:
    """What one job does; a job that is run again keeps its plan and cookie."""

    cookie: int
    index_in_task: int
    user_job: UserJob
    first_output: int
    segments: list[Segment]


def open_inputs(cluster: Cluster, spec: Spec, tx: str) -> list[Input]:
    """Lock every input's version in `tx`; its chunks stay as long as the lock."""
    found = []
    cypress = cluster.cypress
    with cluster.state.session():
        for path in spec.inputs:
            node = cypress.node(path, tx)
            if node.type != "table":
                raise errors.wrong_type(path.text, "table", node.type)
            for unsupported in ("rename_columns", "cluster", "timestamp"):
                if path.attributes.get(unsupported):
                    raise YtError(f'"{unsupported}" on an input path is not implemented by the local cluster')
            cypress.locks.acquire(node, tx, "snapshot")
            chunk_ids = cypress.chunks(node, tx)
            schema = attrs.schema_of(cypress, node, tx)
            chunks = [cluster.state.chunks[each] for each in chunk_ids]
            found.append(Input(path, TableReader(cluster.files, chunks, schema.key_columns), schema))
    return found


def lock_files(cluster: Cluster, spec: Spec, tx: str) -> None:
    """Pin the version of every job file in `tx`; a missing one is known before the first job.

    Raises:
        YtError: code 500.
    """
    cypress = cluster.cypress
    with cluster.state.session():
        for job in spec.jobs:
            for value in job.raw.get("file_paths") or []:
                node = cypress.node(ypath.parse(value), tx)
                cypress.locks.acquire(node, tx, "snapshot")


def open_outputs(cluster: Cluster, spec: Spec, tx: str) -> list[Target]:
    """Lock every output in `tx`; the intermediate streams of a map-reduce come first, without a node."""
    found = [Target("", "", False, schema) for schema in spec.streams]
    cypress = cluster.cypress
    with cluster.state.session():
        for path in spec.outputs[len(spec.streams) :]:
            if path.attributes.get("create") and not cypress.exists(path, tx):
                parent = cypress.ensure_parents(path, tx, cluster.settings.user)
                cypress.create(parent, path.steps[-1].key, "table", tx, {}, cluster.settings.user)
            node = cypress.node(path, tx)
            is_sorted = spec.kind == "sort" or spec.merge_mode == "sorted"
            found.append(table_target(cypress, node, path, tx, keep_key=is_sorted))
            if is_sorted:
                # Appended rows must follow those that are there, so nobody else may append.
                cypress.locks.acquire(node, tx, "exclusive")
    return found


def make_jobs(spec: Spec, inputs: list[Input]) -> list[JobPlan]:
    if spec.kind == "vanilla":
        plans: list[JobPlan] = []
        first = 0
        for job in spec.jobs:
            for index in range(job.job_count or 1):
                plans.append(JobPlan(len(plans), index, job, first, []))
            first += len(job.outputs)
        return plans
    segments = [
        segment
        for index, each in enumerate(inputs)
        for segment in each.reader.segments(each.path.ranges, index)
    ]
    asked, weight, most = spec.job_size(spec.jobs[0])
    count = slicing.job_count_for(segments, asked, weight, most)
    slices = slicing.cut(segments, count)
    slicing.check_weight(slices, spec.max_data_weight_per_job)
    return [JobPlan(index, index, spec.jobs[0], 0, each) for index, each in enumerate(slices)]


def input_of(job: UserJob, inputs: list[Input], segments: list[Segment]) -> Callable[[], Iterator[bytes]]:
    """A function that streams a job's input in its format, control entities included."""
    control: dict[str, Any] = dict(job.job_io.get("control_attributes") or {})
    by_default = len(inputs) > 1
    asked = job.raw.get("enable_input_table_index")
    with_table = bool(control.get("enable_table_index", by_default if asked is None else asked))
    encoders = [
        RowEncoder(job.input_format, [column.name for column in each.schema.columns]) for each in inputs
    ]

    def stream() -> Iterator[bytes]:
        current = -1
        for table_index, run in _runs(segments):
            if with_table and table_index != current:
                yield encoders[table_index].control(table_index=table_index)
            current = table_index
            source = inputs[table_index]
            yield from encode_segments(
                source.reader, run, encoders[table_index], source.path.columns, control
            )

    return stream


def _runs(segments: list[Segment]) -> Iterator[tuple[int, list[Segment]]]:
    """Neighbouring segments of one table together, so that control entities are not repeated."""
    run: list[Segment] = []
    for segment in segments:
        if run and run[-1].table_index != segment.table_index:
            yield run[-1].table_index, run
            run = []
        run.append(segment)
    if run:
        yield run[-1].table_index, run


def writers_for(cluster: Cluster, targets: list[Target], limits: WriterLimits) -> list[RowWriter]:
    return [RowWriter(cluster.files, target.schema, limits) for target in targets]


def publish_outputs(
    cluster: Cluster,
    spec: Spec,
    targets: list[Target],
    outputs: list[list[tuple[int, list[Chunk]]]],
    *,
    ordered: bool,
) -> None:
    """Make the jobs' chunks the content of the output tables, inside the output transaction.

    `outputs` has per table what each finished job wrote, in the order they finished.

    Raises:
        YtError: code 301 or 306, what the jobs wrote does not make one sorted table.
    """
    with cluster.state.session():
        for path, target, pieces in zip(spec.outputs, targets, outputs, strict=True):
            if not target.node_id:
                continue  # An intermediate stream.
            if ordered:
                pieces = sorted(pieces, key=lambda piece: piece[0])
            chunks = [chunk for _, each in pieces for chunk in each]
            if target.schema.key_columns:
                chunks = _in_key_order(path.text, target, chunks)
            publish(cluster.cypress, target, chunks)


def _in_key_order(path: str, target: Target, chunks: list[Chunk]) -> list[Chunk]:
    def order(key: list[Any]) -> list[tuple[int, Any]]:
        return [order_key(value) for value in key]

    chunks = sorted(chunks, key=lambda chunk: (order(chunk.first_key), order(chunk.last_key)))
    last, what = target.last_key, "job outputs overlap with original table"
    for chunk in chunks:
        if last is not None and order(last) > order(chunk.first_key):
            raise YtError(f"Output table {path} is not sorted: {what}", errors.SORT_ORDER_VIOLATION)
        if last is not None and target.schema.unique_keys and order(last) == order(chunk.first_key):
            raise YtError(f"Output table {path} contains duplicate keys: {what}", errors.NON_UNIQUE_KEY)
        last, what = chunk.last_key, "job outputs have overlapping key ranges"
    return chunks
