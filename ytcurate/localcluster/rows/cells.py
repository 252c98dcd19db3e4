"""Cells of Arrow batches as rows: dicts of YSON values, and binary YSON copied straight from the chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.values import any_cell, scalar, string_head, unsigned
from ytcurate.localcluster.rows.base import Rows, Source

HEAVY_CELL_BYTES = 32 * 1024


def row_dicts(rows: Rows, source: Source, *, skip_nulls: bool = False) -> Iterator[dict[str, Any]]:
    """Rows with strings as bytes.

    A column of the schema shows its nulls; a column known only to a chunk is left out when null, as the
    row never had it.
    """
    batch, shown = rows.batch, set() if skip_nulls else set(source.shown)
    present = set(batch.schema.names)
    absent = [] if skip_nulls else [name for name in source.shown if name not in present]
    columns = [
        (field.name, decode_column(batch.column(index), field), field.name in shown)
        for index, field in enumerate(batch.schema)
    ]
    for row in range(rows.count):
        values = {name: cells[row] for name, cells, keep in columns if keep or cells[row] is not None}
        values.update(dict.fromkeys(absent))
        yield values


def yson_maps(rows: Rows, source: Source, *, skip_nulls: bool = False) -> Iterator[tuple[list[Any], int]]:
    """Rows as parts of binary YSON maps, without a separator after them, each with its size."""
    batch = rows.batch
    shown = set() if skip_nulls else set(source.shown)
    present = set(batch.schema.names)
    absent = [] if skip_nulls else [name for name in source.shown if name not in present]
    columns = []
    for index, field in enumerate(batch.schema):
        name = field.name.encode()
        prefix = string_head(len(name)) + name + b"="
        kind = (field.metadata or {}).get(b"kind")
        values = raw_cells(batch.column(index))
        null = prefix + b"#;" if field.name in shown else b""
        if kind == b"any":
            mode = 1
        elif "binary" in str(field.type):
            mode = 0
        else:
            mode = 3 if kind == b"unsigned" else 2
        columns.append((prefix, mode, values, null))
    tail = b"".join(string_head(len(n.encode())) + n.encode() + b"=#;" for n in absent) + b"}"
    for row in range(rows.count):
        parts: list[Any] = [b"{"]
        size = len(tail)
        for prefix, mode, values, null in columns:
            value = values[row]
            if value is None:
                parts.append(null)
            elif mode == 0:
                length = len(value)
                parts += (prefix, string_head(length), value, b";")
                size += length
            elif mode == 1:
                parts += (prefix, value, b";")
                size += len(value)
            else:
                parts += (prefix, unsigned(value) if mode == 3 else scalar(value), b";")
                size += 12
        parts.append(tail)
        yield parts, size


def raw_cells(array: Any) -> Any:
    """Python values of a column; big binary cells as views of the mapped file, not copies."""
    count = len(array)
    if "binary" in str(array.type) and count and array.nbytes // count > HEAVY_CELL_BYTES:
        return [item.as_buffer() if item.is_valid else None for item in array]
    return array.to_pylist()


def yson_cells(array: Any, field: Any) -> list[Any]:
    """Binary YSON of each cell of a column, None for null."""
    if (field.metadata or {}).get(b"kind") == b"any":
        return list(raw_cells(array))
    return [None if value is None else any_cell(value) for value in decode_column(array, field)]
