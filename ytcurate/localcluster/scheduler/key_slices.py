"""Sorted tables cut into slices: between two keys, or inside a key where that is allowed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ytcurate.localcluster.model.reader import Segment, TableReader
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.scheduler.external_sort import split_ranges
from ytcurate.localcluster.scheduler.keys import Key, batch_keys, names_of
from ytcurate.localcluster.scheduler.plan import Input

SAMPLES_PER_SLICE = 64
MAX_SAMPLES = 50_000


class Stream:
    """Rows of one range of one sorted table, with their keys found by number."""

    def __init__(self, reader: TableReader, segments: Sequence[Segment], key: Sequence[SortColumn]) -> None:
        self.segments = list(segments)
        self.row_count = sum(segment.row_count for segment in segments)
        self.data_weight = sum(segment.data_weight for segment in segments)
        self._reader = reader
        self._key = list(key)
        self._names = names_of(key)

    def key(self, row: int) -> Key:
        """Key of one row; nothing else of the table is read."""
        for segment in self.segments:
            if row < segment.row_count:
                at = segment.start + row
                one = replace(segment, start=at, end=at + 1)
                batch, count = next(self._reader.batches(one, self._names))
                return batch_keys(batch, count, self._key)[0]
            row -= segment.row_count
        raise IndexError(row)

    def first_not_before(self, key: Key) -> int:
        """Number of the first row whose key is not less than `key`, or than the keys that begin with it."""
        return self._first(key, or_equal=False)

    def first_after(self, key: Key) -> int:
        """Number of the first row whose key is greater, and does not begin with `key`."""
        return self._first(key, or_equal=True)

    def _first(self, key: Key, *, or_equal: bool) -> int:
        low, high = 0, self.row_count
        while low < high:
            middle = (low + high) // 2
            prefix = self.key(middle)[: len(key)]
            is_before = prefix < key or (or_equal and prefix == key)
            low, high = (middle + 1, high) if is_before else (low, middle)
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


def streams_of(
    inputs: Sequence[Input], segments: Sequence[Segment], key: Sequence[SortColumn]
) -> list[Stream]:
    """One stream for each range of each table."""
    return [Stream(inputs[part[0].table_index].reader, part, key) for part in split_ranges(segments)]


@dataclass(frozen=True)
class _Sample:
    """Some neighbouring rows of a stream, as if all had the key of the first."""

    key: Key
    stream: int
    row: int
    weight: float


def cut(streams: Sequence[Stream], count: int, *, inside_keys: bool = False) -> list[list[Segment]]:
    """At most `count` slices of about equal data weight.

    Args:
        inside_keys: may rows of one key go to several slices?
    """
    samples = _samples(streams, count) if count > 1 else []
    if inside_keys:
        marks = [_mark(streams, sample) for sample in _ends(samples, count)]
    else:
        by_key = [_together(list(group)) for _, group in itertools.groupby(samples, lambda each: each.key)]
        marks = [_marks(streams, sample.key) for sample in _ends(by_key, count)]
    return _slices(streams, marks)


def cut_at(streams: Sequence[Stream], pivots: Sequence[Key]) -> list[list[Segment]]:
    """Slices that begin at the keys given; those without rows are left out."""
    return _slices(streams, [_marks(streams, pivot) for pivot in pivots])


def _slices(streams: Sequence[Stream], marks: Sequence[Sequence[int]]) -> list[list[Segment]]:
    edges = [[0] * len(streams), *marks, [stream.row_count for stream in streams]]
    slices = []
    for low, high in itertools.pairwise(edges):
        parts = zip(streams, low, high, strict=True)
        slices.append([segment for stream, start, end in parts for segment in stream.part(start, end)])
    return [each for each in slices if each]


def _marks(streams: Sequence[Stream], key: Key) -> list[int]:
    """By stream, the first row that is not before `key`."""
    return [stream.first_not_before(key) for stream in streams]


def _mark(streams: Sequence[Stream], sample: _Sample) -> list[int]:
    """By stream, the first row at or after a sample; equal keys stand in the order of the streams."""
    return [
        sample.row if at == sample.stream
        else stream.first_after(sample.key) if at < sample.stream
        else stream.first_not_before(sample.key)
        for at, stream in enumerate(streams)
    ]  # fmt: skip


def _samples(streams: Sequence[Stream], count: int) -> list[_Sample]:
    """Evenly spaced rows of all streams, in order."""
    total = sum(stream.row_count for stream in streams)
    step = max(total // min(count * SAMPLES_PER_SLICE, MAX_SAMPLES), 1)
    found = []
    for at, stream in enumerate(streams):
        mean = max(stream.data_weight / max(stream.row_count, 1), 1)
        for row in range(0, stream.row_count, step):
            weight = mean * min(step, stream.row_count - row)
            found.append(_Sample(stream.key(row), at, row, weight))
    return sorted(found, key=lambda each: (each.key, each.stream, each.row))


def _together(group: Sequence[_Sample]) -> _Sample:
    return replace(group[0], weight=sum(each.weight for each in group))


def _ends(samples: Sequence[_Sample], count: int) -> Iterator[_Sample]:
    """Samples before which to cut."""
    left, slices_left, filled = sum(each.weight for each in samples), count, 0.0
    for sample in samples:
        # A key goes where less of it is beyond the goal.
        if filled and slices_left > 1 and filled + sample.weight / 2 > left / slices_left:
            yield sample
            left, slices_left, filled = left - filled, slices_left - 1, 0.0
        filled += sample.weight
