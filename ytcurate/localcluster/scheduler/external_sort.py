"""External sort: sorted runs on disk, merged; memory is bounded whatever the input's size.

Light rows go into the runs whole. Of heavy rows (clips, frames) only the key and the place go there,
so that a sort by a small column reads the heavy ones once, when the row is handed out. An input that
is sorted already is a run as it is.
"""

from __future__ import annotations

import heapq
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.model.reader import Segment, TableReader, decode_column
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.scheduler.keys import Key, encoded, is_sorted_by, row_key
from ytcurate.localcluster.scheduler.plan import Input

MIB = 1024 * 1024
RUN_BYTES = 64 * MIB
"""Estimated memory of the rows that are sorted at once."""
FAN_IN = 16
"""Runs merged at once; each holds a row, an input that is sorted already a batch."""
HEAVY_ROW_BYTES = 16 * 1024
"""Mean data weight from which rows are left where they are until they are handed out."""
ROW_OVERHEAD, CELL_OVERHEAD = 512, 64

PLACE = b""
"""Stands for the place of a heavy row in a run; no column can have this name."""

Row = dict[bytes, Any]
Record = tuple[Key, Row]
Run = Callable[[], Iterator[Record]]
_LENGTH = struct.Struct("<Q")


def decode_rows(reader: TableReader, segment: Segment, columns: list[str] | None) -> Iterator[Row]:
    """Rows of one segment with the columns asked for, nulls left out."""
    for batch, count in reader.batches(segment, columns):
        cells = [
            (field.name.encode(), decode_column(batch.column(index), field))
            for index, field in enumerate(batch.schema)
        ]
        for row in range(count):
            yield {name: values[row] for name, values in cells if values[row] is not None}


def split_ranges(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Segments by table and range: within each of these lists a sorted table is in order."""
    found: dict[tuple[int, int], list[Segment]] = {}
    for segment in segments:
        found.setdefault((segment.table_index, segment.range_index), []).append(segment)
    return list(found.values())


def sorted_run(source: Input, segments: Sequence[Segment], key: Sequence[SortColumn]) -> Run:
    """A run of rows of a table that is sorted by `key`."""
    keys = encoded(key)
    return lambda: (
        (row_key(row, keys), row)
        for segment in segments
        for row in decode_rows(source.reader, segment, source.path.columns)
    )


def merged(runs: Sequence[Run]) -> Iterator[Record]:
    """Rows of all runs in order; among equal keys those of an earlier run come first."""
    return heapq.merge(*(run() for run in runs), key=itemgetter(0))


class ExternalSort:
    """Sorts the rows of tables by columns. `close` removes the runs."""

    def __init__(
        self,
        folder: Path,
        key: Sequence[SortColumn],
        check: Callable[[], None],
        *,
        run_bytes: int = RUN_BYTES,
        fan_in: int = FAN_IN,
    ) -> None:
        """
        Args:
            folder: where runs are written; made if missing, gone after `close`.
            check: called for every row; raises to stop the sort.
            run_bytes: about how many bytes of rows are held in memory.
            fan_in: how many runs are read at once, at least 2.
        """
        self._folder = folder
        self._key = list(key)
        self._keys = encoded(key)
        self._check = check
        self._run_bytes = run_bytes
        self._fan_in = fan_in
        self._files = 0
        self._sources: list[tuple[TableReader, Segment, list[str] | None]] = []
        self._buffer: list[Record] = []
        self._buffered = 0
        self._runs: list[Run] = []

    @property
    def files_written(self) -> int:
        """Runs written to disk so far."""
        return self._files

    def rows(self, inputs: Sequence[Input]) -> Iterator[Row]:
        """All rows of the inputs' ranges and columns in key order; equal keys keep the input's order.

        Raises:
            YtError: a key value has no place in the order.
        """
        for source in inputs:
            for segments in split_ranges(source.reader.segments(source.path.ranges)):
                self._add(source, segments)
        self._finish_buffer(last=True)
        while len(self._runs) > self._fan_in:
            # Neighbours are merged, so that the order of equal keys is kept.
            groups = [self._runs[at : at + self._fan_in] for at in range(0, len(self._runs), self._fan_in)]
            self._runs = [group[0] if len(group) == 1 else self._spill(merged(group)) for group in groups]
        for _, row in merged(self._runs):
            self._check()
            yield self._whole(row)

    def close(self) -> None:
        self._buffer, self._runs = [], []
        shutil.rmtree(self._folder, ignore_errors=True)

    def _add(self, source: Input, segments: list[Segment]) -> None:
        columns = source.path.columns
        weight = sum(segment.data_weight for segment in segments)
        mean = weight // max(sum(segment.row_count for segment in segments), 1)
        heavy = mean > HEAVY_ROW_BYTES
        first = len(self._sources)
        if heavy:
            self._sources += [(source.reader, segment, columns) for segment in segments]

        def run() -> Iterator[Record]:
            for number, segment in enumerate(segments, first):
                # A key column that the path does not select is null, as it is in the rows.
                wanted = columns if not heavy else [
                    column.name for column in self._key if columns is None or column.name in columns
                ]  # fmt: skip
                for at, row in enumerate(decode_rows(source.reader, segment, wanted), segment.start):
                    self._check()
                    key = row_key(row, self._keys)
                    if heavy:
                        row[PLACE] = [number, at]
                    yield key, row

        if is_sorted_by(source.schema, self._key):
            self._finish_buffer()
            self._runs.append(run)
            return
        least = 0 if heavy else mean
        for record in run():
            self._buffer.append(record)
            self._buffered += max(least, _size(record[1])) + ROW_OVERHEAD
            if self._buffered >= self._run_bytes:
                self._buffer.sort(key=itemgetter(0))
                self._runs.append(self._spill(iter(self._buffer)))
                self._buffer, self._buffered = [], 0

    def _finish_buffer(self, *, last: bool = False) -> None:
        """The rows in memory become a run; the last one stays there."""
        if not self._buffer:
            return
        self._buffer.sort(key=itemgetter(0))
        records, self._buffer = self._buffer, []
        self._runs.append((lambda: iter(records)) if last else self._spill(iter(records)))
        self._buffered = 0

    def _spill(self, records: Iterator[Record]) -> Run:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / str(self._files)
        self._files += 1
        with path.open("wb") as file:
            for _, row in records:
                self._check()
                data = yson.dumps(row, yson_format="binary", encoding=None)
                file.write(_LENGTH.pack(len(data)))
                file.write(data)
        return lambda: self._read(path)

    def _read(self, path: Path) -> Iterator[Record]:
        with path.open("rb") as file:
            while head := file.read(_LENGTH.size):
                data = file.read(_LENGTH.unpack(head)[0])
                row = yson.loads(data, encoding=None, always_create_attributes=False)
                yield row_key(row, self._keys), row
        path.unlink(missing_ok=True)

    def _whole(self, row: Row) -> Row:
        place = row.get(PLACE)
        if place is None:
            return row
        reader, segment, columns = self._sources[place[0]]
        at = int(place[1])
        return next(decode_rows(reader, replace(segment, start=at, end=at + 1), columns))


def _size(row: Row) -> int:
    cells = sum(len(value) if isinstance(value, bytes) else 0 for value in row.values())
    return cells + CELL_OVERHEAD * len(row)
