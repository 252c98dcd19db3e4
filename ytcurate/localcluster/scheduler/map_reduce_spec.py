"""The spec of a map-reduce read and checked: its columns, its phases, what lies between them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, NamedTuple

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.schema import Schema, SortColumn
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler import option_values
from ytcurate.localcluster.scheduler.keyed_spec import key_columns, reducer
from ytcurate.localcluster.scheduler.keys import key_of, names_of, show, to_yson
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob, user_job


class MapReduce(NamedTuple):
    """What the spec of a map-reduce says."""

    sort_by: list[SortColumn]
    streams: list[Schema]
    """Of what mappers, and the combiner after them, write for the reducers."""
    jobs: list[UserJob]
    """The mapper and the combiner, if they are there, and the reducer."""
    outputs: list[RichPath]
    """The streams, which are no tables, the tables of the mapper and those of the reducer."""


def parse(raw: dict[str, Any], inputs: list[RichPath], cap: int) -> MapReduce:
    """What a map-reduce is to do.

    Raises:
        YtError: the spec is refused.
    """
    _check_control_attributes(raw)
    group = _grouping(raw)
    has_mapper = bool((raw.get("mapper") or {}).get("command"))
    combiner = _combiner(raw, cap, group, len(inputs), has_mapper)
    paths = list(raw.get("output_table_paths") or [])
    mapped = _mapper_table_count(raw, len(paths), has_mapper)
    sort_by = list(group.sort_by)
    streams: list[Schema] = []
    jobs: list[UserJob] = []
    if has_mapper:
        streams = _streams(raw["mapper"], mapped, sort_by)
        job = user_job("partition_map", raw["mapper"], raw.get("map_job_io") or {}, paths[:mapped], cap)
        jobs.append(replace(job, outputs=[*_unreal(len(streams)), *job.outputs]))
    else:
        group = replace(group, table_index=combiner is None and _tells_tables_apart(raw))
        streams = [Schema()] if combiner is not None else []
    io = raw.get("reduce_job_io") or {}
    jobs.append(reducer("partition_reduce", raw, io, paths[mapped:], cap, group))
    outputs = [path for job in jobs for path in job.outputs]
    if combiner is not None:
        jobs.insert(-1, combiner)
        # What it writes takes the place of what mappers wrote for it.
        outputs = outputs if has_mapper else [*combiner.outputs, *outputs]
    return MapReduce(sort_by, streams, jobs, outputs)


def _grouping(raw: dict[str, Any]) -> Grouping:
    names = names_of(key_columns(raw, "reduce_by"))
    sort_by = key_columns(raw, "sort_by") or [SortColumn(name) for name in names]
    if not sort_by:
        # The server spells it so.
        raise YtError('At least one of the "sort_by" or "reduce_by" fields shold be specified')
    names = names or names_of(sort_by)
    if names_of(sort_by)[: len(names)] != names:
        raise YtError(
            f"Reduce columns {show(names)} are not compatible with sort columns {show(names_of(sort_by))}"
        )
    return Grouping(tuple(sort_by), tuple(sort_by[: len(names)]), pivots=_pivots(raw, sort_by))


def _mapper_table_count(raw: dict[str, Any], table_count: int, has_mapper: bool) -> int:
    """How many of the output tables the mapper writes."""
    mapped = int(raw.get("mapper_output_table_count") or 0)
    written = option_values.maps(raw.get("mapper") or {}, "output_streams")
    if mapped >= table_count or (written and mapped >= len(written)):
        raise YtError(
            'There should be at least one non-mapper output table; maybe you need "map" operation instead?',
            attributes={"mapper_output_table_count": mapped, "output_table_count": table_count},
        )
    if mapped and not has_mapper:
        raise YtError(f'"mapper_output_table_count" is {mapped}, and there is no mapper')
    return mapped


def _streams(mapper: dict[str, Any], mapped: int, sort_by: list[SortColumn]) -> list[Schema]:
    """Schemas of what a mapper writes for the reducers; its tables may be listed after them."""
    written = option_values.maps(mapper, "output_streams")
    values = [each.get("schema") for each in written[: len(written) - mapped]]
    return [_unsorted(value, sort_by) for value in values or [None]]


def _unreal(count: int) -> list[RichPath]:
    return [RichPath(f"<intermediate stream {index}>", "", []) for index in range(count)]


def _check_control_attributes(raw: dict[str, Any]) -> None:
    for io, job in (("reduce_job_io", "reduce"), ("sort_job_io", "reduce_combiner")):
        control = (raw.get(io) or {}).get("control_attributes") or {}
        for name in ("row_index", "range_index", "tablet_index"):
            # A row of the intermediate data has no place in a table.
            if control.get(f"enable_{name}"):
                raise YtError(
                    f'"{name}" control attribute is not supported by "{job}" jobs in map-reduce operation'
                )


def _combiner(
    raw: dict[str, Any], cap: int, group: Grouping, table_count: int, has_mapper: bool
) -> UserJob | None:
    if not (raw.get("reduce_combiner") or {}).get("command"):
        if raw.get("force_reduce_combiners"):
            raise YtError(
                'Found "force_reduce_combiners" without nontrivial "reduce_combiner" in operation spec'
            )
        return None
    count = len(option_values.maps(raw.get("mapper") or {}, "output_streams")) or 1
    if not has_mapper:
        count = table_count if _is_asked_to_tell_tables_apart(raw) else 1
    if count > 1:
        raise YtError("Nontrivial reduce combiner is not allowed with several intermediate streams")
    job = reducer("reduce_combiner", raw, raw.get("sort_job_io") or {}, [], cap, group, "reduce_combiner")
    return replace(job, outputs=_unreal(1), group=replace(group, table_index=False))


def _is_asked_to_tell_tables_apart(raw: dict[str, Any]) -> bool:
    """Does the spec itself say that reducers see from which table rows are? (There is no mapper.)"""
    io = (raw.get("reduce_job_io") or {}).get("control_attributes") or {}
    asked = (raw.get("reducer") or {}).get("enable_input_table_index") or io.get("enable_table_index")
    return bool(asked or raw.get("enable_table_index_if_has_trivial_mapper"))


def _tells_tables_apart(raw: dict[str, Any]) -> bool:
    # The client asks for it with the attribute of the mapper's input, also where there is no mapper.
    io = (raw.get("map_job_io") or {}).get("control_attributes") or {}
    return bool(io.get("enable_table_index")) or _is_asked_to_tell_tables_apart(raw)


def _pivots(raw: dict[str, Any], sort_by: list[SortColumn]) -> tuple[list[Any], ...]:
    pivots = [pivot for pivot in option_values.keys(raw, "pivot_keys") if pivot]
    for before, after in itertools.pairwise(pivots):
        if key_of(after, sort_by) < key_of(before, sort_by):
            raise YtError(
                "Pivot keys should be sorted", attributes={"previous_key": before, "current_key": after}
            )
    return tuple(pivots)


def _unsorted(value: Any, sort_by: list[SortColumn]) -> Schema:
    """The schema of a stream as mappers write it: they need not sort.

    Raises:
        YtError: it is not sorted by `sort_by` exactly.
    """
    if value is None:
        return Schema()
    schema = schemas.parse(value)
    if schema.sort_columns != sort_by:
        raise YtError(
            'Schemas of mapper output streams should have exactly the same "sort_by" sort column prefix',
            attributes={
                "violating_schema": schema.to_yson(),
                "sort_by": to_yson(sort_by),
            },
        )
    columns = tuple(replace(column, sort_order="") for column in schema.columns)
    return Schema(columns, schema.strict)
