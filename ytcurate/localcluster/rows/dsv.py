"""Rows as `key=value` pairs, one row a line; every value is text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.values import kind_of
from ytcurate.localcluster.rows.base import (
    Control,
    Rows,
    Source,
    character,
    flag,
    in_pieces,
    invalid_format,
    require_only,
)
from ytcurate.localcluster.rows.cells import row_dicts
from ytcurate.localcluster.rows.lines import lines

ONLY = {"escaping_symbol": "\\", "enable_integral_type_conversion": True}
UNSUPPORTED = {
    "enable_key_switch": "Key switches",
    "enable_range_index": "Range indices",
    "enable_row_index": "Row indices",
    "enable_tablet_index": "Tablet indices",
}
"""Control attributes that a line of text cannot carry, as errors name them."""
INVISIBLE = b"\0\r"
"""Escaped, too, though no separators."""
_ENDS_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\\Z")
_BARE_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\0")
_UNESCAPED = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"0": b"\0"}
_ESCAPED = {value: key for key, value in _UNESCAPED.items()}


UNFINISHED = "Expected record to be terminated with record separator"


@dataclass(frozen=True)
class Dialect:
    """Separators and escaping of the text formats."""

    record: bytes
    field: bytes
    escaping: bool

    @classmethod
    def of(cls, format: Format) -> Dialect:
        """Read from the attributes of a format.

        Raises:
            YtError: a separator is not one character.
        """
        return cls(
            character(format, "record_separator", b"\n"),
            character(format, "field_separator", b"\t"),
            flag(format, "enable_escaping", True),
        )

    def escape(self, text: bytes, stops: bytes) -> bytes:
        """The text with the characters of `stops`, the end of a record and the escape itself escaped."""
        if not self.escaping:
            return text
        escaped = {*(bytes([each]) for each in stops), b"\\", self.record}
        pattern = b"[" + b"".join(re.escape(each) for each in escaped) + b"]"
        return re.sub(pattern, lambda found: b"\\" + _ESCAPED.get(found[0], found[0]), text)

    def unescape(self, text: bytes) -> bytes:
        """The text that was escaped.

        Raises:
            YtError: it ends within an escape sequence.
        """
        if not self.escaping or b"\\" not in text:
            return text
        if _ENDS_ESCAPED.search(text):
            raise YtError("Incomplete escape sequence in DSV")
        return re.sub(rb"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), text, flags=re.DOTALL)

    def split(self, text: bytes, separator: bytes, most: int = -1) -> list[bytes]:
        """Cut at separators that are not escaped; the parts keep their escapes."""
        if not self.escaping or b"\\" not in text:
            return text.split(separator, most)
        parts: list[bytes] = []
        start = at = 0
        while at < len(text) and len(parts) != most:
            if text[at : at + 1] == b"\\":
                at += 2
                continue
            if text[at : at + 1] == separator:
                parts.append(text[start:at])
                start = at + 1
            at += 1
        return [*parts, text[start:]]

    def records(self, stream: BinaryIO, unfinished: str = "") -> Iterator[bytes]:
        """Records without their ends. An end that is escaped belongs to the record.

        Args:
            unfinished: what the error says when the last one has no end; may hold `{row}`. Without it the
                last one needs none.

        Raises:
            YtError: the last one has no end.
        """
        held, row = b"", 0
        for line in lines(stream, self.record):
            held += line
            body = held.removesuffix(self.record)
            if body == held or (self.escaping and _ENDS_ESCAPED.search(body)):
                continue
            yield body
            held, row = b"", row + 1
        if held and unfinished:
            raise YtError(unfinished.format(row=row))
        if held:
            yield held


def check(format: Format) -> None:
    require_only(format, ONLY)
    Dialect.of(format)
    character(format, "key_value_separator", b"=")


def refuse_control(control: Control, name: str, unsupported: dict[str, str]) -> None:
    """Refuse control attributes a format cannot carry, as a real cluster does.

    Raises:
        YtError: code 2800.
    """
    for attribute, shown in unsupported.items():
        if getattr(control, attribute):
            raise invalid_format(name, f"{shown} are not supported in {name} format")


def show_text(value: Any) -> bytes:
    """A value as the text formats write it.

    Raises:
        YtError: code 315, it is a composite value.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, float):
        return repr(float(value)).removesuffix("0").encode() if value.is_integer() else repr(value).encode()
    if isinstance(value, int):
        return str(int(value)).encode()
    raise YtError(
        f'Values of type "{kind_of(value)}" are not supported by the chosen format',
        errors.FORMAT_CANNOT_REPRESENT_ROW,
    )


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    dialect = Dialect.of(format)
    equals = character(format, "key_value_separator", b"=")
    prefix = format.attributes.get("line_prefix")
    for number, record in enumerate(dialect.records(stream, UNFINISHED)):
        if b"\0" in record and (not dialect.escaping or _BARE_NUL.search(record)):
            raise YtError("Unescaped \\0 symbol in DSV", attributes={"record_index": number + 1})
        fields = dialect.split(record, dialect.field) if record else []
        if prefix is not None:
            found = fields.pop(0).decode("utf-8", "replace") if fields else ""
            if found != str(prefix):
                raise YtError(
                    f'Malformed line prefix in DSV: expected "{prefix}", found "{found}"',
                    attributes={"record_index": number + 1},
                )
        row: dict[bytes, bytes] = {}
        for each in fields:
            key, *value = dialect.split(each, equals, 1)
            if value:
                row[dialect.unescape(key)] = dialect.unescape(value[0])
        yield row


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        refuse_control(control, "DSV", UNSUPPORTED)
        if control.enable_end_of_stream:
            raise invalid_format("DSV", "End of stream attribute is not supported in DSV format")
        self._sources = sources
        self._dialect = Dialect.of(format)
        self._equals = character(format, "key_value_separator", b"=")
        self._prefix = format.attributes.get("line_prefix")
        self._table_index = flag(format, "enable_table_index", False) and control.enable_table_index
        self._table_index_column = str(format.attributes.get("table_index_column", "@table_index"))
        self._skip_unsupported = flag(format, "skip_unsupported_types", False)

    def encode(self, rows: Rows) -> Iterator[bytes]:
        yield from in_pieces(self._rows(rows))

    def _rows(self, rows: Rows) -> Iterator[tuple[list[bytes], int]]:
        first = [] if self._prefix is None else [str(self._prefix).encode()]
        last = [self._pair(self._table_index_column, rows.table_index)] if self._table_index else []
        for row in row_dicts(rows, self._sources[rows.table_index], skip_nulls=True):
            pairs = [
                self._pair(name, value)
                for name, value in row.items()
                if not (self._skip_unsupported and kind_of(value) == "any")
            ]
            text = self._dialect.field.join([*first, *pairs, *last]) + self._dialect.record
            yield [text], len(text)

    def _pair(self, name: str, value: Any) -> bytes:
        stops = INVISIBLE + self._dialect.field
        key = self._dialect.escape(name.encode(), stops + self._equals)
        return key + self._equals + self._dialect.escape(show_text(value), stops)

    def end(self) -> bytes:
        return b""
