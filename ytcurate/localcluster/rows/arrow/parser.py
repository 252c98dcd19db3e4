"""Rows out of Arrow streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import INT_RANGES, UINT_RANGES, Column, Schema
from ytcurate.localcluster.model.values import load_cell
from ytcurate.localcluster.rows.arrow.composite import reshaped
from ytcurate.localcluster.rows.arrow.values import values_of
from ytcurate.localcluster.rows.stream import ByteStream

types = pa.types
COMPOSITE = {"list": types.is_list, "dict": types.is_map, "struct": types.is_struct}
"""Arrow types beside binary (which holds YSON) that a composite column takes."""


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    source = ByteStream(stream)
    columns = {column.name: column for column in schema.columns}
    try:
        while not source.at_end():
            with pa.ipc.open_stream(pa.PythonFile(source, mode="r")) as reader:
                for batch in reader:
                    # Offsets out of bounds would be read from outside of the message.
                    batch.validate(full=True)
                    yield from _rows(batch, columns)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise YtError(f'Arrow error occurred: "{error}"') from error


def _rows(batch: Any, columns: dict[str, Column]) -> Iterator[dict[bytes, Any]]:
    names = [name.encode() for name in batch.schema.names]
    cells = [_cells(batch.column(index), columns.get(name)) for index, name in enumerate(batch.schema.names)]
    for row in zip(*cells, strict=True):
        yield dict(zip(names, row, strict=True))


def _cells(array: Any, column: Column | None) -> list[Any]:
    """Cells of a column as YSON values.

    Raises:
        YtError: the column does not take this type.
    """
    kind = array.type.value_type if types.is_dictionary(array.type) else array.type
    if not _fits(kind, column):
        raise YtError(f'Unexpected arrow type "{kind}"')
    cells = values_of(array)
    if column is not None and _is_composite(column) and types.is_binary(kind):
        try:
            cells = [None if cell is None else load_cell(cell) for cell in cells]
            return [reshaped(cell, column.type_v3, by_name=True) for cell in cells]
        except yson.YsonError as error:
            raise YtError(f"Error parsing YSON: {error}") from error
    return cells


def _is_composite(column: Column) -> bool:
    return column.type == "any" and _bare_type(column) != "yson"


def _bare_type(column: Column) -> Any:
    """The type without tags and without what makes it optional; its name for composite ones."""
    type_v3 = column.type_v3
    while isinstance(type_v3, dict) and type_v3["type_name"] in ("optional", "tagged"):
        type_v3 = type_v3["item"]
    return type_v3 if isinstance(type_v3, str) else type_v3["type_name"]


def _fits(kind: Any, column: Column | None) -> bool:
    simple = "any" if column is None else column.type
    is_text = _is_text(kind)
    is_double = types.is_floating(kind)
    is_signed = types.is_signed_integer(kind) or types.is_temporal(kind)
    if simple in INT_RANGES:
        return bool(is_signed)
    if simple in UINT_RANGES:
        return bool(types.is_unsigned_integer(kind))
    if simple in ("double", "float"):
        return bool(is_double)
    if simple == "boolean":
        return bool(types.is_boolean(kind))
    if simple in ("null", "void"):
        return bool(types.is_null(kind))
    if simple != "any":
        return is_text
    if column is not None and _is_composite(column):
        test = COMPOSITE.get(_bare_type(column))
        return bool(types.is_binary(kind) or (test is not None and test(kind)))
    is_plain = is_text or is_double or is_signed or types.is_unsigned_integer(kind)
    return bool(is_plain or types.is_boolean(kind) or types.is_null(kind))


def _is_text(kind: Any) -> bool:
    tests = (
        types.is_string, types.is_binary, types.is_large_string, types.is_large_binary,
        types.is_fixed_size_binary,
    )  # fmt: skip
    return any(test(kind) for test in tests)
