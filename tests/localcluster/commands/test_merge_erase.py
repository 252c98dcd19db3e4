"""Sorted merge and erase, as the unmodified client asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yt.wrapper import TablePath, YtClient

from .conftest_helpers import xs
from .keyed_helpers import failure, is_sorted, make_pairs, rows_of

pytestmark = pytest.mark.checked_against("server source")

MIB = 1024 * 1024


@pytest.fixture
def pairs(client: YtClient, folder: str) -> str:
    return make_pairs(client, folder)


def test_a_sorted_merge_interleaves_sorted_tables(client: YtClient, folder: str) -> None:
    for name, keys in (("a", [1, 4, 4, 9]), ("b", [2, 4, 8]), ("c", [])):
        path = TablePath(f"{folder}/{name}", sorted_by=["x", "s"])
        client.write_table(path, [{"x": x, "s": name} for x in keys])
    sources = [f"{folder}/a", f"{folder}/b", f"{folder}/c"]
    client.run_merge(sources, f"{folder}/out", mode="sorted")
    expected = [(1, "a"), (2, "b"), (4, "a"), (4, "a"), (4, "b"), (8, "b"), (9, "a")]
    assert [(row["x"], row["s"]) for row in client.read_table(f"{folder}/out")] == expected
    assert is_sorted(client, f"{folder}/out") == (True, ["x", "s"], ["x", "s"])
    client.run_merge(sources, f"{folder}/by_x", mode="sorted", merge_by=["x"])
    assert is_sorted(client, f"{folder}/by_x")[1] == ["x"]
    assert xs(client, f"{folder}/by_x") == [1, 2, 4, 4, 4, 8, 9]
    # The client asks for a sorted merge by itself when all tables are sorted.
    assert client.run_merge(sources, f"{folder}/auto").get_attributes(["spec"])["spec"]["mode"] == "sorted"


def test_a_sorted_merge_needs_inputs_that_are_sorted_so(client: YtClient, folder: str, numbers: str) -> None:
    client.run_sort(numbers, f"{folder}/by_x", sort_by=["x"])
    error = failure(lambda: client.run_merge([f"{folder}/by_x", numbers], f"{folder}/out", mode="sorted"))
    assert f"Input table {numbers} is not sorted" in str(error)
    error = failure(
        lambda: client.run_merge(f"{folder}/by_x", f"{folder}/out", mode="sorted", merge_by=["y"])
    )
    assert "is sorted by columns [x] that are not compatible with the requested columns [y]" in str(error)


# ---- erase


def test_erase_takes_one_range_away_and_keeps_the_order(client: YtClient, pairs: str) -> None:
    chunks = client.get(f"{pairs}/@chunk_count")
    client.run_erase(TablePath(pairs, start_index=30, end_index=70))
    assert [row["n"] for row in client.read_table(pairs)] == [*range(30), *range(70, 100)]
    # What is left of the chunks on both sides becomes one.
    assert (chunks, client.get(f"{pairs}/@chunk_count")) == (3, 1)
    assert is_sorted(client, pairs)[:2] == (True, ["k"])
    client.run_erase(TablePath(pairs, exact_key="key8"))
    assert {row["k"] for row in client.read_table(pairs)} == {"key0", "key1", "key2", "key7", "key9"}
    client.run_erase(TablePath(pairs, start_index=50), spec={"combine_chunks": True})
    assert (client.get(f"{pairs}/@row_count"), client.get(f"{pairs}/@chunk_count")) == (50, 1)
    client.run_erase(pairs)
    assert rows_of(client, pairs) == []
    assert client.get(f"{pairs}/@sorted")


@pytest.mark.checked_against("nothing")
def test_chunks_without_an_erased_row_are_not_written_again(start_server: Callable[..., Any]) -> None:
    server = start_server()
    client = server.client()

    def files() -> set[str]:
        return {path.name for path in Path(server.data_dir, "chunks").rglob("*") if path.is_file()}

    client.write_table("//tmp/t", [{"x": i} for i in range(4)])
    client.write_table(TablePath("//tmp/t", append=True), [{"x": i} for i in range(4, 8)])
    client.copy("//tmp/t", "//tmp/copy")
    before = files()
    client.run_erase(TablePath("//tmp/t", start_index=7))
    assert len(files() - before) == 1
    # What both tables name must outlive the one that goes.
    client.remove("//tmp/copy")
    client.write_table("//tmp/other", [{"x": 1}])
    assert xs(client, "//tmp/t") == list(range(7))


def test_a_failed_erase_leaves_the_table_as_it_was(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    heavy, writer = [{"x": 2, "v": "v" * (17 * MIB)}, {"x": 3}], {"max_row_weight": 32 * MIB}
    client.write_table(TablePath(f"{folder}/t", append=True), heavy, table_writer=writer)
    # The row is heavier than the operation's own writer takes.
    error = failure(lambda: client.run_erase(TablePath(f"{folder}/t", start_index=2)))
    assert error.contains_code(308)
    assert xs(client, TablePath(f"{folder}/t", columns=["x"])) == [1, 2, 3]
    io = {"job_io": {"table_writer": writer}}
    client.run_erase(TablePath(f"{folder}/t", start_index=2), spec=io)
    assert xs(client, TablePath(f"{folder}/t", columns=["x"])) == [1, 2]


def test_erase_refuses_what_would_erase_more_than_asked(client: YtClient, pairs: str) -> None:
    several = [
        {"lower_limit": {"row_index": 1}, "upper_limit": {"row_index": 2}},
        {"exact": {"row_index": 5}},
    ]
    error = failure(lambda: client.run_erase(TablePath(pairs, ranges=several)))
    assert "Erase operation does not support tables with multiple ranges" in str(error)
    error = failure(lambda: client.run_erase(TablePath(pairs, columns=["k"])))
    assert "Erase operation does not support column filtering" in str(error)
    mixed = [{"lower_limit": {"row_index": 1, "key": ["key3"]}}]
    error = failure(lambda: client.run_erase(TablePath(pairs, ranges=mixed)))
    assert "several independent selectors" in str(error)
    assert client.get(f"{pairs}/@row_count") == 100
