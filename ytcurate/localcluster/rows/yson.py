"""Rows as a list fragment of YSON maps, with entities for control attributes."""

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
    Switches,
    flag,
    in_pieces,
    require_only,
)
from ytcurate.localcluster.rows.cells import row_dicts, yson_maps

FLAVOURS = ("binary", "text", "pretty")
ONLY = {
    "complex_type_mode": "named",
    "string_keyed_dict_mode": "positional",
    "decimal_mode": "binary",
    "time_mode": "binary",
    "uuid_mode": "binary",
    "enable_integral_type_conversion": True,
}
"""Attributes that may have this value and no other."""


def check(format: Format) -> None:
    require_only(format, ONLY)
    flavour = str(format.attributes.get("format", "binary"))
    if flavour not in FLAVOURS:
        raise YtError(f'Unknown YSON format "{flavour}"; it may be {", ".join(FLAVOURS)}')


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    try:
        yield from yson.load(stream, yson_type="list_fragment", encoding=None, always_create_attributes=False)
    except yson.YsonError as error:
        raise YtError(f"Error parsing YSON: {error}") from error


class Encoder:
    """Binary YSON is copied from the chunk; the other flavours go through Python values."""

    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        self._sources = sources
        self._control = control
        self._switches = Switches(control)
        self._flavour = str(format.attributes.get("format", "binary"))
        self._skip_nulls = flag(format, "skip_null_values", False)

    def encode(self, rows: Rows) -> Iterator[bytes]:
        for name, value in self._switches.before(rows):
            yield _entity(name, value)
        yield from in_pieces(self._rows(rows, self._sources[rows.table_index]))

    def _rows(self, rows: Rows, source: Source) -> Iterator[tuple[list[Any], int]]:
        if self._flavour == "binary":
            for parts, size in yson_maps(rows, source, skip_nulls=self._skip_nulls):
                parts.append(b";")
                yield parts, size
            return
        for row in row_dicts(rows, source, skip_nulls=self._skip_nulls):
            keyed = {name.encode(): value for name, value in row.items()}
            text = bytes(yson.dumps(keyed, yson_format=self._flavour, encoding=None)).rstrip(b"\n") + b";\n"
            yield [text], len(text)

    def end(self) -> bytes:
        return _entity("end_of_stream", True) if self._control.enable_end_of_stream else b""


def _entity(name: str, value: int | bool) -> bytes:
    shown = f"%{str(value).lower()}" if isinstance(value, bool) else str(value)
    return f"<{name}={shown};>#;".encode()
