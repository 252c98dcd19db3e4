"""Waves of videos that map operations cut: bounded, and written down before they start.

While a wave is noted in the table's ``@ytcurate_cutting``, the ``ds_index`` of each of its videos is settled.
Whoever comes next finds it there, follows the operation that still runs, and cuts what it lacks.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES
from ytcurate.mappers.clips import SourceRecord
from ytcurate.tables.store import writer_row_weight
from ytcurate.tables.stream_rows import weight_class
from ytcurate.uploading.commit import Committer
from ytcurate.uploading.cut_input import FileOfRow, ranges_of
from ytcurate.uploading.messages import Done
from ytcurate.uploading.plan import UploadPlan
from ytcurate.uploading.record import UploadRecord, read_upload_record
from ytcurate.uploading.transactions import OpenTransactions

WAVE_ATTRIBUTE = "ytcurate_cutting"
_MOST_RANGES = 300
"""Of one input path: an operation's spec must stay small."""
_MOST_FILE_BYTES = 20 * 10**9
"""Of all files that the jobs of one operation are given."""
_BESIDE_VIDEO_BYTES = 100 * 1024
"""Of a clip's row, at most: its preview."""


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Videos that are cut together."""

    input_id: str
    """Of the table of whole videos."""
    pieces: tuple[tuple[int, int, int], ...]
    """Rows of that table: the first, the one after the last, and the ``ds_index`` of the first."""
    clips_before: int
    """Rows of the clips when it began."""
    sources_before: int
    """Rows of the table of sources when it began."""
    alias: str = ""
    """Of the operation that was started last."""

    @property
    def first_index(self) -> int:
        """``ds_index`` of its first video."""
        return self.pieces[0][2]

    @property
    def end_index(self) -> int:
        """One more than the ``ds_index`` of its last video."""
        start, stop, first = self.pieces[-1]
        return first + stop - start

    @property
    def numbers(self) -> tuple[tuple[int, int], ...]:
        """Rows with their ``ds_index``, as the mapper takes them."""
        return tuple((start, first) for start, _, first in self.pieces)

    def rows_without(self, done: set[int]) -> list[int]:
        """Rows whose ``ds_index`` is not among these."""
        return [
            start + offset
            for start, stop, first in self.pieces
            for offset in range(stop - start)
            if first + offset not in done
        ]


def cut_off(left: Sequence[range], most_rows: int) -> tuple[list[range], list[range]]:
    """Divide rows into those of the next wave and the others."""
    wave: list[range] = []
    rest = list(left)
    while rest and most_rows > 0 and len(wave) < _MOST_RANGES:
        taken, other = rest[0][:most_rows], rest[0][most_rows:]
        wave.append(taken)
        most_rows -= len(taken)
        rest[0:1] = [other] if other else []
    return wave, rest


def joined(left: Sequence[range], more: range) -> list[range]:
    """Put rows behind others; those that follow each other are one range."""
    if left and left[-1].stop == more.start:
        return [*left[:-1], range(left[-1].start, more.stop)]
    return [*left, more]


def numbered(ranges: Sequence[range], first_index: int) -> tuple[tuple[int, int, int], ...]:
    """Give the videos of some rows their ``ds_index``, one after the other."""
    pieces = []
    for each in ranges:
        pieces.append((each.start, each.stop, first_index))
        first_index += len(each)
    return tuple(pieces)


def groups_of(rows: Sequence[int], files: Mapping[int, FileOfRow]) -> Iterator[tuple[list[range], bool]]:
    """Divide a wave's rows among operations; one row lies in no more than one.

    Yields:
        Ranges of rows, and whether their videos are files. Those in the table itself come first, in one
        operation; all jobs of an operation are given all its files, so these are bounded.
    """
    inside = [row for row in rows if row not in files]
    if inside:
        yield ranges_of(inside), False
    group: list[int] = []
    gathered = 0
    for row in rows:
        if row not in files:
            continue
        size = files[row][1]
        if group and (gathered + size > _MOST_FILE_BYTES or len(group) >= _MOST_RANGES):
            yield ranges_of(group), True
            group, gathered = [], 0
        group.append(row)
        gathered += size
    if group:
        yield ranges_of(group), True


class WaveKeeper(Committer):
    """Keeps the wave and the record of a table in step: both change in one transaction, or neither."""

    def __init__(self, client: Any, plan: UploadPlan) -> None:
        super().__init__(client, plan.written_table, plan.record)
        self._sources_table = plan.sources_table

    def read(self) -> Wave | None:
        """The wave that an upload was at when it was last heard of."""
        from yt.yson.convert import yson_to_json

        path = f"{self._table}/@{WAVE_ATTRIBUTE}"
        if not self._client.exists(path):
            return None
        content = yson_to_json(self._client.get(path))
        return Wave(**content | {"pieces": tuple(tuple(each) for each in content["pieces"])})

    def begin_wave(self, input_id: str, ranges: Sequence[range]) -> Wave:
        """Note a wave, and take its numbers.

        Raises:
            UploadInterrupted: another upload has written to the table.
        """
        wave = Wave(
            input_id=input_id,
            pieces=numbered(ranges, self.record.next_index),
            clips_before=int(self._client.get(f"{self._table}/@row_count")),
            sources_before=int(self._client.get(f"{self._sources_table}/@row_count")),
        )
        changed = copy.deepcopy(self.record)
        changed.next_index = wave.end_index
        self._commit("begin to cut", wave, changed)
        return wave

    def note_operation(self, wave: Wave, rows: Iterable[range]) -> Wave:
        """Note which operation of a wave is about to start: the same rows have the same alias."""
        content = [
            str(self._client.get(f"{self._table}/@id")),
            wave.first_index,
            [(each.start, each.stop) for each in rows],
        ]
        digest = hashlib.blake2b(json.dumps(content).encode(), digest_size=10).hexdigest()
        noted = replace(wave, alias=f"*ytcurate-cut-{digest}")
        self._client.set(f"{self._table}/@{WAVE_ATTRIBUTE}", asdict(noted))
        return noted

    def done(self, wave: Wave) -> list[SourceRecord]:
        """What became of the videos of a wave that are cut."""
        import yt.wrapper as yt

        path = yt.TablePath(self._sources_table, start_index=wave.sources_before, client=self._client)
        names = ("ds_index", "source", "source_bytes", "clips", "seconds", "bytes", "outcome", "detail")
        return [
            SourceRecord(**{name: row[name] for name in names})
            for row in self._client.read_table(path)
            if wave.first_index <= row["ds_index"] < wave.end_index
        ]

    def end_wave(self, wave: Wave, row_cap: int) -> list[SourceRecord]:
        """Count a wave that is cut, and strike its note out.

        Returns:
            What became of its videos; nothing if another client of this upload was faster.

        Raises:
            UploadInterrupted: another upload has written to the table.
        """
        if self.read() is None:
            found = read_upload_record(self._client, self._table)
            self.record = found or self.record
            return []
        records = self.done(wave)
        weights = list(self._row_weights(wave))
        heaviest = min(writer_row_weight(max(weights, default=0)), row_cap)
        changed = copy.deepcopy(self.record)
        changed.add(
            Done(
                records=records,
                row_weights_mib=Counter(weight_class(each) for each in weights),
                max_row_weight=heaviest if heaviest > DEFAULT_ROW_WEIGHT_BYTES else 0,
            )
        )
        self._commit("end of a wave", None, changed)
        return records

    def end_upload(self) -> None:
        """Note that all of the source is cut."""
        with OpenTransactions(self._client) as transactions:
            transaction_id = transactions.start(f"ytcurate upload: {self._table}, end")
            self.finish(transaction_id)
            transactions.forget(transaction_id)

    def _row_weights(self, wave: Wave) -> Iterator[int]:
        """What the rows of a wave weigh, nearly: without reading their videos."""
        import yt.wrapper as yt

        path = yt.TablePath(
            self._table, columns=["ds_index", "bytes"], start_index=wave.clips_before, client=self._client
        )
        for row in self._client.read_table(path):
            if wave.first_index <= row["ds_index"] < wave.end_index:
                yield (row["bytes"] or 0) + _BESIDE_VIDEO_BYTES

    def _commit(self, what: str, wave: Wave | None, changed: UploadRecord) -> None:
        import yt.wrapper as yt

        path = f"{self._table}/@{WAVE_ATTRIBUTE}"
        with OpenTransactions(self._client) as transactions:
            transaction_id = transactions.start(f"ytcurate upload: {self._table}, {what}")
            with yt.Transaction(transaction_id=transaction_id, ping=False, client=self._client):
                if wave is None:
                    self._client.remove(path, force=True)
                else:
                    self._client.set(path, asdict(wave))
            self._write(transaction_id, changed)
            transactions.forget(transaction_id)
