"""Commands on table data: write_table, read_table, alter_table, columnar statistics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import schema_change, ypath
from ytcurate.localcluster.model.attributes import SCHEMA
from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.model.upload import publish, table_target, upload_transaction
from ytcurate.localcluster.model.writer import RowWriter, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.registry import NOTHING, command
from ytcurate.localcluster.rows import (
    Encoder,
    Rows,
    Source,
    encoder_for,
    only_rows,
    parse_control,
    parse_rows,
    require_supported,
)
from ytcurate.localcluster.scheduler.feed import Meter


@command("write_table", "tabular", volatile=True, heavy=True)
def write_table(call: Call) -> Any:
    cluster, path = call.cluster, call.path()
    limits = parse_limits(call.params.get("table_writer"), cluster.settings.row_weight_cap)
    format = require_supported(call.format("input_format"))
    assert call.body is not None
    with upload_transaction(cluster.transactions, call.tx, f"upload to {path.text}") as tx:
        with cluster.state.session():
            target = table_target(cluster.cypress, cluster.cypress.node(path, tx), path, tx)
        writer = RowWriter(cluster.files, target.schema, limits, target.last_key)
        try:
            writer.write(only_rows(parse_rows(call.body, format, target.schema)))
            # A parser may take a broken connection for the end of the rows; the body knows better.
            call.body.check()  # type: ignore[attr-defined]
            chunks = writer.close()
            with cluster.state.session():
                publish(cluster.cypress, target, chunks)
        except BaseException:
            writer.discard()
            raise
    return NOTHING


def open_table(call: Call, path: RichPath, tx: str) -> tuple[TableReader, schemas.Schema]:
    """The version of a table that `tx` sees, its chunks pinned; the caller unpins them."""
    cluster = call.cluster
    with cluster.state.session():
        node = cluster.cypress.node(path, tx)
        if node.type != "table":
            raise errors.wrong_type(path.text, "table", node.type)
        schema = attrs.schema_of(cluster.cypress, node, tx)
        chunks = attrs.chunks_of(cluster.cypress, node, tx)
        cluster.state.pin([chunk.id for chunk in chunks])
    return TableReader(cluster.files, chunks, schema.key_columns, schema.descending), schema


def refuse_unsupported(path: RichPath) -> None:
    for unsupported in ("rename_columns", "timestamp"):
        if path.attributes.get(unsupported):
            raise YtError(f'"{unsupported}" in a path is not implemented by the local cluster')


@command("read_table", output_type="tabular", heavy=True)
def read_table(call: Call) -> Any:
    path, tx = call.path(), call.tx
    format = require_supported(call.format("output_format"))
    control = parse_control(call.params.get("control_attributes"))
    refuse_unsupported(path)
    reader, schema = open_table(call, path, tx)
    pins = [chunk.id for chunk in reader.chunks]
    try:
        segments = reader.segments(path.ranges)
        encoder = encoder_for(format, [Source(schema, path.columns)], control)
    except BaseException:
        call.cluster.state.unpin(pins)
        raise
    parameters: dict[str, Any] = {
        "approximate_row_count": sum(segment.row_count for segment in segments),
        "omitted_inaccessible_columns": [],
    }
    # The client resumes a broken read from here.
    parameters["start_row_index"] = segments[0].row_index if segments else 0
    only_parameters = call.flag("start_row_index_only")

    def pieces() -> Iterator[bytes]:
        try:
            if not only_parameters:
                yield from encode_segments(reader, segments, encoder, path.columns)
                if end := encoder.end():
                    yield end
        finally:
            call.cluster.state.unpin(pins)

    return Stream(started(pieces()), parameters)


def started(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same stream, entered already: closing one that never ran would skip its `finally`."""
    first = next(pieces, None)

    def rest() -> Iterator[bytes]:
        try:
            if first is not None:
                yield first
                yield from pieces
        finally:
            pieces.close()  # type: ignore[attr-defined]

    return rest()


def encode_segments(
    reader: TableReader,
    segments: Iterable[Segment],
    encoder: Encoder,
    columns: list[str] | None,
    meter: Meter | None = None,
) -> Iterator[bytes]:
    """Rows of the segments of one table in the encoder's format; `encoder.end()` is left to the caller.

    Args:
        meter: counts the rows of a job, and ends its input early.
    """
    for segment in segments:
        row = segment.row_index
        for batch, count in _metered(reader.batches(segment, columns), meter):
            yield from encoder.encode(Rows(batch, count, segment.table_index, segment.range_index, row))
            row += count
            if meter is not None and meter.passed(count):
                return


def _metered(batches: Iterator[tuple[Any, int]], meter: Meter | None) -> Iterator[tuple[Any, int]]:
    """The same rows, in batches as small as the meter wants to look at them."""
    for batch, count in batches:
        at_once = max(count, 1) if meter is None else meter.rows_at_once
        for start in range(0, count, at_once):
            size = min(at_once, count - start)
            yield (batch if size == count else batch.slice(start, size)), size


@command("alter_table", volatile=True)
def alter_table(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress = call.cluster.cypress
    node = cypress.node(path, tx)
    if node.type != "table":
        raise errors.wrong_type(path.text, "table", node.type)
    if call.params.get("dynamic"):
        raise YtError("Dynamic tables are not implemented by the local cluster")
    if call.params.get("schema") is None:
        return NOTHING
    new = schemas.parse(call.params["schema"])
    old = attrs.schema_of(cypress, node, tx)
    schema_change.check_change(old, new, empty=not cypress.chunks(node, tx))
    cypress.set_attr(node, SCHEMA, new.stored(), tx)
    return NOTHING


@command("get_table_columnar_statistics", detached=True)
def get_table_columnar_statistics(call: Call) -> Any:
    answers = []
    for value in call.need("paths"):
        path = ypath.parse(value)
        if path.columns is None:
            raise YtError("Columns selector is required for get_table_columnar_statistics")
        reader, _ = open_table(call, path, call.tx)
        call.cluster.state.unpin([chunk.id for chunk in reader.chunks])
        weights = dict.fromkeys(path.columns, 0)
        for segment in reader.segments(path.ranges):
            for name in weights:
                whole = segment.chunk.column_weights.get(name, 0)
                weights[name] += whole * segment.row_count // max(segment.chunk.row_count, 1)
        answers.append(
            {
                "column_data_weights": weights,
                "timestamp_total_weight": 0,
                "legacy_chunks_data_weight": 0,
                "chunk_row_count": reader.row_count,
            }
        )
    return answers
