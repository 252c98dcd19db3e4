"""Cells of Arrow batches as rows: dicts of YSON values, and binary YSON copied straight from the chunk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ytcurate.localcluster.model import varints
from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.values import any_cell, scalar, string_head
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
        null = prefix + b"#;" if field.name in shown else b""
        is_string = kind != b"any" and "binary" in str(field.type)
        values = (
            raw_cells(batch.column(index))
            if kind == b"any" or is_string
            else number_cells(batch.column(index))
        )
        columns.append((prefix, is_string, values, null))
    tail = b"".join(string_head(len(n.encode())) + n.encode() + b"=#;" for n in absent) + b"}"
    for row in range(rows.count):
        parts: list[Any] = [b"{"]
        size = len(tail)
        for prefix, is_string, values, null in columns:
            value = values[row]
            if value is None:
                parts.append(null)
                continue
            length = len(value)
            if is_string:
                parts += (prefix, string_head(length), value, b";")
            else:
                parts += (prefix, value, b";")
            size += length
        parts.append(tail)
        yield parts, size


def number_cells(array: Any) -> list[bytes | None]:
    """Binary YSON of each number or boolean of a column, None for null."""
    if pa.types.is_boolean(array.type):
        return [None if value is None else scalar(value) for value in array.to_pylist()]
    numbers = array.fill_null(0).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(array.type):
        packed = numbers.astype("<f8").tobytes()
        cells = [b"\x03" + packed[at : at + 8] for at in range(0, len(packed), 8)]
    else:
        is_signed = pa.types.is_signed_integer(array.type)
        marker = varints.SIGNED if is_signed else varints.UNSIGNED
        data, offsets = varints.encode(marker, varints.zigzags(numbers) if is_signed else numbers)
        cells = [data[start:end] for start, end in itertools.pairwise(offsets.tolist())]
    if not array.null_count:
        return cells
    return [cell if there else None for cell, there in zip(cells, array.is_valid().to_pylist(), strict=True)]


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
