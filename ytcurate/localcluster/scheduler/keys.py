"""Keys: YT's order of values, which columns make a key, and the schemas of sorted tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.schema import Column, Schema
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.model.values import order_key
from ytcurate.localcluster.scheduler.plan import Input

Key = tuple[tuple[int, Any], ...]
"""Comparable: null < int64 < uint64 < double < boolean < string; within a type by value."""

INVALID_DOUBLE = 302
DOUBLE, COMPOSITE = 3, 6
"""Places of these types in the order."""


def order_of(value: Any, column: str) -> tuple[int, Any]:
    """Place of one value in the total order.

    Raises:
        YtError: it has none: code 302 for NaN, else a composite value.
    """
    order = order_key(value)
    if order[0] == COMPOSITE:
        raise YtError(f'Composite value in key column "{column}" cannot be compared by the local cluster')
    if order[0] == DOUBLE and value != value:
        raise YtError(f'Value of key column "{column}" cannot be NaN', INVALID_DOUBLE)
    return order


def row_key(row: dict[bytes, Any], names: Sequence[tuple[bytes, str]]) -> Key:
    """Key of a row; a missing column counts as null. `names` is what `encoded` gives."""
    return tuple(order_of(row.get(name), text) for name, text in names)


def encoded(names: Iterable[str]) -> list[tuple[bytes, str]]:
    return [(name.encode(), name) for name in names]


def batch_keys(batch: Any, count: int, names: Sequence[str]) -> list[Key]:
    """Keys of all rows of an Arrow batch, which has at least those key columns that its chunk has."""
    columns = []
    for name in names:
        at = batch.schema.get_field_index(name)
        cells = [None] * count if at < 0 else decode_column(batch.column(at), batch.schema.field(at))
        columns.append([order_of(value, name) for value in cells])
    return list(zip(*columns, strict=True)) if columns else [()] * count


def show(names: Sequence[str]) -> str:
    return "[" + ", ".join(names) + "]"


def is_sorted_by(schema: Schema, names: Sequence[str]) -> bool:
    """Are rows of such a table in ascending order of `names`?"""
    keys = [column for column in schema.columns if column.sort_order][: len(names)]
    return [column.name for column in keys] == list(names) and not _descending(keys)


def _descending(columns: Iterable[Column]) -> bool:
    return any(column.sort_order == "descending" for column in columns)


def check_sorted(inputs: Sequence[Input], wanted: Sequence[str]) -> list[str]:
    """The columns by which all inputs are sorted: `wanted`, or with none the key that they share.

    Raises:
        YtError: a table is not sorted so, or its column selector leaves out a key column.
    """
    for each in inputs:
        if not each.schema.key_columns:
            raise YtError(f"Input table {each.path.text} is not sorted")
    names = list(wanted) or inputs[0].schema.key_columns
    for each in inputs:
        keys, path = each.schema.key_columns, each.path.text
        if wanted and keys[: len(names)] != names:
            raise YtError(
                f"Input table {path} is sorted by columns {show(keys)} "
                f"that are not compatible with the requested columns {show(names)}"
            )
        if keys[: len(names)] != names or (not wanted and len(keys) != len(names)):
            raise YtError(
                f"Key columns do not match: input table {path} is sorted by columns {show(keys)} "
                f"while input table {inputs[0].path.text} is sorted by columns {show(names)}"
            )
        if not is_sorted_by(each.schema, names):
            raise YtError(f"Input table {path} has a descending key, which is not implemented here")
        for name in names:
            if each.path.columns is not None and name not in each.path.columns:
                raise YtError(f'Column filter for input table {path} must include key column "{name}"')
    _check_types(inputs, names)
    return names


def _check_types(inputs: Sequence[Input], names: Sequence[str]) -> None:
    for name in names:
        known: dict[str, str] = {}
        for each in inputs:
            kind = next(column.type for column in each.schema.columns if column.name == name)
            if kind != "any":
                known.setdefault(kind, each.path.text)
        if len(known) > 1:
            raise YtError(
                "Key columns have different types in input tables",
                attributes={"column_name": name, "input_table_by_type": known},
            )


# ---- schemas


def is_weak(schema: Schema) -> bool:
    """No schema, or only a key: a table that was written or sorted without one."""
    return schema.is_weak


def to_sorted(schema: Schema, names: Sequence[str]) -> Schema:
    """The same columns with `names` as the key.

    Raises:
        YtError: the schema lacks one of them.
    """
    known = {column.name for column in schema.columns}
    for name in names:
        if name not in known:
            raise YtError(f'Column "{name}" is not found in schema', attributes={"sort_columns": list(names)})
    unique = schema.unique_keys and set(schema.key_columns) <= set(names)
    return Schema(schema.sorted_by(list(names)).columns, schema.strict, unique)


def inferred(inputs: Sequence[Input], names: Sequence[str]) -> Schema:
    """Schema of the rows of all inputs, sorted by `names`.

    Raises:
        YtError: the inputs' schemas do not agree, or a selector leaves out one of `names`.
    """
    if len({is_weak(each.schema) for each in inputs}) > 1:
        raise YtError("Cannot infer output schema from input, tables have different schema modes")
    selectors = [each.path.columns for each in inputs]
    selected = None if None in selectors else {name for each in selectors for name in each or ()}
    for name in names:
        if selected is not None and name not in selected:
            raise YtError(f'Sort column "{name}" is discarded by input column selectors')
    first = inputs[0].schema
    if is_weak(first):
        return Schema().sorted_by(list(names))
    if any(_content(each.schema) != _content(first) for each in inputs[1:]):
        raise YtError(
            "Cannot infer output schema from input in strong schema mode, "
            "because input table schemas are incompatible"
        )
    result = to_sorted(first, names)
    columns = tuple(each for each in result.columns if selected is None or each.name in selected)
    # Rows of two tables may share a key that is unique in each.
    return Schema(columns, result.strict, result.unique_keys and len(inputs) == 1)


def _content(schema: Schema) -> tuple[bool, list[tuple[str, Any]]]:
    columns = sorted((column.name, column.type_v3) for column in schema.columns)
    return schema.strict, columns


def prepare_output(kind: str, mode: str, inputs: Sequence[Input], target: Target, names: list[str]) -> None:
    """Give the output of a sort or a sorted merge the schema that its rows will have.

    Args:
        kind: "sort" or "merge".
        mode: `schema_inference_mode` of the spec.

    Raises:
        YtError: the table has another key, or its schema cannot be inferred.
    """
    current = target.schema
    strong_and_sorted = current.key_columns and not is_weak(current) and mode != "from_input"
    if (target.append or strong_and_sorted) and not (
        current.key_columns == names and is_sorted_by(current, names)
    ):
        if kind == "sort":
            raise YtError(
                "sort_by is different from output table key columns",
                attributes={"output_table_key_columns": current.key_columns, "sort_by": names},
            )
        raise YtError(
            'Merge sort columns do not match output table schema in "strong" schema mode',
            attributes={"output_table_key_columns": current.key_columns, "merge_by": names},
        )
    if target.append:
        return
    if mode == "from_input" or (mode == "auto" and is_weak(current)):
        schema = inferred(inputs, names)
    elif is_weak(current):
        schema = Schema().sorted_by(names)
    else:
        schema = to_sorted(current, names)
    target.set_schema = target.set_schema or schema != current
    target.schema = schema
