"""`rename_columns` of an input path: the table as if its columns had other names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler.option_values import unreadable


def new_names(path: RichPath) -> dict[str, str]:
    """By old name, the name that a column of the path has in the operation.

    Raises:
        YtError: the attribute is no map.
    """
    value = path.attributes.get("rename_columns") or {}
    if not isinstance(value, dict):
        raise unreadable("rename_columns", "map", value)
    return {str(old): str(new) for old, new in value.items()}


def renamed_schema(path: RichPath, schema: Schema, names: dict[str, str]) -> Schema:
    """The schema under the new names.

    Raises:
        YtError: it has no such column, or (code 314) two of one name afterwards.
    """
    unknown = sorted(set(names) - {column.name for column in schema.columns})
    if unknown:
        raise YtError(
            "Rename is supported only for columns in schema",
            attributes={"failed_rename_descriptors": unknown, "schema": schema.to_yson(), "path": path.text},
        )
    columns = tuple(replace(each, name=names.get(each.name, each.name)) for each in schema.columns)
    twice = [name for name, count in Counter(each.name for each in columns).items() if count > 1]
    if twice:
        raise YtError(f'Duplicate column name "{twice[0]}" in table schema', errors.INVALID_SCHEMA)
    return replace(schema, columns=columns)


class RenamedReader(TableReader):
    """Reads a table under the new names; ranges by key know nothing of names."""

    def __init__(self, reader: TableReader, names: dict[str, str]) -> None:
        super().__init__(reader.files, reader.chunks, reader.key_columns, reader.descending)
        self._new = names
        self._old = {new: old for old, new in names.items()}

    def batches(self, segment: Segment, columns: list[str] | None) -> Iterator[tuple[Any, int]]:
        wanted = None if columns is None else [self._old.get(name, name) for name in columns]
        for batch, count in super().batches(segment, wanted):
            yield batch.rename_columns([self._new.get(name, name) for name in batch.schema.names]), count
