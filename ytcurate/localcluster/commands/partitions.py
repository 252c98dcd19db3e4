"""Distributed reading: partition_tables, read_table_partition."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from ytcurate.localcluster import errors, partitioning
from ytcurate.localcluster.commands.tables import (
    encode_segments,
    open_table,
    refuse_unsupported,
    started,
)
from ytcurate.localcluster.commands.values import with_attributes
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.partitioning import Partition, Table
from ytcurate.localcluster.registry import command
from ytcurate.localcluster.rows import Source, encoder_for, parse_control, require_supported

MODES = ("unordered", "ordered", "sorted")


@command("partition_tables", detached=True)
def partition_tables(call: Call) -> Any:
    mode = str(call.params.get("partition_mode") or "unordered")
    if mode not in MODES:
        raise YtError(f'Error parsing partition mode "{mode}": expected one of {", ".join(MODES)}')
    if mode == "sorted":
        raise YtError("Sorted partitioning is not supported yet")
    weight, most = _positive(call, "data_weight_per_partition"), None
    if call.params.get("max_partition_count") is not None:
        most = _positive(call, "max_partition_count")
    unsaid = call.params.get("adjust_data_weight_per_partition") is None
    adjust = unsaid or call.flag("adjust_data_weight_per_partition")
    if not isinstance(call.need("paths"), list):
        raise YtError("Error reading parameter /paths: expected a list")
    paths = [ypath.parse(path) for path in call.need("paths")]
    tables: list[Table] = []
    segments: list[Segment] = []
    for index, path in enumerate(paths):
        refuse_unsupported(path)
        reader, schema = open_table(call, path, call.tx)
        try:
            segments += reader.segments(path.ranges, index)
        finally:
            # Only the chunks' records are used from here on.
            call.cluster.state.unpin([chunk.id for chunk in reader.chunks])
        tables.append(Table(schema, path.columns))
    cookies = call.flag("enable_cookies")
    found = partitioning.cut(tables, segments, weight, most, adjust=adjust)
    return {"partitions": [_answer(partition, paths, cookies) for partition in found]}


def _positive(call: Call, name: str) -> int:
    value = call.need(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise YtError(f'Error reading parameter /{name}: expected a number, found "{str(value)[:100]}"')
    if value <= 0:
        raise errors.option_out_of_bounds(name, value, 1, 2**63 - 1)
    return int(value)


def _answer(partition: Partition, paths: list[RichPath], with_cookie: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "table_ranges": [_range(partition, index, path) for index, path in enumerate(paths)],
        "aggregate_statistics": partition.statistics(),
    }
    if with_cookie:
        answer["cookie"] = partitioning.to_cookie(partition)
    return answer


def _range(partition: Partition, index: int, path: RichPath) -> Any:
    limits = ("lower_limit", "upper_limit")
    kept = {name: value for name, value in path.attributes.items() if name not in limits}
    if path.columns is not None:
        kept["columns"] = path.columns
    return with_attributes(path.text, {**kept, "ranges": partition.ranges(index)})


@command("read_table_partition", output_type="tabular", heavy=True)
def read_table_partition(call: Call) -> Any:
    format = require_supported(call.format("output_format"))
    control = parse_control(call.params.get("control_attributes"))
    state = call.cluster.state
    with state.session():
        partition = partitioning.from_cookie(call.need("cookie"), state.chunks)
        pins = [segment.chunk.id for segment in partition.segments]
        state.pin(pins)
    try:
        sources = [Source(table.schema, table.columns) for table in partition.tables]
        encoder = encoder_for(format, sources, control)
    except BaseException:
        state.unpin(pins)
        raise

    def pieces() -> Iterator[bytes]:
        reader = TableReader(call.cluster.files, [segment.chunk for segment in partition.segments])
        try:
            for index, group in itertools.groupby(partition.segments, lambda segment: segment.table_index):
                yield from encode_segments(reader, group, encoder, partition.tables[index].columns)
            yield encoder.end()
        finally:
            state.unpin(pins)

    return Stream(started(pieces()))
