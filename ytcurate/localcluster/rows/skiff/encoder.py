"""Rows as Skiff."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.rows.base import Control, Rows, Source, in_pieces, invalid_format
from ytcurate.localcluster.rows.cells import yson_cells, yson_maps
from ytcurate.localcluster.rows.skiff.codecs import LENGTH
from ytcurate.localcluster.rows.skiff.columns import ColumnCodec, column_codec
from ytcurate.localcluster.rows.skiff.indices import Indices
from ytcurate.localcluster.rows.skiff.wire import (
    KEY_SWITCH,
    OTHER_COLUMNS,
    RANGE_INDEX,
    ROW_INDEX,
    RowWire,
    Wire,
    row_wires,
)

TAG16 = struct.Struct("<H")
END_OF_SEQUENCE = TAG16.pack(0xFFFF)

Write = Callable[[int, list[Any]], None]
"""Appends one field of a row, given by its number in the batch."""


@dataclass(frozen=True)
class _Table:
    wire: RowWire
    codecs: dict[str, ColumnCodec]


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        self._sources = sources
        self._control = control
        try:
            wires = row_wires(format)
            self._tables = [
                _table(index, wire, source.schema)
                for index, (wire, source) in enumerate(zip(wires, sources, strict=False))
            ]
        except YtError as error:
            raise invalid_format("Skiff", error) from None
        self._indices = Indices()

    def encode(self, rows: Rows) -> Iterator[bytes]:
        index = rows.table_index if self._control.enable_table_index else 0
        if index >= len(self._tables):
            raise YtError(
                f"Table #{index} is not described by Skiff schema", attributes={"table_index": index}
            )
        table, source = self._tables[index], self._sources[rows.table_index]
        other = self._other_columns(rows, source, table.wire)
        self._indices.enter(
            index,
            rows.range_index if self._control.enable_range_index else None,
            tells_range=any(wire.name == RANGE_INDEX for wire in table.wire.dense),
        )
        yield from in_pieces(self._rows(rows, TAG16.pack(index), self._fields(rows, table, source, other)))

    def _rows(self, rows: Rows, head: bytes, fields: list[Write]) -> Iterator[tuple[list[Any], int]]:
        for row in range(rows.count):
            parts: list[Any] = [head]
            for write in fields:
                write(row, parts)
            yield parts, sum(map(len, parts))

    def _fields(self, rows: Rows, table: _Table, source: Source, other: list[str]) -> list[Write]:
        fields = [
            self._dense(rows, wire, table.codecs) for wire in table.wire.dense if wire.type != "nothing"
        ]
        if table.wire.sparse:
            fields.append(_sparse(rows, table))
        if table.wire.has_other:
            fields.append(_other(rows, source, other))
        return fields

    def _dense(self, rows: Rows, wire: Wire, codecs: dict[str, ColumnCodec]) -> Write:
        control, indices = self._control, self._indices
        may_miss = len(wire.children) == 3
        if wire.name == KEY_SWITCH:
            switched = control.enable_key_switch and rows.new_key
            return lambda row, out: out.append(b"\x01" if switched and not row else b"\x00")
        if wire.name == ROW_INDEX:
            first = rows.row_index if control.enable_row_index else None
            return lambda row, out: out.append(
                indices.row(None if first is None else first + row, may_miss=may_miss)
            )
        if wire.name == RANGE_INDEX:
            current = rows.range_index if control.enable_range_index else None
            return lambda row, out: out.append(indices.range(current, may_miss=may_miss))
        return _column(rows, codecs[wire.name])

    @staticmethod
    def _other_columns(rows: Rows, source: Source, wire: RowWire) -> list[str]:
        """Columns of the rows that the Skiff schema does not name.

        Raises:
            YtError: code 315, there is one and no place for it.
        """
        described, shown = wire.names, source.shown
        batch = rows.batch
        found = [name for name in batch.schema.names if name not in described]
        found += [name for name in shown if name not in described and name not in found]
        if not wire.has_other:
            for name in found:
                # A column that only some chunks have is in those rows where it is not null.
                at = batch.schema.get_field_index(name)
                if name in shown or batch.column(at).null_count < rows.count:
                    raise YtError(
                        f'Column "{name}" is not described by Skiff schema and there is no '
                        f'"{OTHER_COLUMNS}" column',
                        errors.FORMAT_CANNOT_REPRESENT_ROW,
                        {"table_index": rows.table_index},
                    )
        return found

    def end(self) -> bytes:
        return END_OF_SEQUENCE if self._control.enable_end_of_stream else b""


def _table(index: int, wire: RowWire, schema: Schema) -> _Table:
    columns = {column.name: column for column in schema.columns}
    codecs: dict[str, ColumnCodec] = {}
    parts = [(each, False) for each in wire.dense] + [(each, True) for each in wire.sparse]
    for each, is_sparse in parts:
        if each.name in (KEY_SWITCH, ROW_INDEX, RANGE_INDEX) or each.type == "nothing":
            continue
        try:
            codecs[each.name] = column_codec(
                columns.get(each.name), each, is_sparse=is_sparse, for_reading=False
            )
        except YtError as error:
            inner = YtError(f'Cannot create Skiff writer for column "{each.name}"', inner=[error])
            raise YtError(f"Cannot create Skiff writer for table #{index}", inner=[inner]) from None
    return _Table(wire, codecs)


def _column(rows: Rows, codec: ColumnCodec) -> Write:
    batch = rows.batch
    at = batch.schema.get_field_index(codec.name)
    cells: Sequence[Any] = [None] * rows.count
    if codec.takes_cells:
        if at >= 0:
            cells = yson_cells(batch.column(at), batch.schema.field(at))
        return lambda row, out: codec.write_cell(cells[row], out)
    if at >= 0:
        cells = decode_column(batch.column(at), batch.schema.field(at))
    return lambda row, out: codec.write(cells[row], out)


def _sparse(rows: Rows, table: _Table) -> Write:
    batch = rows.batch
    present = []
    for tag, wire in enumerate(table.wire.sparse):
        at = batch.schema.get_field_index(wire.name)
        if at >= 0 and wire.type != "nothing":
            valid = batch.column(at).is_valid().to_pylist()
            present.append((TAG16.pack(tag), valid, _column(rows, table.codecs[wire.name])))

    def write(row: int, out: list[Any]) -> None:
        for tag, valid, field in present:
            if valid[row]:
                out.append(tag)
                field(row, out)
        out.append(END_OF_SEQUENCE)

    return write


def _other(rows: Rows, source: Source, names: list[str]) -> Write:
    present = [name for name in rows.batch.schema.names if name in names]
    part = replace(rows, batch=rows.batch.select(present))
    maps = yson_maps(part, Source(source.schema, [name for name in source.shown if name in names]))

    def write(row: int, out: list[Any]) -> None:
        parts, _ = next(maps)
        out.append(LENGTH.pack(sum(map(len, parts))))
        out.extend(parts)

    return write
