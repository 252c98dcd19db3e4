"""Are the inputs of an operation sorted as it needs them? Texts are those of a real cluster."""

from __future__ import annotations

from collections.abc import Sequence

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import INT_RANGES, UINT_RANGES, Column, SortColumn
from ytcurate.localcluster.scheduler.keys import names_of, show, starts_with
from ytcurate.localcluster.scheduler.plan import Input


def check_sorted(inputs: Sequence[Input], wanted: Sequence[SortColumn]) -> list[SortColumn]:
    """The columns by which all inputs are sorted: `wanted`, or with none the key that they share.

    Raises:
        YtError: a table is not sorted so, or its column selector leaves out a key column.
    """
    for each in inputs:
        if not each.schema.key_columns:
            raise YtError(f"Input table {each.path.text} is not sorted")
    if wanted:
        for each in inputs:
            if not starts_with(each.schema.sort_columns, wanted):
                raise YtError(
                    f"Input table {each.path.text} is sorted by columns {show(each.schema.sort_columns)} "
                    f"that are not compatible with the requested columns {show(wanted)}"
                )
            _check_selector(each, wanted)
        return list(wanted)
    first = inputs[0]
    for each in inputs:
        if each.schema.sort_columns != first.schema.sort_columns:
            raise YtError(
                f"Sort columns do not match: input table {each.path.text} is sorted by columns "
                f"{show(each.schema.sort_columns)} while input table {first.path.text} is sorted by columns "
                f"{show(first.schema.sort_columns)}"
            )
        _check_selector(each, first.schema.sort_columns)
    return first.schema.sort_columns


def _check_selector(source: Input, key: Sequence[SortColumn]) -> None:
    columns = source.path.columns
    for name in names_of(key):
        if columns is not None and name not in columns:
            raise YtError(
                f'Column filter for input table {source.path.text} must include key column "{name}"'
            )


def check_types(inputs: Sequence[Input], key: Sequence[SortColumn]) -> None:
    """Have the key columns of all inputs types that can be compared?

    Raises:
        YtError: two tables differ.
    """
    for name in names_of(key):
        reference: tuple[Column, str] | None = None
        for each in inputs:
            column = next(column for column in each.schema.columns if column.name == name)
            if column.type == "any":
                continue
            if reference is None:
                reference = column, each.path.text
            elif _physical(reference[0].type) != _physical(column.type):
                raise YtError(
                    "Sort columns have different types in input tables",
                    attributes={
                        "column_name": name,
                        "input_table_1": reference[1],
                        "type_1": reference[0].type_v3,
                        "input_table_2": each.path.text,
                        "type_2": column.type_v3,
                    },
                )


def _physical(kind: str) -> str:
    """What values of a simple type are when they are compared."""
    if kind in INT_RANGES:
        return "int64"
    if kind in UINT_RANGES:
        return "uint64"
    return {"float": "double", "boolean": "boolean", "double": "double"}.get(kind, "string")
