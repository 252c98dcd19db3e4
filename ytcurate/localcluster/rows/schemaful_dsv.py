"""Rows as the values of named columns, one row a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.rows.base import (
    Control,
    Rows,
    Source,
    flag,
    in_pieces,
    invalid_format,
    require_only,
)
from ytcurate.localcluster.rows.cells import row_dicts
from ytcurate.localcluster.rows.dsv import ONLY as ONLY
from ytcurate.localcluster.rows.dsv import UNSUPPORTED, Dialect, refuse_control, show_text

NAME = "schemaful DSV"
MODES = ("fail", "skip_row", "print_sentinel")


def check(format: Format) -> None:
    require_only(format, ONLY)
    Dialect.of(format)
    _mode(format)


def _mode(format: Format) -> str:
    mode = str(format.attributes.get("missing_value_mode", "fail"))
    if mode not in MODES:
        raise YtError(f'Unknown missing_value_mode "{mode}"; it may be {", ".join(MODES)}')
    return mode


def _columns(format: Format, missing: str) -> list[str]:
    value = format.attributes.get("columns")
    if not isinstance(value, list):
        raise YtError(missing)
    names = [str(name) for name in value]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise invalid_format(NAME, f'Duplicate column name "{name}" in schemaful DSV configuration')
    return names


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    if format.attributes.get("enable_column_names_header") is not None:
        raise YtError('Parameter "enable_column_names_header" must not be specified for schemaful DSV parser')
    names = [
        name.encode() for name in _columns(format, 'Missing "columns" attribute in schemaful DSV format')
    ]
    dialect, sentinel = Dialect.of(format), None
    if _mode(format) == "print_sentinel":
        sentinel = str(format.attributes.get("missing_value_sentinel", "")).encode()
    switches, current = flag(format, "enable_table_index", False), 0
    for number, record in enumerate(dialect.records(stream, "Row {row} is not finished")):
        fields = [dialect.unescape(each) for each in dialect.split(record, dialect.field)]
        if switches:
            index = _table_index(fields.pop(0))
            if index != current:
                yield yson.to_yson_type(None, attributes={b"table_index": index})
                current = index
        if len(fields) > len(names):
            raise YtError(f"Too many fields in row: expected {len(names)} but found more")
        if len(fields) < len(names):
            raise YtError(f"Row {number} is incomplete: expected {len(names)} fields but found {len(fields)}")
        yield {name: None if value == sentinel else value for name, value in zip(names, fields, strict=True)}


def _table_index(text: bytes) -> int:
    try:
        return int(text)
    except ValueError:
        raise YtError(f'Table index expected, found "{text.decode("utf-8", "replace")}"') from None


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        refuse_control(control, NAME, UNSUPPORTED)
        try:
            self._names = _columns(format, "Config must contain columns for schemaful DSV schemaless writer")
        except YtError as error:
            raise error if error.inner else invalid_format(NAME, error) from None
        self._sources = sources
        self._dialect = Dialect.of(format)
        self._mode = _mode(format)
        self._sentinel = str(format.attributes.get("missing_value_sentinel", "")).encode()
        self._table_index = flag(format, "enable_table_index", False) and control.enable_table_index
        self._header = flag(format, "enable_column_names_header", False)

    def encode(self, rows: Rows) -> Iterator[bytes]:
        if self._header:
            yield self._take_header()
        yield from in_pieces(self._rows(rows))

    def _take_header(self) -> bytes:
        self._header = False
        return self._dialect.field.join(name.encode() for name in self._names) + self._dialect.record

    def _rows(self, rows: Rows) -> Iterator[tuple[list[bytes], int]]:
        for row in row_dicts(rows, self._sources[rows.table_index], skip_nulls=True):
            missing = next((name for name in self._names if name not in row), None)
            if missing is not None and self._mode == "skip_row":
                continue
            if missing is not None and self._mode == "fail":
                raise YtError(f'Column "{missing}" is in schema but missing')
            values = [self._value(row.get(name)) for name in self._names]
            if self._table_index:
                values.insert(0, str(rows.table_index).encode())
            text = self._dialect.field.join(values) + self._dialect.record
            yield [text], len(text)

    def _value(self, value: Any) -> bytes:
        return (
            self._sentinel if value is None else self._dialect.escape(show_text(value), self._dialect.field)
        )

    def end(self) -> bytes:
        return self._take_header() if self._header else b""
