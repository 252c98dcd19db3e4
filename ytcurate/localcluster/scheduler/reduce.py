"""The input of a reducer's job: rows of sorted tables merged, joined and told apart."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.rows import Rows, encoder_for
from ytcurate.localcluster.scheduler.external_sort import split_ranges
from ytcurate.localcluster.scheduler.keys import Key, batch_keys
from ytcurate.localcluster.scheduler.plan import Input, control_of, sources_of
from ytcurate.localcluster.scheduler.reduce_jobs import is_foreign
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob


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
    width = len(group.join_by or group.reduce_by) if control.enable_key_switch else 0

    def stream() -> Iterator[bytes]:
        encoder = encoder_for(job.input_format, sources_of(inputs), control)
        group_key: Key | None = None
        for run in _in_order(group, inputs, segments, width):
            is_new = group_key is not None and run.key[:width] != group_key
            group_key = run.key[:width]
            yield from encoder.encode(
                Rows(run.batch, run.count, run.table_index, run.range_index, run.row_index, is_new)
            )
        yield encoder.end()

    return stream


def _in_order(
    group: Grouping, inputs: Sequence[Input], segments: Sequence[Segment], width: int
) -> Iterator[_Run]:
    """Rows of all tables; `width` columns of their keys are needed by the caller."""
    parts = split_ranges(segments)
    primary = [part for part in parts if not is_foreign(inputs[part[0].table_index])]
    foreign = [part for part in parts if is_foreign(inputs[part[0].table_index])]
    needed = group.sort_by if len(parts) > 1 else group.sort_by[:width]
    merged = heapq.merge(*(_runs(inputs, part, needed) for part in primary), key=lambda rows: rows.key)
    if not foreign:
        return merged
    return _joined(merged, [_Foreign(inputs, part, group.join_by) for part in foreign], len(group.join_by))


class _Foreign:
    """Rows of a foreign table, taken by key in ascending order."""

    def __init__(
        self, inputs: Sequence[Input], segments: Sequence[Segment], key: Sequence[SortColumn]
    ) -> None:
        self.table_index = segments[0].table_index
        self._rows = _runs(inputs, segments, key)
        self._next = next(self._rows, None)

    def take(self, key: Key) -> Iterator[_Run]:
        """All rows of a key; those of lesser keys are left out for good."""
        while self._next is not None and not key < self._next.key:
            if self._next.key == key:
                yield self._next
            self._next = next(self._rows, None)


def _joined(primary: Iterator[_Run], foreign: Sequence[_Foreign], width: int) -> Iterator[_Run]:
    """Under each key, the tables in their order; the primary ones stand where the first that has rows is."""
    first = next(primary, None)
    if first is None:
        return
    place = first.table_index
    for key, own in itertools.groupby(itertools.chain([first], primary), lambda rows: rows.key[:width]):
        for each in foreign:
            if each.table_index < place:
                yield from each.take(key)
        yield from own
        for each in foreign:
            if each.table_index > place:
                yield from each.take(key)


def _runs(inputs: Sequence[Input], segments: Sequence[Segment], key: Sequence[SortColumn]) -> Iterator[_Run]:
    """Rows of one range, those with the same key together as far as a batch goes."""
    for segment in segments:
        source = inputs[segment.table_index]
        row = segment.row_index
        for batch, count in source.reader.batches(segment, source.path.columns):
            keys = batch_keys(batch, count, key)
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
