"""Specs of operations on keys read and checked: the columns, the reducer, the phases of a map-reduce."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob, user_job


def need(raw: dict[str, Any], option: str) -> Any:
    if not raw.get(option):
        raise YtError(f"Missing required parameter /{option}")
    return raw[option]


def key_columns(raw: dict[str, Any], option: str) -> list[str]:
    """Names of an option that lists columns of a key; [] if it is not there.

    Raises:
        YtError: a column is there twice, or in descending order.
    """
    value = raw.get(option) or []
    names = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            if str(item.get("sort_order") or "ascending") != "ascending":
                raise YtError(
                    "Descending sort order is not available in this context yet",
                    errors.INVALID_SCHEMA,
                    {"option": option, "column": str(item.get("name"))},
                )
            item = item["name"]
        if str(item) in names:
            raise YtError(f'Duplicate column name "{item}" in "{option}"', errors.INVALID_SCHEMA)
        names.append(str(item))
    return names


def _reduce_columns(raw: dict[str, Any], inputs: list[RichPath]) -> tuple[list[str], list[str]]:
    """`sort_by` and `reduce_by` of a reduce."""
    for option in ("join_by", "pivot_keys"):
        if raw.get(option):
            raise errors.option_not_implemented(option)
    if raw.get("enable_key_guarantee") is not None and not raw["enable_key_guarantee"]:
        raise errors.option_not_implemented("enable_key_guarantee=%false")
    for path in inputs:
        for attribute in ("foreign", "teleport"):
            if path.attributes.get(attribute):
                raise errors.option_not_implemented(f"{attribute} of {path.text}")
    reduce_by = key_columns(raw, "reduce_by")
    if not reduce_by:
        raise YtError("Reduce by can not be empty when key guarantee is enabled")
    return key_columns(raw, "sort_by") or reduce_by, reduce_by


def reduce(raw: dict[str, Any], inputs: list[RichPath], cap: int) -> tuple[list[str], UserJob]:
    """Sort columns and the reducer of a reduce.

    Raises:
        YtError: the spec is refused.
    """
    sort_by, reduce_by = _reduce_columns(raw, inputs)
    if sort_by[: len(reduce_by)] != reduce_by:
        raise YtError(
            "Reduce sort columns are not compatible with sort columns",
            attributes={"reduce_by": reduce_by, "sort_by": sort_by},
        )
    group = Grouping(tuple(sort_by), tuple(reduce_by))
    io, paths = raw.get("job_io") or {}, raw.get("output_table_paths")
    return sort_by, _reducer("sorted_reduce", raw, io, paths, cap, group)


def _reducer(
    name: str, raw: dict[str, Any], io: dict[str, Any], paths: Any, cap: int, group: Grouping
) -> UserJob:
    return replace(user_job(name, need(raw, "reducer"), io, paths, cap), group=group)


def map_reduce(
    raw: dict[str, Any], inputs: list[RichPath], cap: int
) -> tuple[list[str], list[Schema], list[UserJob]]:
    """Sort columns, intermediate streams, and the mapper (if there is one) and the reducer."""
    for option in ("force_reduce_combiners", "pivot_keys"):
        if raw.get(option):
            raise errors.option_not_implemented(option)
    reduce_by, sort_by = key_columns(raw, "reduce_by"), key_columns(raw, "sort_by")
    if not reduce_by and not sort_by:
        raise YtError('At least one of the "sort_by" or "reduce_by" fields should be specified')
    reduce_by, sort_by = reduce_by or sort_by, sort_by or reduce_by
    if sort_by[: len(reduce_by)] != reduce_by:
        shown = [f"[{', '.join(names)}]" for names in (reduce_by, sort_by)]
        raise YtError(f"Reduce columns {shown[0]} are not compatible with sort columns {shown[1]}")
    paths = list(raw.get("output_table_paths") or [])
    mapped = int(raw.get("mapper_output_table_count") or 0)
    mapper, map_io, reduce_io = raw.get("mapper"), raw.get("map_job_io") or {}, raw.get("reduce_job_io") or {}
    if not 0 <= mapped <= len(paths) or (mapped and not mapper):
        raise YtError(f'"mapper_output_table_count" {mapped} does not fit: {len(paths)} output tables')
    for name in ("enable_row_index", "enable_range_index"):
        if (reduce_io.get("control_attributes") or {}).get(name):
            # A row of the intermediate data has no place in a table.
            raise errors.option_not_implemented(f"reduce_job_io/control_attributes/{name}")
    streams: list[Schema] = []
    jobs: list[UserJob] = []
    table_index = True
    if mapper:
        job = user_job("partition_map", mapper, map_io, paths[:mapped], cap)
        streams = [_unsorted(each.get("schema")) for each in mapper.get("output_streams") or [{}]]
        unreal = [RichPath(f"<intermediate stream {index}>", "", []) for index in range(len(streams))]
        jobs.append(replace(job, outputs=[*unreal, *job.outputs]))
    else:
        table_index = bool((map_io.get("control_attributes") or {}).get("enable_table_index"))
    group = Grouping(tuple(sort_by), tuple(reduce_by), table_index)
    jobs.append(_reducer("partition_reduce", raw, reduce_io, paths[mapped:], cap, group))
    return sort_by, streams, jobs


def _unsorted(value: Any) -> Schema:
    schema = schemas.parse(value) if value is not None else Schema()
    return Schema(tuple(replace(column, sort_order="") for column in schema.columns), schema.strict)
