"""Columns → YT schema, and the difference of two schemas in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ytcurate.tables.rows import Column

_V3_NAMES = {"boolean": "bool", "any": "yson"}


def table_schema(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """Write columns as the ``schema`` attribute of a table, in ``type_v3`` notation."""
    return [{"name": column.name, "type_v3": _type_v3(column)} for column in columns]


def _type_v3(column: Column) -> Any:
    plain: Any = _plain_type(column.type)
    if column.tag is not None:
        plain = {"type_name": "tagged", "tag": column.tag, "item": plain}
    return plain if column.required else {"type_name": "optional", "item": plain}


def _plain_type(name: str) -> Any:
    if name.startswith("list<") and name.endswith(">"):
        return {"type_name": "list", "item": _plain_type(name[5:-1])}
    return _V3_NAMES.get(name, name)


def schema_difference(expected: Iterable[Column], found: Sequence[Mapping[str, Any]]) -> str | None:
    """Say in one clause how a table's schema differs from the columns a step writes.

    Tags are left out: they tell viewers what bytes are and change nothing for reading or writing.

    Args:
        expected: the columns the step writes.
        found: the value of the table's ``schema`` attribute.

    Returns:
        None if they are the same, in whatever order.
    """
    wanted = {column.name: _words(_type_v3(column)) for column in expected}
    there = {str(column["name"]): _words(column.get("type_v3") or _old_type(column)) for column in found}
    if not there:
        return "the table has no schema"
    for name, type_words in wanted.items():
        if name not in there:
            return f'column "{name}" ({type_words}) is missing'
        if there[name] != type_words:
            return f'column "{name}" is {there[name]} in the table and {type_words} here'
    extra = sorted(set(there) - set(wanted))
    return f'column "{extra[0]}" is not one of ours' if extra else None


def _old_type(column: Mapping[str, Any]) -> Any:
    plain = _V3_NAMES.get(str(column.get("type")), str(column.get("type")))
    return plain if column.get("required") else {"type_name": "optional", "item": plain}


def _words(type_v3: Any) -> str:
    if isinstance(type_v3, Mapping):
        name = str(type_v3["type_name"])
        if name == "tagged":
            return _words(type_v3["item"])
        return f"{name} {_words(type_v3['item'])}" if "item" in type_v3 else name
    return str(type_v3)
