"""Reduce jobs: sorted tables cut between keys, and merged into the input of each job."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.rows import Rows, encoder_for
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.external_sort import split_ranges
from ytcurate.localcluster.scheduler.keys import Key, batch_keys
from ytcurate.localcluster.scheduler.plan import Input, JobPlan, control_of, sources_of
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.user_job import UserJob

SAMPLES_PER_JOB = 64
MAX_SAMPLES = 50_000


class Stream:
    """Rows of one range of one sorted table, with their keys found by number."""

    def __init__(self, reader: TableReader, segments: Sequence[Segment], names: Sequence[str]) -> None:
        self.segments = list(segments)
        self.row_count = sum(segment.row_count for segment in segments)
        self.data_weight = sum(segment.data_weight for segment in segments)
        self._reader = reader
        self._names = list(names)

    def key(self, row: int) -> Key:
        """Key of one row; nothing else of the table is read."""
        for segment in self.segments:
            if row < segment.row_count:
                at = segment.start + row
                one = replace(segment, start=at, end=at + 1)
                batch, count = next(self._reader.batches(one, self._names))
                return batch_keys(batch, count, self._names)[0]
            row -= segment.row_count
        raise IndexError(row)

    def first_not_before(self, key: Key) -> int:
        low, high = 0, self.row_count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.key(middle) < key else (low, middle)
        return low

    def part(self, start: int, end: int) -> list[Segment]:
        """Segments of the rows [start, end)."""
        found = []
        for segment in self.segments:
            low, high = max(start, 0), min(end, segment.row_count)
            if low < high:
                found.append(
                    replace(
                        segment,
                        start=segment.start + low,
                        end=segment.start + high,
                        row_index=segment.row_index + low,
                    )
                )
            start, end = start - segment.row_count, end - segment.row_count
        return found


def make_jobs(
    spec: Spec, job: UserJob, inputs: Sequence[Input], first_output: int, made: int
) -> list[JobPlan]:
    """Jobs of about equal data weight; all rows of one key of `reduce_by` are in one of them.

    Args:
        first_output: number of the operation's output table that is the job's first.
        made: how many jobs the operation has already.
    """
    assert job.group is not None
    segments = [
        segment
        for index, each in enumerate(inputs)
        for segment in each.reader.segments(each.path.ranges, index)
    ]
    asked, weight, most = spec.job_size(job)
    count = slicing.job_count_for(segments, asked, weight, most)
    if not count:
        return []
    streams = [
        Stream(inputs[part[0].table_index].reader, part, job.group.reduce_by)
        for part in split_ranges(segments)
    ]
    slices = cut(streams, count)
    slicing.check_weight(slices, spec.max_data_weight_per_job)
    return [JobPlan(made + index, index, job, first_output, each) for index, each in enumerate(slices)]


def cut(streams: Sequence[Stream], count: int) -> list[list[Segment]]:
    """At most `count` slices, cut where the key changes."""
    marks = [[0] * len(streams)]
    for pivot in _pivots(streams, count):
        marks.append([stream.first_not_before(pivot) for stream in streams])
    marks.append([stream.row_count for stream in streams])
    slices = []
    for low, high in itertools.pairwise(marks):
        parts = zip(streams, low, high, strict=True)
        slices.append([segment for stream, start, end in parts for segment in stream.part(start, end)])
    return [each for each in slices if each]


def _pivots(streams: Sequence[Stream], count: int) -> list[Key]:
    """Keys before which to cut, from a sample of evenly spaced rows."""
    if count < 2:
        return []
    total = sum(stream.row_count for stream in streams)
    step = max(total // min(count * SAMPLES_PER_JOB, MAX_SAMPLES), 1)
    by_key: dict[Key, float] = {}
    for stream in streams:
        mean = stream.data_weight / stream.row_count
        for row in range(0, stream.row_count, step):
            key = stream.key(row)
            by_key[key] = by_key.get(key, 0.0) + max(mean, 1) * min(step, stream.row_count - row)
    left, jobs_left, filled = sum(by_key.values()), count, 0.0
    pivots: list[Key] = []
    for key in sorted(by_key):
        # A key goes where less of it is beyond the goal.
        if filled and jobs_left > 1 and filled + by_key[key] / 2 > left / jobs_left:
            pivots.append(key)
            left, jobs_left, filled = left - filled, jobs_left - 1, 0.0
        filled += by_key[key]
    return pivots


# ---- the input of a job


@dataclass(frozen=True)
class _Run:
    """Neighbouring rows of one table that no row of another table may come between."""

    key: Key
    table_index: int
    range_index: int
    row_index: int
    batch: Any
    count: int


def input_of(job: UserJob, inputs: Sequence[Input], segments: list[Segment]) -> Callable[[], Iterator[bytes]]:
    """A function that streams the merged rows in the job's format, with the switches asked for."""
    group = job.group
    assert group is not None
    control = control_of(job, by_default=len(inputs) > 1 and group.table_index)
    parts = split_ranges(segments)
    width = len(group.reduce_by) if control.enable_key_switch else 0
    names = group.sort_by if len(parts) > 1 else group.sort_by[:width]

    def stream() -> Iterator[bytes]:
        encoder = encoder_for(job.input_format, sources_of(inputs), control)
        runs = heapq.merge(*(_runs(inputs, part, names) for part in parts), key=lambda run: run.key)
        group_key: Key | None = None
        for run in runs:
            is_new = group_key is not None and run.key[:width] != group_key
            group_key = run.key[:width]
            yield from encoder.encode(
                Rows(run.batch, run.count, run.table_index, run.range_index, run.row_index, is_new)
            )
        yield encoder.end()

    return stream


def _runs(inputs: Sequence[Input], segments: list[Segment], names: Sequence[str]) -> Iterator[_Run]:
    """Rows of one range, those with the same values of `names` together as far as a batch goes."""
    for segment in segments:
        source = inputs[segment.table_index]
        row = segment.row_index
        for batch, count in source.reader.batches(segment, source.path.columns):
            keys = batch_keys(batch, count, names)
            start = 0
            for at in range(1, count + 1):
                if at == count or keys[at] != keys[start]:
                    size = at - start
                    piece = batch if size == count else batch.slice(start, size)
                    yield _Run(
                        keys[start], segment.table_index, segment.range_index, row + start, piece, size
                    )
                    start = at
            row += count
