"""How input is cut into jobs. Arithmetic only; a row is never split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment


def job_count_for(
    segments: Sequence[Segment],
    job_count: int | None,
    data_weight_per_job: int,
    max_job_count: int,
    weighed: Sequence[Segment] | None = None,
) -> int:
    """Jobs for this input: as asked, but never more than rows, and none for no rows.

    Args:
        weighed: what counts for the weight, if not only the segments.
    """
    rows = sum(segment.row_count for segment in segments)
    if not rows:
        return 0
    weight = sum(segment.data_weight for segment in (segments if weighed is None else weighed))
    wanted = job_count or max(1, -(-weight // max(data_weight_per_job, 1)))
    return max(1, min(wanted, rows, max_job_count))


def cut(segments: Sequence[Segment], count: int) -> list[list[Segment]]:
    """Contiguous slices of about equal data weight, `count` of them, each with a row at least.

    Every row is in exactly one slice and the order of rows is kept.
    """
    if count <= 0:
        return []
    rows_left = sum(segment.row_count for segment in segments)
    weight_left = float(sum(segment.data_weight for segment in segments))
    slices: list[list[Segment]] = [[]]
    filled = 0.0
    jobs_left = count
    queue = list(reversed(segments))
    while queue:
        segment = queue.pop()
        mean = segment.data_weight / segment.row_count
        goal = weight_left / jobs_left
        room = rows_left - (jobs_left - 1)
        if jobs_left == 1:
            take = segment.row_count
        else:
            fitting = round((goal - filled) / mean) if mean else segment.row_count
            already = sum(each.row_count for each in slices[-1])
            # Leave one row at least for every job still to come, and take one at least.
            take = max(0 if already else 1, min(fitting, room - already, segment.row_count))
        if take:
            slices[-1].append(replace(segment, end=segment.start + take))
            filled += take * mean
        if take < segment.row_count or (jobs_left > 1 and filled >= goal):
            done = sum(each.row_count for each in slices[-1])
            rows_left -= done
            weight_left -= filled
            jobs_left -= 1
            filled = 0.0
            slices.append([])
        if take < segment.row_count:
            queue.append(replace(segment, start=segment.start + take, row_index=segment.row_index + take))
    if not slices[-1]:
        slices.pop()
    return slices


def before(segments: Sequence[Segment], rows: int) -> list[Segment]:
    """The first so many rows of segments, in order."""
    taken = []
    for segment in segments:
        count = min(rows, segment.row_count)
        rows -= count
        if count:
            taken.append(replace(segment, end=segment.start + count))
    return taken


def after(segments: Sequence[Segment], rows: int) -> list[Segment]:
    """What is left of segments when so many rows of them, in order, are taken."""
    left = []
    for segment in segments:
        taken = min(rows, segment.row_count)
        rows -= taken
        if taken < segment.row_count:
            left.append(replace(segment, start=segment.start + taken, row_index=segment.row_index + taken))
    return left


def check_weight(slices: Sequence[Sequence[Segment]], limit: int) -> None:
    for each in slices:
        weight = sum(segment.data_weight for segment in each)
        if weight > limit:
            raise YtError(
                f"Maximum allowed data weight per job exceeds the limit: {weight} > {limit}",
                attributes={"data_weight": weight, "max_data_weight_per_job": limit},
            )
