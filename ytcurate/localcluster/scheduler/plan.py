"""From a spec and its tables to the jobs to run: input readers, output writers, slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from ytcurate.localcluster.model.values import order_keys
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import Control, Source, encoder_for, parse_control
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.feed import Meter
from ytcurate.localcluster.scheduler.renamed import RenamedReader, new_names, renamed_schema
from ytcurate.localcluster.scheduler.spec import Spec, UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


@dataclass
class Input:
    """One input table: the version the operation started with."""

    path: RichPath
    reader: TableReader
    schema: Schema
    is_renamed: bool = False
    """Have columns other names than in the chunks?"""
    node_id: str = ""
    """"" for intermediate data."""


Place = tuple[int, ...]
"""Where a job's output goes among those of others when order counts: its cookie, first of all."""


@dataclass(frozen=True)
class JobPlan:
    """What one job does; a job that is run again keeps its plan and cookie."""

    cookie: int
    index_in_task: int
    user_job: UserJob
    first_output: int
    segments: list[Segment]
    parent: Place = ()
    """Of a job that goes on where an interrupted one stopped: the place of that one."""

    @property
    def place(self) -> Place:
        return (*self.parent, 1) if self.parent else (self.cookie,)


def open_inputs(cluster: Cluster, spec: Spec, tx: str, node_ids: Sequence[str] = ()) -> list[Input]:
    """Lock every input's version in `tx`; its chunks stay as long as the lock.

    Args:
        node_ids: the tables that `tx` has locked already; their paths may lead elsewhere by now.
    """
    found = []
    cypress = cluster.cypress
    with cluster.state.session():
        for index, path in enumerate(spec.inputs):
            node = cluster.state.nodes[node_ids[index]] if node_ids else cypress.node(path, tx)
            if node.type != "table":
                raise errors.wrong_type(path.text, "table", node.type)
            for unsupported in ("cluster", "timestamp"):
                if path.attributes.get(unsupported):
                    raise YtError(f'"{unsupported}" on an input path is not implemented by the local cluster')
            cypress.locks.acquire(node, tx, "snapshot")
            chunk_ids = cypress.chunks(node, tx)
            schema = attrs.schema_of(cypress, node, tx)
            chunks = [cluster.state.chunks[each] for each in chunk_ids]
            reader = TableReader(cluster.files, chunks, schema.key_columns, schema.descending)
            if names := new_names(path):
                schema = renamed_schema(path, schema, names)
                reader = RenamedReader(reader, names)
            found.append(Input(path, reader, schema, bool(names), node.id))
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


def first_of_each_task(pending: Iterable[JobPlan], count: int) -> Iterator[int]:
    """Where the first job of each of `count` tasks is: one task may wait while there is room for another."""
    seen: set[str] = set()
    for index, job in enumerate(pending):
        if job.user_job.name not in seen:
            seen.add(job.user_job.name)
            yield index
        if len(seen) == count:
            return


def input_of(
    job: UserJob, inputs: list[Input], segments: list[Segment], meter: Meter | None = None
) -> Callable[[], Iterator[bytes]]:
    """A function that streams a job's input in its format, control entities included.

    Args:
        meter: counts the rows, and may end the input before they are all there.
    """
    control = control_of(job, by_default=len(inputs) > 1)

    def stream() -> Iterator[bytes]:
        encoder = encoder_for(job.input_format, sources_of(inputs), control)
        for segment in segments:
            source = inputs[segment.table_index]
            yield from encode_segments(source.reader, [segment], encoder, source.path.columns, meter)
            if meter is not None and meter.is_stopped:
                break
        yield encoder.end()

    return stream


def control_of(job: UserJob, *, by_default: bool) -> Control:
    """Control attributes of a job's input.

    Args:
        by_default: are switches between tables announced unless the spec says otherwise?
    """
    asked = job.raw.get("enable_input_table_index")
    with_table = by_default if asked is None else bool(asked)
    return parse_control(job.job_io.get("control_attributes"), enable_table_index=with_table)


def sources_of(inputs: Sequence[Input]) -> list[Source]:
    return [Source(each.schema, each.path.columns) for each in inputs]


def writers_for(cluster: Cluster, targets: list[Target], limits: WriterLimits) -> list[RowWriter]:
    return [RowWriter(cluster.files, target.schema, limits) for target in targets]


def publish_outputs(
    cluster: Cluster,
    spec: Spec,
    targets: list[Target],
    outputs: list[list[tuple[Place, list[Chunk]]]],
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
    descending = target.schema.descending

    def order(key: list[Any]) -> list[Any]:
        return order_keys(key[: len(descending)], descending)

    chunks = sorted(chunks, key=lambda chunk: (order(chunk.first_key), order(chunk.last_key)))
    last, what = target.last_key, "job outputs overlap with original table"
    for chunk in chunks:
        if last is not None and order(last) > order(chunk.first_key):
            raise YtError(f"Output table {path} is not sorted: {what}", errors.SORT_ORDER_VIOLATION)
        if last is not None and target.schema.unique_keys and order(last) == order(chunk.first_key):
            raise YtError(f"Output table {path} contains duplicate keys: {what}", errors.NON_UNIQUE_KEY)
        last, what = chunk.last_key, "job outputs have overlapping key ranges"
    return chunks
