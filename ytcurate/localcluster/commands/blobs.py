"""Files kept as rows of a table, a part in each: read_blob_table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.commands.tables import open_table, refuse_unsupported, started
from ytcurate.localcluster.context import Call, Stream
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment, TableReader, decode_column
from ytcurate.localcluster.registry import command


@dataclass(frozen=True)
class Layout:
    """How a file lies in its rows."""

    index_column: str
    data_column: str
    part_size: int
    """Of every part but the last, in bytes."""
    first_part: int
    offset: int
    """Where to begin in the first part."""


@command("read_blob_table", output_type="binary", heavy=True)
def read_blob_table(call: Call) -> Any:
    layout = Layout(
        str(call.params.get("part_index_column_name") or "part_index"),
        str(call.params.get("data_column_name") or "data"),
        int(call.need("part_size")),
        call.number("start_part_index") or 0,
        call.number("offset") or 0,
    )
    if layout.offset < 0:
        raise YtError("Offset must be nonnegative")
    if layout.part_size <= 0:
        raise YtError("Part size must be positive")
    path = call.path()
    refuse_unsupported(path)
    reader, _ = open_table(call, path, call.tx)

    def pieces() -> Iterator[bytes]:
        try:
            yield from _data(_parts(reader, reader.segments(path.ranges), layout), layout)
        finally:
            call.cluster.state.unpin([chunk.id for chunk in reader.chunks])

    return Stream(started(pieces()))


def _parts(reader: TableReader, segments: list[Segment], layout: Layout) -> Iterator[tuple[Any, Any]]:
    """Number and data of each part, as the rows have them."""
    names = [layout.index_column, layout.data_column]
    for segment in segments:
        for batch, count in reader.batches(segment, names):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for name in names:
                if name not in columns:
                    raise YtError(f'Column "{name}" not found')
            for row in range(count):
                cells = [
                    decode_column(columns[name].slice(row, 1), batch.schema.field(name))[0] for name in names
                ]
                yield cells[0], cells[1]


def _data(parts: Iterable[tuple[Any, Any]], layout: Layout) -> Iterator[bytes]:
    """The bytes of the file.

    Raises:
        YtError: the rows are not the parts of one file.
    """
    expected, previous = layout.first_part, layout.part_size
    for number, data in parts:
        _check_type(layout.index_column, number, int, "int64")
        _check_type(layout.data_column, data, bytes, "string")
        if number != expected:
            raise YtError(
                f'Values of column "{layout.index_column}" must be consecutive but values {expected} and '
                f"{number} violate this property"
            )
        if previous != layout.part_size or len(data) > layout.part_size:
            is_earlier = previous != layout.part_size
            wrong = {
                "expected_size": layout.part_size,
                "actual_size": previous if is_earlier else len(data),
                "part_index": number - 1 if is_earlier else number,
            }
            raise YtError("Inconsistent part size", attributes=wrong)
        skipped = layout.offset if number == layout.first_part else 0
        if skipped > len(data):
            attributes = {"offset": skipped, "part_size": len(data), "part_index": number}
            raise YtError("Offset is out of bounds", attributes=attributes)
        yield data[skipped:]
        expected, previous = number + 1, len(data)


def _check_type(column: str, value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        found = "null" if value is None else type(value).__name__
        raise YtError(f'Column "{column}" must be of type "{name}" but has type "{found}"')
