"""Cutting tables into partitions, and their cookies, without a server."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytcurate.localcluster import partitioning
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.partitioning import Partition, Table

pytestmark = pytest.mark.checked_against("documentation")

TABLE = Table(schema.parse([{"name": "a", "type": "int64"}, {"name": "b", "type": "string"}]), None)


def whole(rows: list[int], weight: int = 100, table_index: int = 0) -> list[Segment]:
    """All rows of a table of chunks with so many rows each."""
    segments, row = [], 0
    for number, count in enumerate(rows):
        chunk = Chunk(f"{table_index}-{number}-64-1", "table", count, count * weight, 0, 0, {"a": count * 8})
        segments.append(Segment(chunk, 0, count, row, 0, table_index))
        row += count
    return segments


@settings(deadline=None, derandomize=True)
@given(rows=st.lists(st.integers(1, 50), min_size=1, max_size=6), weight=st.integers(1, 10_000))
def test_every_row_is_in_one_partition_and_the_weights_add_up(rows: list[int], weight: int):
    segments = whole(rows, weight=37)
    cut = partitioning.cut([TABLE], segments, weight, None, adjust=True)
    seen = [(limit["lower_limit"], limit["upper_limit"]) for each in cut for limit in each.ranges(0)]
    numbers = [row for low, high in seen for row in range(low["row_index"], high["row_index"])]
    assert numbers == list(range(sum(rows)))
    assert all(len(each.ranges(0)) == 1 for each in cut)
    assert sum(each.statistics()["data_weight"] for each in cut) == 37 * sum(rows)


def test_columns_decide_what_a_partition_weighs():
    narrow = replace(TABLE, columns=["a"])
    assert len(partitioning.cut([TABLE], whole([10]), 100, None, adjust=True)) == 10
    (partition,) = partitioning.cut([narrow], whole([10]), 90, None, adjust=True)
    # Eight bytes and one for the row itself.
    assert partition.statistics() == {"chunk_count": 1, "data_weight": 90, "row_count": 10}


def test_a_cookie_gives_back_its_partition():
    segments = [*whole([3, 4]), replace(whole([5], table_index=1)[0], start=2, row_index=2)]
    partition = Partition([TABLE, replace(TABLE, columns=["b"])], segments)
    chunks = {segment.chunk.id: segment.chunk for segment in segments}
    assert partitioning.from_cookie(partitioning.to_cookie(partition), chunks) == partition


def test_a_cookie_of_a_deleted_chunk_is_refused():
    cookie = partitioning.to_cookie(Partition([TABLE], whole([3, 4])))
    with pytest.raises(YtError) as caught:
        partitioning.from_cookie(cookie, {"0-0-64-1": whole([3])[0].chunk})
    assert (caught.value.code, caught.value.message) == (704, "No such chunk 0-1-64-1")


@settings(deadline=None, derandomize=True)
@given(position=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_cookie_that_was_changed_is_refused_or_the_same(position: int, byte: int):
    partition = Partition([TABLE], whole([3, 4]))
    chunks = {segment.chunk.id: segment.chunk for segment in partition.segments}
    cookie = bytearray(partitioning.to_cookie(partition).encode())
    cookie[position % len(cookie)] = byte
    with contextlib.suppress(YtError):
        assert partitioning.from_cookie(cookie.decode("latin-1"), chunks) == partition
