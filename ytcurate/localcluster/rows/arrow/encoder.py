"""Rows as Arrow record batches, with the types a real cluster gives the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Column
from ytcurate.localcluster.model.values import any_cell, load_cell
from ytcurate.localcluster.rows.arrow.composite import has_names, reshaped
from ytcurate.localcluster.rows.base import Control, Rows, Source
from ytcurate.localcluster.rows.cells import yson_cells

TYPES = {
    **{name: getattr(pa, name)() for size in (8, 16, 32, 64) for name in (f"int{size}", f"uint{size}")},
    "interval": pa.int64(),
    "date": pa.date32(),
    "datetime": pa.date64(),
    "timestamp": pa.timestamp("us"),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "string": pa.binary(),
    "any": pa.binary(),
    "utf8": pa.string(),
    "json": pa.string(),
    "null": pa.null(),
    "void": pa.null(),
}
"""By the old name of a column's type; composite values are YSON."""
NEXT_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
END_OF_STREAM = b"\x00\x00\x00\x00"


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        if control.enable_key_switch:
            raise YtError('Format "arrow" cannot carry key switches')
        self._control = control
        self._columns = [
            [column for column in source.schema.columns if column.name in source.shown] for source in sources
        ]
        self._schemas = [self._schema(index, len(sources)) for index in range(len(sources))]
        self._table = -1

    def _schema(self, index: int, count: int) -> pa.Schema:
        fields = [pa.field(each.name, _type(each), not each.required) for each in self._columns[index]]
        if self._control.enable_row_index:
            fields.append(pa.field("$row_index", pa.int64()))
        if self._control.enable_range_index:
            fields.append(pa.field("$range_index", pa.int64()))
        return pa.schema(fields, metadata={"TableId": str(index)} if count > 1 else None)

    def encode(self, rows: Rows) -> Iterator[bytes]:
        index = rows.table_index
        if index != self._table:
            if self._table >= 0:
                yield NEXT_STREAM
            yield self._schemas[index].serialize().to_pybytes()
            self._table = index
        self._check_known(rows, index)
        arrays = [_array(rows, column) for column in self._columns[index]]
        if self._control.enable_row_index:
            arrays.append(pa.array(range(rows.row_index, rows.row_index + rows.count), pa.int64()))
        if self._control.enable_range_index:
            arrays.append(pa.array([rows.range_index] * rows.count, pa.int64()))
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schemas[index])
        yield batch.serialize().to_pybytes()

    def _check_known(self, rows: Rows, index: int) -> None:
        """Arrow carries columns of the schema only.

        Raises:
            YtError: the rows have another one.
        """
        known = {column.name for column in self._columns[index]}
        for at, name in enumerate(rows.batch.schema.names):
            if name not in known and rows.batch.column(at).null_count < rows.count:
                raise YtError(f'Format "arrow" needs a table with a schema: column "{name}" is not in it')

    def end(self) -> bytes:
        return END_OF_STREAM if self._control.enable_end_of_stream else b""


def _type(column: Column) -> pa.DataType:
    if column.type not in TYPES:
        raise YtError(
            f'Column "{column.name}" has type "{column.type}" that is not currently supported '
            "by Arrow encoder"
        )
    return TYPES[column.type]


def _array(rows: Rows, column: Column) -> pa.Array:
    wanted = TYPES[column.type]
    at = rows.batch.schema.get_field_index(column.name)
    if at < 0 or column.type in ("null", "void"):
        return pa.nulls(rows.count, wanted)
    array = rows.batch.column(at)
    if column.type == "any":
        cells = yson_cells(array, rows.batch.schema.field(at))
        return pa.array(_positional(cells, column.type_v3), wanted)
    if column.type == "datetime":
        return pc.multiply(array.cast(pa.int64()), 1000).cast(wanted)
    if column.type == "date":
        return array.cast(pa.int32()).cast(wanted)
    if column.type == "timestamp":
        return array.cast(pa.int64()).cast(wanted)
    return array.cast(wanted)


def _positional(cells: list[Any], type_v3: Any) -> list[Any]:
    """Composite values as the cluster stores them: structs and variants without names."""
    if not has_names(type_v3):
        return cells
    return [
        None if cell is None else any_cell(reshaped(load_cell(cell), type_v3, by_name=False))
        for cell in cells
    ]
