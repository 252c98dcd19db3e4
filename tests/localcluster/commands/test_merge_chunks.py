"""Merge: which chunks stay as they are, and the schema of the output."""

from __future__ import annotations

from typing import Any

import pytest
from yt.wrapper import TablePath, YtClient

from .conftest_helpers import xs
from .keyed_helpers import failure, is_sorted, rows_of

pytestmark = pytest.mark.checked_against("server source")

X = {"name": "x", "type": "int64"}
KEY = {**X, "sort_order": "ascending"}


def chunked(client: YtClient, path: str, parts: list[list[int]], schema: Any = None) -> list[str]:
    """A table of several chunks; returns their ids."""
    client.create("table", path, attributes={} if schema is None else {"schema": schema})
    for part in parts:
        client.write_table(TablePath(path, append=True), [{"x": x} for x in part])
    return chunk_ids(client, path)


def chunk_ids(client: YtClient, path: str) -> list[str]:
    return [str(each) for each in client.get(f"{path}/@chunk_ids")]


@pytest.mark.parametrize("mode", ["ordered", "unordered"])
def test_a_merge_keeps_whole_chunks(client: YtClient, folder: str, mode: str) -> None:
    a = chunked(client, f"{folder}/a", [[1, 2], [3, 4]])
    b = chunked(client, f"{folder}/b", [[5, 6], [7, 8]])
    client.run_merge([f"{folder}/a", f"{folder}/b"], f"{folder}/out", mode=mode)
    assert chunk_ids(client, f"{folder}/out") == a + b
    part = TablePath(f"{folder}/b", start_index=1)
    client.run_merge([f"{folder}/a", part], f"{folder}/cut", mode=mode)
    assert xs(client, f"{folder}/cut") == [1, 2, 3, 4, 6, 7, 8]
    assert (chunk_ids(client, f"{folder}/cut")[:2], chunk_ids(client, f"{folder}/cut")[3:]) == (a, b[1:])
    # The chunks outlive the tables that they came from.
    client.remove(f"{folder}/a")
    client.remove(f"{folder}/b")
    assert xs(client, f"{folder}/out") == list(range(1, 9))


@pytest.mark.parametrize("spec", [{"combine_chunks": True}, {"force_transform": True}])
def test_chunks_are_written_again_where_the_spec_says_so(
    client: YtClient, folder: str, spec: dict[str, Any]
) -> None:
    before = chunked(client, f"{folder}/a", [[1], [2], [3], [4]])
    client.run_merge(f"{folder}/a", f"{folder}/one", mode="ordered", spec=spec)
    assert xs(client, f"{folder}/one") == [1, 2, 3, 4]
    (after,) = chunk_ids(client, f"{folder}/one")
    assert after not in before
    client.run_merge(f"{folder}/a", f"{folder}/two", mode="ordered", job_count=2, spec=spec)
    assert (client.get(f"{folder}/two/@chunk_count"), xs(client, f"{folder}/two")) == (2, [1, 2, 3, 4])


def test_a_sorted_merge_keeps_chunks_between_whose_keys_nothing_comes(client: YtClient, folder: str) -> None:
    a = chunked(client, f"{folder}/a", [[1, 2], [5, 9]], [KEY])
    b = chunked(client, f"{folder}/b", [[6, 7], [20]], [KEY])
    client.run_merge([f"{folder}/a", f"{folder}/b"], f"{folder}/out", mode="sorted")
    assert xs(client, f"{folder}/out") == [1, 2, 5, 6, 7, 9, 20]
    ids = chunk_ids(client, f"{folder}/out")
    assert (ids[0], ids[2], len(ids)) == (a[0], b[1], 3)
    client.run_merge(
        [f"{folder}/a", f"{folder}/b"], f"{folder}/all", mode="sorted", spec={"combine_chunks": True}
    )
    assert (xs(client, f"{folder}/all"), len(chunk_ids(client, f"{folder}/all"))) == (
        xs(client, f"{folder}/out"), 1
    )  # fmt: skip


def test_a_new_table_gets_the_schema_of_what_is_merged(client: YtClient, folder: str) -> None:
    chunked(client, f"{folder}/a", [[1]], [KEY])
    chunked(client, f"{folder}/b", [[0]], [KEY])
    for sources, mode, key in (
        ([f"{folder}/a"], "ordered", ["x"]),
        ([f"{folder}/a", f"{folder}/b"], "ordered", []),
        ([f"{folder}/a", f"{folder}/b"], "unordered", []),
        ([f"{folder}/a", f"{folder}/b"], "sorted", ["x"]),
    ):
        out = f"{folder}/out"
        client.remove(out, force=True)
        client.run_merge(sources, out, mode=mode)
        assert client.get(f"{out}/@schema_mode") == "strong"
        assert [str(column["type"]) for column in client.get(f"{out}/@schema")] == ["int64"]
        assert bool(client.get(f"{out}/@sorted")) == bool(key)
    assert is_sorted(client, f"{folder}/out")[1] == ["x"]


def test_what_is_merged_must_fit_the_schema(client: YtClient, folder: str) -> None:
    chunked(client, f"{folder}/a", [[1]], [X])
    chunked(client, f"{folder}/weak", [[2]])
    client.create("table", f"{folder}/text", attributes={"schema": [{"name": "x", "type": "string"}]})
    client.create("table", f"{folder}/other", attributes={"schema": [{"name": "y", "type": "int64"}]})
    client.create("table", f"{folder}/key", attributes={"schema": [KEY]})
    sources = f"{folder}/a"
    for out, mode, code, text in (
        ("text", "unordered", 316, 'Column "x" input type is incompatible with output type'),
        ("other", "ordered", 316, 'Column "x" is found in input schema but is missing in output schema'),
        ("key", "ordered", 316, "Output key columns are wider than input key columns"),
        ("key", "unordered", 1,
         'Cannot perform unordered merge into a sorted table in a "strong" schema mode'),
    ):  # fmt: skip
        error = failure(lambda: client.run_merge(sources, f"{folder}/{out}", mode=mode))  # noqa: B023
        assert text in str(error)
        assert error.contains_code(code)
    error = failure(
        lambda: client.run_merge([f"{folder}/a", f"{folder}/weak"], f"{folder}/new", mode="ordered")
    )
    assert "Cannot infer output schema from input, tables have different schema modes" in str(error)
    # Rows of a table without a schema are looked at one by one.
    error = failure(lambda: client.run_merge(f"{folder}/weak", f"{folder}/text", mode="unordered"))
    assert error.contains_code(307)


def test_a_narrower_type_goes_into_a_wider_one(client: YtClient, folder: str) -> None:
    chunked(client, f"{folder}/a", [[1], [300]], [{"name": "x", "type": "int16"}])
    client.create("table", f"{folder}/wide", attributes={"schema": [X]})
    client.create("table", f"{folder}/narrow", attributes={"schema": [{"name": "x", "type": "int8"}]})
    client.run_merge(f"{folder}/a", f"{folder}/wide", mode="unordered")
    assert (xs(client, f"{folder}/wide"), client.get(f"{folder}/wide/@chunk_count")) == ([1, 300], 2)
    error = failure(lambda: client.run_merge(f"{folder}/a", f"{folder}/narrow", mode="unordered"))
    assert error.contains_code(307)
    sorted_by = failure(lambda: client.run_sort(f"{folder}/a", f"{folder}/text", sort_by=["y"]))
    assert 'Column "y" is not found in schema' in str(sorted_by)


def test_columns_and_ranges_are_merged(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i, "y": -i} for i in range(6)])
    source = TablePath(f"{folder}/t", columns=["y"], start_index=2, end_index=4)
    client.run_merge([source, source], f"{folder}/out", mode="ordered")
    assert rows_of(client, f"{folder}/out") == [{"y": -2}, {"y": -3}, {"y": -2}, {"y": -3}]
    out = TablePath(f"{folder}/out", append=True)
    client.run_merge(source, out, mode="unordered")
    assert client.get(f"{folder}/out/@row_count") == 6
