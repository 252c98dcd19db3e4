"""Tables cut into partitions that can be read apart, and the cookies that stand for them.

A cookie names chunks, which never change: what it reads is what was there when it was made, or nothing.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.schema import parse as parse_schema
from ytcurate.localcluster.scheduler import slicing

NO_SUCH_CHUNK = 704
MAX_COOKIE_BYTES = 64 * 1024 * 1024
"""Unpacked; a packed one fits into a request's header."""
PLACE = ("start", "end", "row_index", "range_index", "table_index")
"""Fields of a segment beside its chunk."""


@dataclass(frozen=True)
class Table:
    """What a reader of rows must know of their table."""

    schema: Schema
    columns: list[str] | None


@dataclass(frozen=True)
class Partition:
    tables: list[Table]
    segments: list[Segment]
    """In the order of their rows; `table_index` says of which table."""

    def statistics(self) -> dict[str, int]:
        return {
            "chunk_count": len({segment.chunk.id for segment in self.segments}),
            "data_weight": sum(_weight(segment) for segment in self.segments),
            "row_count": sum(segment.row_count for segment in self.segments),
        }

    def ranges(self, table_index: int) -> list[dict[str, Any]]:
        """The rows of one table, as the `ranges` of a path."""
        found: list[dict[str, Any]] = []
        reached = (-1, -1)
        for each in self.segments:
            if each.table_index != table_index:
                continue
            end = each.row_index + each.row_count
            if reached == (each.range_index, each.row_index):
                found[-1]["upper_limit"] = {"row_index": end}
            else:
                limits = {"lower_limit": {"row_index": each.row_index}, "upper_limit": {"row_index": end}}
                found.append(limits)
            reached = (each.range_index, end)
        return found


def cut(
    tables: list[Table], segments: Sequence[Segment], data_weight: int, max_count: int | None, *, adjust: bool
) -> list[Partition]:
    """Partitions of about `data_weight` bytes each; a row is never split.

    Raises:
        YtError: there would be more than `max_count`, and they may not be made larger (`adjust`).
    """
    read = [_as_read(segment, tables[segment.table_index].columns) for segment in segments]
    rows = sum(segment.row_count for segment in read)
    count = slicing.job_count_for(read, None, data_weight, rows)
    if max_count is not None and count > max_count:
        if not adjust:
            raise YtError("Maximum partition count exceeded", attributes={"limit": max_count})
        count = max_count
    return [Partition(tables, piece) for piece in slicing.cut(read, count)]


def _as_read(segment: Segment, columns: list[str] | None) -> Segment:
    """The segment, its chunk weighing what is read of it."""
    chunk = segment.chunk
    if columns is None:
        return segment
    weight = chunk.row_count + sum(chunk.column_weights.get(name, 0) for name in set(columns))
    return replace(segment, chunk=replace(chunk, data_weight=weight))


def _weight(segment: Segment) -> int:
    """Like `Segment.data_weight`, but the parts of a chunk add up to the whole."""
    rows = max(segment.chunk.row_count, 1)
    whole = segment.chunk.data_weight
    return whole * segment.end // rows - whole * segment.start // rows


def to_cookie(partition: Partition) -> str:
    """A word that stands for the partition; it outlives the process that made it."""
    value = {
        "tables": [{"schema": each.schema.to_yson(), "columns": each.columns} for each in partition.tables],
        "segments": [
            [each.chunk.id, *(getattr(each, name) for name in PLACE)] for each in partition.segments
        ],
    }
    packed = zlib.compress(yson.dumps(value, yson_format="binary"))
    return base64.urlsafe_b64encode(packed).decode("ascii")


def from_cookie(cookie: Any, chunks: Mapping[str, Chunk]) -> Partition:
    """The partition a cookie stands for.

    Raises:
        YtError: it is no cookie, or (code 704) what it stands for is deleted.
    """
    try:
        value = _unpacked(cookie)
        tables = [_table(each) for each in value["tables"]]
        places = [(str(each[0]), [int(number) for number in each[1:]]) for each in value["segments"]]
        for _, numbers in places:
            tables[dict(zip(PLACE, numbers, strict=True))["table_index"]]
    except (ValueError, TypeError, LookupError, AttributeError, zlib.error, yson.YsonError, YtError) as error:
        raise YtError("Failed to parse table partition cookie") from error
    missing = [chunk_id for chunk_id, _ in places if chunk_id not in chunks]
    if missing:
        raise YtError(f"No such chunk {missing[0]}", NO_SUCH_CHUNK)
    return Partition(tables, [Segment(chunks[chunk_id], *numbers) for chunk_id, numbers in places])


def _unpacked(cookie: Any) -> Any:
    unpacker = zlib.decompressobj()
    packed = base64.b64decode(str(cookie).encode("ascii"), altchars=b"-_", validate=True)
    data = unpacker.decompress(packed, MAX_COOKIE_BYTES)
    if not unpacker.eof:
        raise ValueError("a cookie ends early or is too large")
    return yson.loads(data, always_create_attributes=False)


def _table(value: Mapping[str, Any]) -> Table:
    columns = value["columns"]
    return Table(parse_schema(value["schema"]), None if columns is None else [str(name) for name in columns])
