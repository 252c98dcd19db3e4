from __future__ import annotations

import pytest

from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.scheduler.slicing import cut, job_count_for

pytestmark = pytest.mark.checked_against("documentation")


def segment(rows: int, weight: int, row_index: int = 0, table_index: int = 0) -> Segment:
    chunk = Chunk(f"c{row_index}-{table_index}", "table", rows, weight, weight, weight)
    return Segment(chunk, 0, rows, row_index, table_index=table_index)


def covered(slices: list[list[Segment]]) -> list[tuple[int, int]]:
    return [
        (part.table_index, part.row_index + i)
        for each in slices
        for part in each
        for i in range(part.row_count)
    ]


def test_job_count_is_exact_but_never_more_than_rows() -> None:
    assert job_count_for([segment(10, 100)], 4, 1, 1000) == 4
    assert job_count_for([segment(3, 100)], 10, 1, 1000) == 3
    assert job_count_for([], 10, 1, 1000) == 0


def test_without_job_count_the_weight_decides() -> None:
    assert job_count_for([segment(100, 1000)], None, 300, 1000) == 4
    assert job_count_for([segment(100, 1000)], None, 10**9, 1000) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 7, 30])
def test_every_row_is_in_exactly_one_slice_and_in_order(count: int) -> None:
    segments = [segment(10, 1000), segment(1, 5000, 10), segment(19, 19, 11), segment(5, 50, table_index=1)]
    slices = cut(segments, count)
    assert len(slices) == count
    assert all(sum(part.row_count for part in each) for each in slices)
    assert covered(slices) == [(0, i) for i in range(30)] + [(1, i) for i in range(5)]


def test_equal_rows_are_dealt_evenly() -> None:
    assert [sum(part.row_count for part in each) for each in cut([segment(100, 1000)], 4)] == [25, 25, 25, 25]


def test_weight_is_balanced_not_rows() -> None:
    slices = cut([segment(10, 1000), segment(1000, 1000, 10)], 2)
    assert [sum(part.row_count for part in each) for each in slices] == [10, 1000]
