"""Keys: YT's order of values, in either direction, and which columns make a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.schema import Schema, SortColumn
from ytcurate.localcluster.model.values import Descending, order_key

Key = tuple[Any, ...]
"""Comparable: null < int64 < uint64 < double < boolean < string, within a type by value; the other way
round in descending columns."""

INVALID_DOUBLE = 302
DOUBLE, COMPOSITE = 3, 6
"""Places of these types in the order."""


def order_of(value: Any, column: SortColumn) -> Any:
    """Place of one value in the order of a column.

    Raises:
        YtError: it has none: code 302 for NaN, else a composite value.
    """
    order = order_key(value)
    if order[0] == COMPOSITE:
        raise YtError(
            f'Composite value in key column "{column.name}" cannot be compared by the local cluster'
        )
    if order[0] == DOUBLE and value != value:
        raise YtError(f'Value of key column "{column.name}" cannot be NaN', INVALID_DOUBLE)
    return Descending(order) if column.descending else order


def key_of(values: Iterable[Any], columns: Iterable[SortColumn]) -> Key:
    """Key of values that stand in the order of the columns; as long as the shorter of both."""
    return tuple(order_of(value, column) for value, column in zip(values, columns, strict=False))


def row_key(row: dict[bytes, Any], columns: Sequence[tuple[bytes, SortColumn]]) -> Key:
    """Key of a row; a missing column counts as null. `columns` is what `encoded` gives."""
    return tuple(order_of(row.get(name), column) for name, column in columns)


def encoded(columns: Iterable[SortColumn]) -> list[tuple[bytes, SortColumn]]:
    return [(column.name.encode(), column) for column in columns]


def batch_keys(batch: Any, count: int, columns: Sequence[SortColumn]) -> list[Key]:
    """Keys of all rows of an Arrow batch, which has at least those key columns that its chunk has."""
    found = []
    for column in columns:
        at = batch.schema.get_field_index(column.name)
        cells = [None] * count if at < 0 else decode_column(batch.column(at), batch.schema.field(at))
        found.append([order_of(value, column) for value in cells])
    return list(zip(*found, strict=True)) if found else [()] * count


def names_of(columns: Iterable[SortColumn]) -> list[str]:
    return [column.name for column in columns]


def to_yson(columns: Iterable[SortColumn]) -> list[Any]:
    return [column.to_yson() for column in columns]


def show(columns: Iterable[SortColumn | str]) -> str:
    return "[" + ", ".join(str(column) for column in columns) + "]"


def starts_with(columns: Sequence[SortColumn], prefix: Sequence[SortColumn]) -> bool:
    return list(columns[: len(prefix)]) == list(prefix)


def is_sorted_by(schema: Schema, columns: Sequence[SortColumn]) -> bool:
    """Are rows of such a table in the order of `columns`?"""
    return starts_with(schema.sort_columns, columns)
