"""How sorted tables are cut into the input of reducers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.scheduler.key_slices import Stream, cut, cut_at
from ytcurate.localcluster.scheduler.keys import key_of

from .chunked_tables import table

pytestmark = pytest.mark.checked_against("nothing")

K = SortColumn("k")
# Key 3 has half of all rows, and chunks end inside keys.
KEYS = sorted([3] * 300 + [i % 25 for i in range(300)])


def streams(files: ChunkFiles, *keys: Sequence[int], order: str = "ascending") -> list[Stream]:
    """Sorted tables of these keys, in chunks of 70 rows."""
    schema = [{"name": "k", "type": "int64", "sort_order": order}]
    sources = [table(files, [{b"k": key} for key in each], schema, 70) for each in keys]
    column = SortColumn("k", order == "descending")
    return [Stream(each.reader, each.reader.segments(None, i), [column]) for i, each in enumerate(sources)]


def rows(part: Sequence[Segment]) -> list[tuple[int, int]]:
    return [
        (segment.table_index, row)
        for segment in part
        for row in range(segment.row_index, segment.row_index + segment.row_count)
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_a_key_is_in_one_slice(files: ChunkFiles, count: int) -> None:
    slices = cut(streams(files, KEYS, KEYS), count)
    assert min(count, 5) <= len(slices) <= min(count, 25)
    of_slice = [{KEYS[row] for _, row in rows(each)} for each in slices]
    assert sum(len(each) for each in of_slice) == 25
    everything = sorted(row for each in slices for row in rows(each))
    assert everything == [(at, row) for at in (0, 1) for row in range(600)]


def test_without_the_guarantee_a_heavy_key_is_shared(files: ChunkFiles) -> None:
    slices = cut(streams(files, KEYS, KEYS), 5, inside_keys=True)
    assert [len(rows(each)) for each in slices] == [240] * 5
    everything = sorted(row for each in slices for row in rows(each))
    assert everything == [(at, row) for at in (0, 1) for row in range(600)]
    # Also inside a key the order of tables is kept.
    firsts = [min((KEYS[row], at, row) for at, row in rows(each)) for each in slices]
    lasts = [max((KEYS[row], at, row) for at, row in rows(each)) for each in slices]
    assert all(last < first for last, first in zip(lasts, firsts[1:], strict=False))


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_slices_begin_at_the_keys_given(files: ChunkFiles, order: str) -> None:
    step = 1 if order == "ascending" else -1
    keys = list(range(10))[::step]
    pivots = [key_of([pivot], [SortColumn("k", step < 0)]) for pivot in (3, 4, 30)[::step]]
    slices = cut_at(streams(files, keys, keys, order=order), pivots)
    found = [sorted({keys[row] for _, row in rows(each)}) for each in slices]
    assert found == (
        [[0, 1, 2], [3], [4, 5, 6, 7, 8, 9]] if step > 0 else [[5, 6, 7, 8, 9], [4], [0, 1, 2, 3]]
    )


def test_a_short_key_stands_for_all_that_begin_with_it(files: ChunkFiles) -> None:
    schema = [{"name": name, "type": "int64", "sort_order": "ascending"} for name in "kl"]
    source = table(files, [{b"k": k, b"l": at} for k in range(4) for at in range(5)], schema, 7)
    stream = Stream(source.reader, source.reader.segments(None), [K, SortColumn("l")])
    two = key_of([2], [K])
    assert (stream.first_not_before(two), stream.first_after(two)) == (10, 15)
    assert (stream.first_not_before(()), stream.first_after(())) == (0, 20)
