"""Jobs of reducers: what each of them reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.key_slices import Stream, cut, cut_at, streams_of
from ytcurate.localcluster.scheduler.keys import key_of, names_of, starts_with, to_yson
from ytcurate.localcluster.scheduler.plan import Input, JobPlan
from ytcurate.localcluster.scheduler.sorted_inputs import check_sorted, check_types
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob


def is_foreign(source: Input) -> bool:
    return bool(source.path.attributes.get("foreign"))


def check(spec: Spec, inputs: Sequence[Input]) -> None:
    """Do the tables of a reduce fit its key columns?

    Raises:
        YtError: they do not.
    """
    group = spec.jobs[0].group
    assert group is not None
    primary = [each for each in inputs if not is_foreign(each)]
    foreign = [each for each in inputs if is_foreign(each)]
    if group.key_guarantee:
        _check_guaranteed(group, primary, foreign)
    else:
        _check_without_guarantee(spec, group, inputs, primary)
    if bool(spec.raw.get("validate_key_column_types", True)):
        check_types(inputs, group.join_by)
        check_types(primary, group.reduce_by)
    _check_pivots(group)
    if any(len(each.path.ranges or []) > 1 for each in foreign):
        raise YtError("Reduce operation does not support foreign tables with multiple ranges")
    if not primary:
        raise YtError("At least one non-foreign input table is required")
    if not foreign and spec.raw.get("join_by"):
        raise YtError("At least one foreign input table is required when join_by is specified")
    if foreign and not spec.raw.get("join_by"):
        raise YtError("It is required to specify join_by when using foreign tables")


def _check_guaranteed(group: Grouping, primary: Sequence[Input], foreign: Sequence[Input]) -> None:
    if primary:
        check_sorted(primary, group.sort_by)
    if not starts_with(group.sort_by, group.reduce_by):
        raise YtError(
            "Reduce sort columns are not compatible with sort columns",
            attributes={"reduce_by": to_yson(group.reduce_by), "sort_by": to_yson(group.sort_by)},
        )
    if not group.reduce_by:
        raise YtError("Reduce by can not be empty when key guarantee is enabled")
    if group.join_by:
        if foreign:
            check_sorted(foreign, group.join_by)
        if not starts_with(group.reduce_by, group.join_by):
            raise YtError(
                "Join sort columns are not compatible with reduce sort columns",
                attributes={"join_by": to_yson(group.join_by), "reduce_by": to_yson(group.reduce_by)},
            )


def _check_without_guarantee(
    spec: Spec, group: Grouping, inputs: Sequence[Input], primary: Sequence[Input]
) -> None:
    if spec.raw.get("reduce_by") and spec.raw.get("join_by"):
        raise YtError(
            "Specifying both reduce and join key columns is not supported in disabled key guarantee mode"
        )
    if not group.reduce_by:
        raise YtError("At least one of reduce_by or join_by is required for this operation")
    check_sorted(inputs, group.reduce_by)
    if not starts_with(group.sort_by, group.join_by):
        raise YtError(
            "Join sort columns are not compatible with sort columns",
            attributes={"join_by": to_yson(group.join_by), "sort_by": to_yson(group.sort_by)},
        )
    # The rows of each job are in this order.
    check_sorted(primary, group.sort_by)


def _check_pivots(group: Grouping) -> None:
    if group.pivots and not group.key_guarantee:
        raise YtError("Pivot keys are not supported in disabled key guarantee mode")
    previous: list[Any] | None = None
    for pivot in group.pivots:
        if len(pivot) > len(group.reduce_by):
            raise YtError(
                "Pivot key cannot be longer than reduce key column count",
                attributes={"key": pivot, "reduce_by": names_of(group.reduce_by)},
            )
        if previous is not None and not key_of(previous, group.reduce_by) < key_of(pivot, group.reduce_by):
            raise YtError(
                "Pivot keys should form a strictly increasing sequence",
                attributes={"previous": previous, "current": pivot},
            )
        previous = pivot


def after_combiner(job: UserJob) -> UserJob:
    """The reducer as it is when a combiner ran: its tables are what jobs of the combiner wrote."""
    assert job.group is not None
    return replace(job, name="sorted_reduce", group=replace(job.group, table_index=False))


def make_jobs(
    spec: Spec, job: UserJob, inputs: Sequence[Input], first_output: int, made: int
) -> list[JobPlan]:
    """Jobs of about equal data weight; all rows of one key of `reduce_by` are in one of them.

    With `enable_key_guarantee=%false` a key may go to several jobs. The rows of foreign tables go to every
    job that has rows to join them with.

    Args:
        first_output: number of the operation's output table that is the job's first.
        made: how many jobs the operation has already.
    """
    group = job.group
    assert group is not None
    segments = segments_of(inputs, lambda each: not is_foreign(each))
    foreign = segments_of(inputs, is_foreign)
    asked, weight, most = spec.job_size(job)
    counted = segments if spec.raw.get("consider_only_primary_size") else [*segments, *foreign]
    count = slicing.job_count_for(segments, asked, weight, most, counted)
    if not count:
        return []
    streams = streams_of(inputs, segments, group.reduce_by)
    if group.pivots:
        slices = cut_at(streams, [key_of(pivot, group.reduce_by) for pivot in group.pivots])
    else:
        slices = cut(streams, count, inside_keys=not group.key_guarantee)
    if foreign:
        joined = streams_of(inputs, foreign, group.join_by)
        slices = [[*each, *_joined_with(each, inputs, joined, group)] for each in slices]
    slicing.check_weight(slices, spec.max_data_weight_per_job)
    return [JobPlan(made + index, index, job, first_output, each) for index, each in enumerate(slices)]


def segments_of(inputs: Sequence[Input], is_wanted: Callable[[Input], bool]) -> list[Segment]:
    return [
        segment
        for index, each in enumerate(inputs)
        if is_wanted(each)
        for segment in each.reader.segments(each.path.ranges, index)
    ]


def _joined_with(
    segments: Sequence[Segment], inputs: Sequence[Input], foreign: Sequence[Stream], group: Grouping
) -> list[Segment]:
    """Rows of foreign tables from the first to the last key of a slice of the primary ones."""
    streams = streams_of(inputs, segments, group.join_by)
    first = min(stream.key(0) for stream in streams)
    last = max(stream.key(stream.row_count - 1) for stream in streams)
    return [
        segment
        for stream in foreign
        for segment in stream.part(stream.first_not_before(first), stream.first_after(last))
    ]
