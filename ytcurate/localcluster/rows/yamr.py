"""Rows as a key, maybe a subkey, and a value: lines of text, or fields with their lengths (`lenval`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.values import kind_of
from ytcurate.localcluster.rows import dsv
from ytcurate.localcluster.rows.base import (
    Control,
    Rows,
    Source,
    Switches,
    character,
    flag,
    in_pieces,
    invalid_format,
    require_only,
)
from ytcurate.localcluster.rows.cells import row_dicts
from ytcurate.localcluster.rows.dsv import INVISIBLE, Dialect
from ytcurate.localcluster.rows.stream import ByteStream

ONLY = dsv.ONLY | {"enable_eom": False}
LENGTH = struct.Struct("<I")
MARKERS = {
    "table_index": (-1, "<iI"),
    "key_switch": (-2, "<i"),
    "range_index": (-3, "<iI"),
    "row_index": (-4, "<iQ"),
}
"""In `lenval`: where a length is expected, a number below zero, and how it and what follows are written."""
TABLE_SWITCH, END_OF_STREAM = 2**32 - 1, 2**32 - 5


def check(format: Format) -> None:
    require_only(format, ONLY)
    _dialect(format)


def _dialect(format: Format) -> Dialect:
    return Dialect(
        character(format, "rs", b"\n"), character(format, "fs", b"\t"), flag(format, "enable_escaping", False)
    )


def _names(format: Format) -> list[str]:
    """Columns of a record, in order."""
    wanted = ["key", "subkey", "value"] if flag(format, "has_subkey", False) else ["key", "value"]
    return [str(format.attributes.get(name, name)) for name in wanted]


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    names = [name.encode() for name in _names(format)]
    if flag(format, "lenval", False):
        return _lenval(ByteStream(stream), names)
    return _delimited(stream, _dialect(format), names)


def _switch(index: int) -> Any:
    return yson.to_yson_type(None, attributes={b"table_index": index})


def _delimited(stream: BinaryIO, dialect: Dialect, names: list[bytes]) -> Iterator[Any]:
    for record in dialect.records(stream):
        fields = [dialect.unescape(each) for each in dialect.split(record, dialect.field, len(names) - 1)]
        if len(fields) == 1:
            yield _switch(_table_index(fields[0]))
            continue
        # A line that ends in its subkey has an empty value.
        fields += [b""] * (len(names) - len(fields))
        yield dict(zip(names, fields, strict=True))


def _table_index(line: bytes) -> int:
    try:
        return int(line)
    except ValueError:
        shown = line[:100].decode("utf-8", "replace")
        raise YtError(
            f'YAMR line "{shown}" cannot be parsed as a table switch; did you forget a record separator?'
        ) from None


def _lenval(source: ByteStream, names: list[bytes]) -> Iterator[Any]:
    while not source.at_end():
        (length,) = LENGTH.unpack(source.take(LENGTH.size))
        if length == TABLE_SWITCH:
            yield _switch(LENGTH.unpack(source.take(LENGTH.size))[0])
            continue
        if length == END_OF_STREAM:
            raise YtError("Unexpected EOM marker")
        fields = [source.take(length)]
        for _ in names[1:]:
            fields.append(source.take(LENGTH.unpack(source.take(LENGTH.size))[0]))
        yield dict(zip(names, fields, strict=True))


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        self._lenval = flag(format, "lenval", False)
        for is_asked, what in (
            (control.enable_key_switch, "Key switches are"),
            (control.enable_range_index, "Range indices are"),
        ):
            if is_asked and not self._lenval:
                raise invalid_format("YAMR", f"{what} not supported in text YAMR format")
        if control.enable_end_of_stream:
            raise invalid_format("YAMR", "End of stream control attribute is not supported in YAMR format")
        self._sources = sources
        self._switches = Switches(control)
        self._dialect = _dialect(format)
        self._names = _names(format)
        self._tells_table = flag(format, "enable_table_index", False)

    def encode(self, rows: Rows) -> Iterator[bytes]:
        yield from self._before(rows)
        yield from in_pieces(self._rows(rows))

    def _before(self, rows: Rows) -> Iterator[bytes]:
        found = dict(self._switches.before(rows))
        if not self._tells_table:
            found.pop("table_index", None)
        if self._lenval:
            for name, value in found.items():
                marker, layout = MARKERS[name]
                yield struct.pack(layout, marker) if value is True else struct.pack(layout, marker, value)
            return
        if "row_index" in found:
            # As text a row number is known by the table number before it.
            found = {"table_index": rows.table_index, **found}
        yield from (str(value).encode() + self._dialect.record for value in found.values())

    def _rows(self, rows: Rows) -> Iterator[tuple[list[bytes], int]]:
        for row in row_dicts(rows, self._sources[rows.table_index], skip_nulls=True):
            fields = [self._field(row, name) for name in self._names]
            if self._lenval:
                text = b"".join(LENGTH.pack(len(field)) + field for field in fields)
            else:
                *keys, value = fields
                shown = [self._dialect.escape(key, INVISIBLE + self._dialect.field) for key in keys]
                shown.append(self._dialect.escape(value, INVISIBLE))
                text = self._dialect.field.join(shown) + self._dialect.record
            yield [text], len(text)

    def _field(self, row: dict[str, Any], name: str) -> bytes:
        value = row.get(name)
        what = "value" if name == self._names[-1] else "key"
        if value is None and name not in (self._names[0], self._names[-1]):
            return b""
        if value is None:
            text = f'Missing {what} column "{name}" in YAMR record'
        elif not isinstance(value, bytes):
            text = f'Wrong type "{kind_of(value)}" of column "{name}" in YAMR record'
        else:
            return value
        raise YtError(text, errors.FORMAT_CANNOT_REPRESENT_ROW)

    def end(self) -> bytes:
        return b""
