"""May rows of one schema go into a table of another?

Rules and texts follow the server's source (`CheckTableSchemaCompatibility`).
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.schema_change import type_problem

LADDERS = (
    ("int8", "int16", "int32", "int64"),
    ("uint8", "uint16", "uint32", "uint64"),
    ("utf8", "string"),
    ("float", "double"),
)
"""Types of which every value is one of the types to the right."""


class Fit(IntEnum):
    """How rows fit."""

    NOT = 0
    IF_VALID = 1
    """Each value must be looked at."""
    ALWAYS = 2


def selected(schema: Schema, columns: list[str] | None) -> Schema:
    """What is left of a schema under a column selector."""
    if columns is None:
        return schema
    return replace(schema, columns=tuple(each for each in schema.columns if each.name in columns))


def check_compatible(source: Schema, target: Schema, *, ignore_order: bool, need: Fit = Fit.IF_VALID) -> Fit:
    """How rows of `source` fit into `target`.

    Raises:
        YtError: code 316, they do not, or not as well as needed.
    """
    try:
        fit = _columns_fit(source, target, need)
        if not ignore_order:
            _check_order(source, target)
    except YtError as error:
        raise YtError(
            "Table schemas are incompatible",
            errors.INCOMPATIBLE_SCHEMAS,
            {"input_table_schema": source.to_yson(), "output_table_schema": target.to_yson()},
            [error],
        ) from error
    return fit


def fits_as_it_is(source: Schema, target: Schema, *, ignore_order: bool) -> bool:
    """Can chunks of `source` become chunks of `target` without a look at their rows?"""
    try:
        return check_compatible(source, target, ignore_order=ignore_order) == Fit.ALWAYS
    except YtError:
        return False


def _columns_fit(source: Schema, target: Schema, need: Fit) -> Fit:
    known = {column.name: column for column in source.columns}
    if target.strict:
        if not source.strict:
            raise YtError("Incompatible strictness: input schema is not strict while output schema is")
        there = {column.name for column in target.columns}
        for name in known:
            if name not in there:
                raise YtError(f'Column "{name}" is found in input schema but is missing in output schema')
    result = Fit.ALWAYS
    for column in target.columns:
        before = known.get(column.name)
        if before is not None:
            fit = type_fit(before.type_v3, column.type_v3)
            if fit < need:
                raise YtError(
                    f'Column "{column.name}" input type is incompatible with output type',
                    attributes={"input_type": before.type_v3, "output_type": column.type_v3},
                )
            result = min(result, fit)
        elif not source.strict:
            raise YtError(
                f'Column "{column.name}" is present in output schema '
                "and is missing in non-strict input schema"
            )
        elif column.required:
            raise YtError(
                f'Required column "{column.name}" is present in output schema and is missing in input schema'
            )
    return result


def _check_order(source: Schema, target: Schema) -> None:
    before, after = source.sort_columns, target.sort_columns
    if len(after) > len(before):
        raise YtError("Output key columns are wider than input key columns")
    if target.unique_keys:
        if not source.unique_keys:
            raise YtError('Input schema "unique_keys" attribute is false')
        if len(after) != len(before):
            raise YtError("Input key columns are wider than output key columns")
    for old, new in zip(before, after, strict=False):
        if old.name != new.name:
            raise YtError(f'Key columns do not match: input column "{old.name}", output column "{new.name}"')
        if old != new:
            orders = ["descending" if each.descending else "ascending" for each in (old, new)]
            raise YtError(
                f'Sort order of column "{old.name}" does not match: input sort order "{orders[0]}", '
                f'output sort order "{orders[1]}"'
            )


def type_fit(old: Any, new: Any) -> Fit:
    """How values of type_v3 `old` fit into `new`."""
    if old == new:
        return Fit.ALWAYS
    before, after = _item(old), _item(new)
    if before is not None or after is not None:
        fit = type_fit(old if before is None else before, new if after is None else after)
        # For historical reasons an optional column may go into a required one, if no value is null.
        return min(fit, Fit.IF_VALID) if after is None else fit
    if not isinstance(old, str) or not isinstance(new, str):
        return Fit.NOT if type_problem(old, new) else Fit.ALWAYS
    if new == "yson" or old in ("null", "void"):
        return Fit.ALWAYS
    for ladder in LADDERS:
        if old in ladder and new in ladder:
            return Fit.ALWAYS if ladder.index(old) < ladder.index(new) else Fit.IF_VALID
    return Fit.NOT


def _item(type_v3: Any) -> Any:
    """What an optional type is optional of; None for other types."""
    if isinstance(type_v3, dict) and type_v3["type_name"] == "optional":
        return type_v3["item"]
    return None
