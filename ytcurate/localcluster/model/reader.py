"""From a table's chunks and the ranges of a path to the pieces that are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.chunks import ChunkFiles, open_table_chunk
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.values import load_cell, order_keys


@dataclass(frozen=True)
class Segment:
    """Rows [start, end) of one chunk."""

    chunk: Chunk
    start: int
    end: int
    row_index: int
    """Row number of the first of them in the whole table."""
    range_index: int = 0
    table_index: int = 0

    @property
    def row_count(self) -> int:
        return self.end - self.start

    @property
    def data_weight(self) -> int:
        """Estimated from the chunk's mean row."""
        return self.chunk.data_weight * self.row_count // max(self.chunk.row_count, 1)


def decode_column(array: Any, field: Any) -> list[Any]:
    """Cells as YSON values: strings as bytes, unsigned as such, any decoded."""
    kind = (field.metadata or {}).get(b"kind")
    values = array.to_pylist()
    if kind == b"any":
        return [None if value is None else load_cell(value) for value in values]
    if kind == b"unsigned":
        return [None if value is None else yson.YsonUint64(value) for value in values]
    return list(values)


class TableReader:
    """One version of a table: its chunks in order."""

    def __init__(
        self,
        files: ChunkFiles,
        chunks: Sequence[Chunk],
        key_columns: Sequence[str] = (),
        descending: Sequence[bool] = (),
    ) -> None:
        """
        Args:
            descending: of the key columns, which ones descend; those it leaves out do not.
        """
        self.files = files
        self.chunks = list(chunks)
        self.key_columns = list(key_columns)
        self.descending = list(descending)
        self.row_count = sum(chunk.row_count for chunk in chunks)

    def segments(self, ranges: list[dict[str, Any]] | None, table_index: int = 0) -> list[Segment]:
        """What to read, in order. Limits past the end are clamped, backward ranges are empty."""
        found: list[Segment] = []
        for range_index, item in enumerate([{}] if ranges is None else ranges):
            low, high = self._bounds(item)
            row = 0
            for chunk in self.chunks:
                start, end = max(low - row, 0), min(high - row, chunk.row_count)
                if start < end:
                    found.append(Segment(chunk, start, end, row + start, range_index, table_index))
                row += chunk.row_count
        return found

    def _bounds(self, item: dict[str, Any]) -> tuple[int, int]:
        exact = item.get("exact")
        if exact is not None:
            if "row_index" in exact:
                index = int(exact["row_index"])
                return max(index, 0), index + 1
            key = list(exact.get("key") or [])
            return self._search(key, or_equal=False), self._search(key, or_equal=True)
        low, high = 0, self.row_count
        lower, upper = item.get("lower_limit") or {}, item.get("upper_limit") or {}
        if lower.get("row_index") is not None:
            low = max(low, int(lower["row_index"]))
        if upper.get("row_index") is not None:
            high = min(high, int(upper["row_index"]))
        if lower.get("chunk_index") is not None:
            low = max(low, self._row_of_chunk(int(lower["chunk_index"])))
        if upper.get("chunk_index") is not None:
            high = min(high, self._row_of_chunk(int(upper["chunk_index"])))
        if lower.get("key") is not None:
            low = max(low, self._search_row(list(lower["key"])))
        if upper.get("key") is not None:
            high = min(high, self._search_row(list(upper["key"])))
        for limit, is_lower in ((lower, True), (upper, False)):
            if limit.get("key_bound") is not None:
                relation, key = str(limit["key_bound"][0]), list(limit["key_bound"][1])
                at = self._search(key, or_equal=relation in (">", "<="))
                low, high = (max(low, at), high) if is_lower else (low, min(high, at))
        return low, high

    def _row_of_chunk(self, index: int) -> int:
        return sum(chunk.row_count for chunk in self.chunks[: max(index, 0)])

    def _search_row(self, key: list[Any]) -> int:
        """First row whose whole key is not less than `key` (a shorter key is less than its extensions)."""
        order = order_keys(key, self.descending)
        return self._bisect(lambda row: row < order)

    def _search(self, key: list[Any], *, or_equal: bool) -> int:
        """First row whose key's prefix is greater than `key`, or (not `or_equal`) equal to it."""
        order = order_keys(key, self.descending)
        if or_equal:
            return self._bisect(lambda row: row[: len(order)] <= order)
        return self._bisect(lambda row: row[: len(order)] < order)

    def _bisect(self, before: Any) -> int:
        if not self.key_columns:
            raise YtError("Key limits need a sorted table")
        row = 0
        for chunk in self.chunks:
            last = order_keys(chunk.last_key, self.descending)
            if chunk.row_count and before(last):
                row += chunk.row_count
                continue
            keys = self._keys(chunk)
            low, high = 0, chunk.row_count
            while low < high:
                middle = (low + high) // 2
                low, high = (middle + 1, high) if before(keys[middle]) else (low, middle)
            return row + low
        return row

    def _keys(self, chunk: Chunk) -> list[list[Any]]:
        keys: list[list[Any]] = []
        opened = open_table_chunk(str(self.files.path(chunk.id)))
        for batch, count in opened.batches(0, chunk.row_count, self.key_columns):
            known = {
                name: decode_column(batch.column(i), batch.schema.field(i))
                for i, name in enumerate(batch.schema.names)
            }
            columns = [known.get(name, [None] * count) for name in self.key_columns]
            keys.extend(order_keys(row, self.descending) for row in zip(*columns, strict=True))
        return keys

    def batches(self, segment: Segment, columns: list[str] | None) -> Iterator[tuple[Any, int]]:
        opened = open_table_chunk(str(self.files.path(segment.chunk.id)))
        yield from opened.batches(segment.start, segment.end, columns)
