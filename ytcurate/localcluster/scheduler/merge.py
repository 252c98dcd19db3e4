"""Operations without processes: merge, sort and erase write new chunks of the output's schema.

Chunks no row of which changes are kept, as a cluster keeps them, unless the spec asks for new ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema_fit import fits_as_it_is
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.external_sort import (
    ExternalSort,
    Row,
    decode_rows,
    merged,
    sorted_run,
    split_ranges,
)
from ytcurate.localcluster.scheduler.key_slices import Stream, streams_of
from ytcurate.localcluster.scheduler.keys import Key
from ytcurate.localcluster.scheduler.plan import Input
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster

LARGE_CHUNK_BYTES = 512 * 1024 * 1024
"""Chunks of this size stay also where small ones are combined; it is about what one job writes."""


@dataclass
class Result:
    """Chunks of a table in order, and those of them that are new: pinned, not yet referenced by anything."""

    content: list[Chunk] = field(default_factory=list)
    new: list[Chunk] = field(default_factory=list)


class Rewriter:
    """Writes the output of one operation. What it wrote is gone again if it fails."""

    def __init__(
        self, cluster: Cluster, spec: Spec, target: Target, folder: Path, check: Callable[[], None]
    ) -> None:
        """
        Args:
            folder: for the runs of a sort; gone afterwards.
            check: called now and then; raises to stop.
        """
        self._cluster = cluster
        self._spec = spec
        self._target = target
        self._folder = folder
        self._check = check

    def sort(self, inputs: Sequence[Input]) -> Result:
        """All rows in the order of the spec's `sort_by`."""
        sorter = ExternalSort(self._folder, self._spec.sort_by, self._check)
        try:
            result = Result()
            self._write(result, sorter.rows(inputs))
            return result
        finally:
            sorter.close()

    def merge(self, inputs: Sequence[Input]) -> Result:
        """The rows of all tables in the mode of the spec."""
        segments = [
            segment
            for index, each in enumerate(inputs)
            for segment in each.reader.segments(each.path.ranges, index)
        ]
        if self._spec.merge_mode == "sorted":
            return self._undone_by_errors(lambda result: self._merge_sorted(inputs, segments, result))
        return self._undone_by_errors(lambda result: self._merge_plain(inputs, segments, result))

    def erase(self, source: Input) -> Result:
        """The table without the rows of the path's range."""
        erased = source.reader.segments(source.path.ranges)
        low, high = 0, 0
        if erased:
            low, high = erased[0].row_index, erased[-1].row_index + erased[-1].row_count
        kept = source.reader.segments(
            [{"upper_limit": {"row_index": low}}, {"lower_limit": {"row_index": high}}]
        )
        return self._undone_by_errors(lambda result: self._merge_plain([source], kept, result))

    def _undone_by_errors(self, work: Callable[[Result], None]) -> Result:
        result = Result()
        try:
            work(result)
        except BaseException:
            self._cluster.state.unpin([chunk.id for chunk in result.new])
            for chunk in result.new:
                self._cluster.files.discard(chunk.id)
            raise
        return result

    # ---- merge

    def _keeps(self, source: Input, segment: Segment) -> bool:
        """May the chunk become one of the output as it is?"""
        spec = self._spec
        if spec.raw.get("force_transform") or segment.row_count != segment.chunk.row_count:
            return False
        if source.path.columns is not None or source.is_renamed:
            return False
        if spec.raw.get("combine_chunks") and segment.chunk.disk_size < LARGE_CHUNK_BYTES:
            return False
        key = self._target.schema.sort_columns
        # The key of a chunk is as long as that of its table.
        same_key = not key or source.schema.sort_columns == key
        return same_key and fits_as_it_is(source.schema, self._target.schema, ignore_order=False)

    def _merge_plain(self, inputs: Sequence[Input], segments: Sequence[Segment], result: Result) -> None:
        """Rows in the order of the segments; what lies between chunks that are kept is a job, or several."""

        def keeps(segment: Segment) -> bool:
            return self._keeps(inputs[segment.table_index], segment)

        for is_kept, group in itertools.groupby(segments, keeps):
            if is_kept:
                result.content += [segment.chunk for segment in group]
                continue
            for part in self._jobs(list(group)):
                rows = (row for segment in part for row in _rows(inputs[segment.table_index], segment))
                self._write(result, rows)

    def _jobs(self, segments: Sequence[Segment]) -> list[list[Segment]]:
        asked, weight, most = self._spec.job_size(default_weight=LARGE_CHUNK_BYTES)
        return slicing.cut(segments, slicing.job_count_for(segments, asked, weight, most))

    def _merge_sorted(self, inputs: Sequence[Input], segments: Sequence[Segment], result: Result) -> None:
        pieces = [
            piece for stream in streams_of(inputs, segments, self._spec.sort_by) for piece in _pieces(stream)
        ]
        pieces.sort(key=lambda piece: (piece.first, piece.last))
        for is_kept, together in itertools.groupby(_apart(pieces), lambda group: self._stays(inputs, group)):
            groups = list(together)
            if is_kept:
                result.content += [group[0].segment.chunk for group in groups]
                continue
            found = [piece.segment for group in groups for piece in group]
            found.sort(key=lambda segment: (segment.table_index, segment.range_index, segment.row_index))
            runs = [
                sorted_run(inputs[part[0].table_index], part, self._spec.sort_by)
                for part in split_ranges(found)
            ]
            self._write(result, (row for _, row in merged(runs)))

    def _stays(self, inputs: Sequence[Input], group: Sequence[_Piece]) -> bool:
        return len(group) == 1 and self._keeps(inputs[group[0].segment.table_index], group[0].segment)

    # ---- rows

    def _write(self, result: Result, rows: Iterable[Row]) -> None:
        """Add chunks of the rows to the result. Do they follow what the table holds? Publishing will tell."""

        def checked() -> Iterator[Row]:
            for row in rows:
                self._check()
                yield row

        writer = RowWriter(self._cluster.files, self._target.schema, self._spec.limits)
        try:
            writer.write(checked())
            chunks = writer.close()
        except BaseException:
            writer.discard()
            raise
        self._cluster.state.pin([chunk.id for chunk in chunks])
        result.content += chunks
        result.new += chunks


def _rows(source: Input, segment: Segment) -> Iterator[Row]:
    return decode_rows(source.reader, segment, source.path.columns)


@dataclass(frozen=True)
class _Piece:
    """A segment of a sorted table with its first and last key."""

    segment: Segment
    first: Key
    last: Key


def _pieces(stream: Stream) -> Iterator[_Piece]:
    row = 0
    for segment in stream.segments:
        yield _Piece(segment, stream.key(row), stream.key(row + segment.row_count - 1))
        row += segment.row_count


def _apart(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces in order, those together between which rows of others may come."""
    group: list[_Piece] = []
    last: Key | None = None
    for piece in pieces:
        if group and last is not None and last < piece.first:
            yield group
            group, last = [], None
        group.append(piece)
        last = piece.last if last is None else max(last, piece.last)
    if group:
        yield group


def check_erase(source: Input) -> None:
    """May the path of an erase be erased?

    Raises:
        YtError: several ranges, columns, or limits of several kinds.
    """
    ranges = source.path.ranges or []
    if len(ranges) > 1:
        raise YtError("Erase operation does not support tables with multiple ranges")
    if source.path.columns is not None:
        raise YtError("Erase operation does not support column filtering")
    limits = [each.get(name) or {} for each in ranges for name in ("lower_limit", "upper_limit", "exact")]
    if any(len(limit) > 1 for limit in limits):
        # The part between them would go too.
        raise YtError("Erase operation does not support read limits with several independent selectors")
