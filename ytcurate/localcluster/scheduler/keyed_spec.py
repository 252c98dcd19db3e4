"""Specs of operations on keys read and checked: the columns and the reducer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.schema import SortColumn, sort_column
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler import option_values
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob, user_job


def need(raw: dict[str, Any], option: str) -> Any:
    if not raw.get(option):
        raise YtError(f"Missing required parameter /{option}")
    return raw[option]


def key_columns(raw: dict[str, Any], option: str) -> list[SortColumn]:
    """Columns of an option that lists those of a key; [] if it is not there.

    Raises:
        YtError: a column is there twice, or is no sort column.
    """
    value = raw.get(option) or []
    columns = [sort_column(item) for item in (value if isinstance(value, list) else [value])]
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise YtError(f'Duplicate sort column name "{name}"', attributes={"option": option})
    return columns


def reduce(
    kind: str, raw: dict[str, Any], inputs: list[RichPath], cap: int
) -> tuple[list[SortColumn], UserJob]:
    """Sort columns and the reducer of a reduce. Whether tables and columns fit is seen when it has them.

    Raises:
        YtError: the spec is refused.
    """
    _set_foreign(inputs)
    reduce_by, join_by = key_columns(raw, "reduce_by"), key_columns(raw, "join_by")
    guarantee = raw.get("enable_key_guarantee")
    guarantee = kind == "reduce" if guarantee is None else bool(guarantee)
    if not guarantee:
        reduce_by = join_by = reduce_by or join_by
    sort_by = key_columns(raw, "sort_by") or reduce_by
    pivots = option_values.keys(raw, "pivot_keys")
    group = Grouping(tuple(sort_by), tuple(reduce_by), tuple(join_by), guarantee, tuple(pivots))
    io, paths = raw.get("job_io") or {}, raw.get("output_table_paths")
    for path in [*inputs, *(ypath.parse(each) for each in paths or [])]:
        if path.attributes.get("teleport"):
            raise errors.option_not_implemented(f"teleport of {path.text}")
    return sort_by, reducer("sorted_reduce" if guarantee else "join_reduce", raw, io, paths, cap, group)


def _set_foreign(inputs: list[RichPath]) -> None:
    """`<primary=%true>`, the old way: all other tables are foreign."""
    if any(path.attributes.get("primary") for path in inputs):
        for path in inputs:
            path.attributes["foreign"] = not path.attributes.pop("primary", False)


def reducer(
    name: str,
    raw: dict[str, Any],
    io: dict[str, Any],
    paths: Any,
    cap: int,
    group: Grouping,
    option: str = "reducer",
) -> UserJob:
    return replace(user_job(name, need(raw, option), io, paths, cap), group=group)
