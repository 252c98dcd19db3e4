"""Checks of each value that is written against a schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import (
    INT_RANGES,
    UINT_RANGES,
    V1_NAMES,
    Column,
    optional,
    v1_of,
)
from ytcurate.localcluster.model.values import any_cell, kind_of, weight_of


def checker(column: Column) -> Callable[[Any], tuple[Any, int]]:
    """A function from a value to what is stored and its weight.

    It raises YtError 307 when the value does not fit the column.
    """
    name, simple = column.name, column.type
    if simple in INT_RANGES or simple in UINT_RANGES:
        low, high = INT_RANGES.get(simple) or UINT_RANGES[simple]

        def check_int(value: Any) -> tuple[Any, int]:
            if isinstance(value, bool) or not isinstance(value, int) or _has_attributes(value):
                raise _mismatch(name, simple, value)
            if not low <= value <= high:
                reason = f"Value {value} is out of allowed range [{low}, {high}]"
                raise errors.invalid_column(name, reason)
            return int(value), 8

        return check_int
    if simple in ("double", "float"):

        def check_float(value: Any) -> tuple[Any, int]:
            if not isinstance(value, float) or _has_attributes(value):
                raise _mismatch(name, simple, value)
            return float(value), 8

        return check_float
    if simple == "boolean":

        def check_bool(value: Any) -> tuple[Any, int]:
            if not isinstance(value, (bool, yson.YsonBoolean)) or _has_attributes(value):
                raise _mismatch(name, simple, value)
            return bool(value), 1

        return check_bool
    if simple in ("string", "utf8", "json", "uuid"):

        def check_string(value: Any) -> tuple[Any, int]:
            if type(value) is not bytes:
                raise _mismatch(name, simple, value)
            if simple in ("utf8", "json"):
                try:
                    value.decode("utf-8")
                except UnicodeDecodeError:
                    raise errors.invalid_column(name, "Not a valid utf8 string") from None
            return value, len(value)

        return check_string
    if simple in ("null", "void"):

        def check_null(value: Any) -> tuple[Any, int]:
            raise _mismatch(name, simple, value)

        return check_null
    deep = None if column.type_v3 in ("yson", optional("yson")) else column.type_v3

    def check_any(value: Any) -> tuple[Any, int]:
        if _has_attributes(value):
            raise YtError("Table values cannot have top-level attributes", errors.SCHEMA_VIOLATION)
        if deep is not None:
            problem = _fits(value, deep)
            if problem:
                raise errors.invalid_column(name, problem)
        cell = any_cell(value)
        return cell, weight_of(value, cell)

    return check_any


def _has_attributes(value: Any) -> bool:
    return bool(getattr(value, "attributes", None))


def _mismatch(column: str, expected: str, value: Any) -> YtError:
    if _has_attributes(value):
        return YtError("Table values cannot have top-level attributes", errors.SCHEMA_VIOLATION)
    return errors.invalid_column(column, f'Invalid type: expected "{expected}", actual "{kind_of(value)}"')


def _fits(value: Any, type_v3: Any) -> str:
    """Why a composite value does not fit its type, "" if it does."""
    if isinstance(type_v3, str):
        simple = V1_NAMES.get(type_v3, type_v3)
        if simple == "any":
            return ""
        if value is None:
            return "" if simple in ("null", "void") else f'Invalid type: expected "{simple}", actual "null"'
        try:
            checker(Column("", simple, True, type_v3))(value)
        except YtError as error:
            return error.inner[0].message if error.inner else error.message
        return ""
    name = type_v3["type_name"]
    if name == "optional":
        if value is None:
            return ""
        inner = type_v3["item"]
        if v1_of(inner)[1]:
            return _fits(value, inner)
        wrapped = isinstance(value, list) and len(value) == 1
        return _fits(value[0], inner) if wrapped else "Invalid value of a nested optional"
    if name == "tagged":
        return _fits(value, type_v3["item"])
    if name == "decimal":
        return "" if isinstance(value, bytes) else "Invalid decimal"
    if name == "struct" and isinstance(value, dict):
        members = {member["name"].encode(): member["type"] for member in type_v3["members"]}
        for key in value:
            if key not in members:
                return f'Unknown field "{key.decode(errors="replace")}" of a struct'
        return next(filter(None, (_fits(value.get(key), item) for key, item in members.items())), "")
    if not isinstance(value, list):
        return f'Invalid type: expected "{name}", actual "{kind_of(value)}"'
    if name == "list":
        return next(filter(None, (_fits(item, type_v3["item"]) for item in value)), "")
    if name == "dict":
        pairs_ok = all(isinstance(pair, list) and len(pair) == 2 for pair in value)
        return "" if pairs_ok else "Invalid dict: expected a list of pairs"
    if name in ("struct", "tuple"):
        types = [member["type"] for member in type_v3.get("members") or type_v3.get("elements")]
        if len(value) > len(types):
            return f"Expected {len(types)} elements of a {name}, found {len(value)}"
        padded = value + [None] * (len(types) - len(value))
        return next(filter(None, (_fits(item, each) for item, each in zip(padded, types, strict=True))), "")
    return "" if len(value) == 2 else "Invalid variant: expected a pair"
