"""What `alter_table` may make of a schema.

Rules and texts follow the server's source (`ValidateTableSchemaUpdate`).
"""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import Column, Schema, v1_of

_WIDER = [
    ["int8", "int16", "int32", "int64"],
    ["uint8", "uint16", "uint32", "uint64"],
    ["float", "double"],
    ["utf8", "string"],
]
"""A type is compatible with those after it."""


def check_change(old: Schema, new: Schema, *, empty: bool) -> None:
    """May a table's schema become another one?

    Raises:
        YtError: code 316.
    """
    if empty:
        return
    problem = _change_problem(old, new)
    if problem is not None:
        raise _incompatible(problem)


def _incompatible(reason: YtError) -> YtError:
    return YtError("Table schemas are incompatible", errors.INCOMPATIBLE_SCHEMAS, inner=[reason])


def _change_problem(old: Schema, new: Schema) -> YtError | None:
    if new.key_columns and not old.key_columns:
        return YtError("Cannot change schema from unsorted to sorted")
    for name in ("strict", "unique_keys"):
        if getattr(new, name) and not getattr(old, name):
            return YtError(f'Changing "{name}" from "false" to "true" is not allowed')
    if old.strict and not new.strict:
        if old.columns != new.columns:
            return YtError('Changing columns is not allowed while changing "strict" from "true" to "false"')
        return None
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    if old.strict:
        for name in before:
            if name not in after:
                return YtError(f'Cannot remove column "{name}" from a strict schema')
    else:
        for name in after:
            if name not in before:
                return YtError(f'Cannot insert a new column "{name}" into non-strict schema')
    problem = _columns_problem(old, new, after)
    if problem is not None:
        return problem
    for column in new.columns:
        if column.required and column.name not in before:
            return YtError(f'Cannot insert a new required column "{column.name}" into a non-empty table')
    return None


def _columns_problem(old: Schema, new: Schema, after: dict[str, Column]) -> YtError | None:
    names = [column.name for column in new.columns]
    common = 0
    for index, column in enumerate(old.columns):
        other = after.get(column.name)
        if other is None:
            continue
        problem = type_problem(column.type_v3, other.type_v3)
        if problem is not None:
            text = f'Type mismatch for column "{column.name}"'
            return YtError(text, errors.INCOMPATIBLE_SCHEMAS, inner=[problem])
        if other.sort_order and other.sort_order != column.sort_order:
            text = (
                f'Sort order mismatch for column "{column.name}": old "{column.sort_order or "null"}", '
                f'new "{other.sort_order}"'
            )
            return YtError(text, errors.INCOMPATIBLE_SCHEMAS)
        if column.sort_order and other.sort_order:
            position = names.index(column.name)
            if position != index:
                return YtError(
                    f'Cannot change position of a key column "{column.name}": old {index}, new {position}'
                )
            common = index + 1
    if common < len(old.key_columns) and new.unique_keys:
        return YtError("Table cannot have unique keys since some of its key columns were removed")
    return None


def type_problem(old: Any, new: Any, where: str = "") -> YtError | None:
    """Why values of one type are not all values of the other, None if they are."""
    if old == new or _is_wider(old, new):
        return None
    mismatch = YtError(f'Type of "{where}" field is modified in non backward compatible manner')
    kinds = [each if isinstance(each, str) else each["type_name"] for each in (old, new)]
    if kinds[1] == "optional":
        inner = old["item"] if kinds[0] == "optional" else old
        return type_problem(inner, new["item"], f"{where}.<optional-element>" if inner is not old else where)
    if kinds[0] != kinds[1] or isinstance(old, str):
        return mismatch
    if kinds[0] in ("list", "tagged"):
        step = "<list-element>" if kinds[0] == "list" else "<tagged-element>"
        return type_problem(old["item"], new["item"], f"{where}.{step}")
    if kinds[0] == "dict":
        return type_problem(old["key"], new["key"], f"{where}.<key>") or type_problem(
            old["value"], new["value"], f"{where}.<value>"
        )
    if kinds[0] in ("struct", "tuple", "variant"):
        return _members_problem(old, new, where) or None
    return mismatch


def _members_problem(old: dict[str, Any], new: dict[str, Any], where: str) -> YtError | None:
    before, after = (each.get("members") or each.get("elements") or [] for each in (old, new))
    mismatch = YtError(f'Type of "{where}" field is modified in non backward compatible manner')
    if len(after) < len(before) or (len(after) > len(before) and "members" not in new):
        return mismatch
    for one, other in zip(before, after, strict=False):
        if one.get("name") != other.get("name"):
            return mismatch
        problem = type_problem(one["type"], other["type"], f"{where}.{one.get('name', '<element>')}")
        if problem is not None:
            return problem
    added = after[len(before) :] if old["type_name"] == "struct" else []
    return mismatch if any(v1_of(each["type"])[1] for each in added) else None


def _is_wider(old: Any, new: Any) -> bool:
    if new == "yson" and isinstance(old, str):
        return True
    return any(old in line and new in line and line.index(old) <= line.index(new) for line in _WIDER)
