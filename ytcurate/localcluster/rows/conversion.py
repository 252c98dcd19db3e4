"""Values that come in with another type than their column has, as attributes of the format allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import INT_RANGES, UINT_RANGES, Schema
from ytcurate.localcluster.model.values import kind_of
from ytcurate.localcluster.rows.base import flag

STRINGS = ("string", "utf8", "json", "uuid")
DOUBLES = ("double", "float")

Convert = Callable[[Any], Any]


def converted(rows: Iterator[Any], format: Format, schema: Schema) -> Iterator[Any]:
    """The same rows, converted where `enable_type_conversion` and its like say so.

    Raises:
        YtError: code 307, a value cannot be converted.
    """
    everything = flag(format, "enable_type_conversion", False)
    from_string = flag(format, "enable_string_to_all_conversion", everything) or everything
    to_string = flag(format, "enable_all_to_string_conversion", everything) or everything
    to_double = flag(format, "enable_integral_to_double_conversion", everything) or everything
    if not (from_string or to_string or to_double):
        return rows
    table: dict[bytes, tuple[str, Convert]] = {}
    for column in schema.columns:
        convert = _converter(column.type, from_string, to_string, to_double)
        if convert is not None:
            table[column.name.encode()] = (column.type, convert)
    return _apply(rows, table)


def _apply(rows: Iterator[Any], table: dict[bytes, tuple[str, Convert]]) -> Iterator[Any]:
    for row in rows:
        if isinstance(row, dict):
            for name, value in row.items():
                if value is not None and name in table:
                    row[name] = _convert(name, value, *table[name])
        yield row


def _convert(name: bytes, value: Any, wanted: str, convert: Convert) -> Any:
    try:
        return convert(value)
    except ValueError as error:
        attributes = {"column": name.decode(), "value_type": kind_of(value), "column_type": wanted}
        raise YtError(
            "Error while performing type conversion",
            errors.SCHEMA_VIOLATION,
            attributes,
            [YtError(str(error))],
        ) from None


def _converter(wanted: str, from_string: bool, to_string: bool, to_double: bool) -> Convert | None:
    if wanted in STRINGS:
        return _text if to_string else None
    if wanted in DOUBLES and (from_string or to_double):
        return lambda value: _double(value, from_string, to_double)
    if not from_string:
        return None
    if wanted in INT_RANGES:
        return lambda value: int(value.removesuffix(b"u")) if isinstance(value, bytes) else value
    if wanted in UINT_RANGES:
        return lambda value: (
            yson.YsonUint64(int(value.removesuffix(b"u"))) if isinstance(value, bytes) else value
        )
    return _boolean if wanted == "boolean" else None


def _double(value: Any, from_string: bool, to_double: bool) -> Any:
    if isinstance(value, bytes):
        return float(value) if from_string else value
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_whole and to_double else value


def _boolean(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    if value not in (b"true", b"false"):
        raise ValueError("Unable to convert value to boolean")
    return value == b"true"


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0").encode()
    return str(int(value)).encode() if isinstance(value, int) else value
