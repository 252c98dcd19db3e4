"""Rows out of Skiff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.rows.skiff.codecs import Yson
from ytcurate.localcluster.rows.skiff.columns import ColumnCodec, column_codec
from ytcurate.localcluster.rows.skiff.wire import OTHER_COLUMNS, Wire, row_wires
from ytcurate.localcluster.rows.stream import ByteStream

END_OF_SEQUENCE = 0xFFFF


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    """Rows of one table; each stream has rows of its own table only, with the tag 0."""
    wires = row_wires(format)
    if table_index >= len(wires):
        raise YtError(f"Skiff format config does not describe table #{table_index}")
    wire = wires[table_index]
    columns = {column.name.encode(): column for column in schema.columns}

    def codec(each: Wire, is_sparse: bool) -> tuple[bytes, ColumnCodec]:
        name = each.name.encode()
        try:
            return name, column_codec(columns.get(name), each, is_sparse=is_sparse, for_reading=True)
        except YtError as error:
            inner = YtError(f'Cannot create Skiff parser for column "{each.name}"', inner=[error])
            raise YtError("Cannot create Skiff parser for table #0", inner=[inner]) from None

    dense = [codec(each, False) for each in wire.dense]
    sparse = [codec(each, True) for each in wire.sparse]
    return _rows(
        ByteStream(stream, "Premature end of stream while parsing Skiff"), dense, sparse, wire.has_other
    )


def _rows(
    source: ByteStream,
    dense: list[tuple[bytes, ColumnCodec]],
    sparse: list[tuple[bytes, ColumnCodec]],
    has_other: bool,
) -> Iterator[Any]:
    other = Yson()
    while not source.at_end():
        tag = _tag(source)
        if tag != 0:
            raise YtError(f"Unknown table index variant16 tag {tag}")
        row = {name: codec.read(source) for name, codec in dense}
        while sparse and (tag := _tag(source)) != END_OF_SEQUENCE:
            if tag >= len(sparse):
                raise YtError(f'Bad sparse field index "{tag}", total sparse field count "{len(sparse)}"')
            name, codec = sparse[tag]
            row[name] = codec.read(source)
        if has_other:
            rest = other.read(source)
            if not isinstance(rest, dict):
                raise YtError(f'"{OTHER_COLUMNS}" must be a map')
            row.update(rest)
        yield row


def _tag(source: ByteStream) -> int:
    return int.from_bytes(source.take(2), "little")
