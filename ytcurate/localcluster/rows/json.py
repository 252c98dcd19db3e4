"""Rows as JSON, one object a line, with `$attributes` for control attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format, from_json, to_json
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.rows import yson as yson_rows
from ytcurate.localcluster.rows.base import (
    Control,
    Rows,
    Source,
    Switches,
    flag,
    in_pieces,
    require_only,
)
from ytcurate.localcluster.rows.cells import row_dicts
from ytcurate.localcluster.rows.lines import lines

ONLY = yson_rows.ONLY | {
    "attributes_mode": "on_demand",
    "stringify": False,
    "annotate_with_types": False,
    "support_infinity": False,
    "string_length_limit": None,
}
NAN = (
    "Unexpected NaN or infinity encountered during JSON writing; "
    'consider using either "support_infinity" or "stringify_nan_and_infinity" config options'
)


def check(format: Format) -> None:
    require_only(format, ONLY)
    if str(format.attributes.get("format", "text")) not in ("text", "pretty"):
        raise YtError(f'Unknown JSON format "{format.attributes["format"]}"; it may be text, pretty')


def parse(stream: BinaryIO, format: Format, schema: Schema, table_index: int) -> Iterator[Any]:
    encode_utf8, plain = flag(format, "encode_utf8", True), flag(format, "plain", False)
    for line in lines(stream):
        if not line.strip():
            continue
        try:
            yield from_json(json.loads(line, parse_constant=_no_constant), encode_utf8, plain=plain)
        except UnicodeEncodeError as error:
            raise YtError(
                "Error parsing JSON: a character beyond U+00FF; by default each character of a JSON string "
                "stands for one byte. Use the format <encode_utf8=%false>json"
            ) from error
        except ValueError as error:
            raise YtError(f"Error parsing JSON: {error}") from error


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


class Encoder:
    def __init__(self, format: Format, sources: Sequence[Source], control: Control) -> None:
        self._sources = sources
        self._control = control
        self._switches = Switches(control)
        self._encode_utf8 = flag(format, "encode_utf8", True)
        self._skip_nulls = flag(format, "skip_null_values", False)
        self._stringify_nan = flag(format, "stringify_nan_and_infinity", False)
        self._indent = 4 if format.attributes.get("format") == "pretty" else None

    def encode(self, rows: Rows) -> Iterator[bytes]:
        for name, value in self._switches.before(rows):
            yield self._entity(name, value)
        yield from in_pieces(self._rows(rows))

    def _rows(self, rows: Rows) -> Iterator[tuple[list[bytes], int]]:
        for row in row_dicts(rows, self._sources[rows.table_index], skip_nulls=self._skip_nulls):
            value = to_json(row, self._encode_utf8)
            text = self._dump(_nan_as_text(value) if self._stringify_nan else value)
            yield [text], len(text)

    def _dump(self, value: Any) -> bytes:
        separators = (",", ":") if self._indent is None else (",", ": ")
        try:
            text = json.dumps(
                value, ensure_ascii=False, allow_nan=False, separators=separators, indent=self._indent
            )
            return text.encode() + b"\n"
        except UnicodeEncodeError:
            raise YtError("Invalid UTF-8 string in JSON") from None
        except ValueError:
            raise YtError(NAN) from None

    def _entity(self, name: str, value: int | bool) -> bytes:
        return self._dump({"$attributes": {name: value}, "$value": None})

    def end(self) -> bytes:
        return self._entity("end_of_stream", True) if self._control.enable_end_of_stream else b""


def _nan_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nan_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nan_as_text(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
