"""Sort and reduce, as the unmodified client asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, YsonFormat, YtClient
from yt.wrapper.errors import YtResponseError
from yt.yson import YsonUint64

from .conftest_helpers import another, xs
from .keyed_helpers import failure, first_of_tables, is_sorted, make_pairs, rows_of

pytestmark = pytest.mark.checked_against("server source")

TEXT = YsonFormat(format="text")


@pytest.fixture
def pairs(client: YtClient, folder: str) -> str:
    return make_pairs(client, folder)


# ---- sort


def test_values_of_all_types_are_sorted_in_the_order_of_yt(client: YtClient, folder: str) -> None:
    ordered = [
        None,
        -3,
        2,
        10,
        YsonUint64(1),
        YsonUint64(2**63),
        -1.5,
        2.5,
        False,
        True,
        "",
        "B",
        "a",
        "ab",
        "é",
    ]
    shuffled = [ordered[i * 7 % len(ordered)] for i in range(len(ordered))]
    client.write_table(f"{folder}/t", [{"k": value} for value in shuffled])
    client.run_sort(f"{folder}/t", f"{folder}/out", sort_by=["k"])
    found = [row.get("k") for row in client.read_table(f"{folder}/out")]
    assert [(type(value), value) for value in found] == [(type(value), value) for value in ordered]
    assert is_sorted(client, f"{folder}/out") == (True, ["k"], ["k"])


def test_a_sort_in_place_keeps_the_schema_and_moves_the_key_to_the_front(
    client: YtClient, folder: str
) -> None:
    schema = [{"name": "n", "type": "int64", "required": True}, {"name": "k", "type": "string"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    rows = [{"n": i, "k": "abc"[i % 3]} for i in range(30)]
    client.write_table(f"{folder}/t", rows)
    client.run_sort(f"{folder}/t", sort_by="k")
    assert rows_of(client, f"{folder}/t") == sorted(rows, key=lambda row: row["k"])
    found = client.get(f"{folder}/t/@schema")
    assert [(c["name"], c["type"], c["required"], c.get("sort_order")) for c in found] == [
        ("k", "string", False, "ascending"),
        ("n", "int64", True, None),
    ]
    assert is_sorted(client, f"{folder}/t")[:2] == (True, ["k"])


def test_a_sort_reads_ranges_and_columns_of_many_tables(client: YtClient, folder: str, pairs: str) -> None:
    client.write_table(f"{folder}/more", [{"k": "key5", "n": 7, "big": "x"}, {"k": "a", "n": 8, "big": "y"}])
    client.write_table(f"{folder}/weak", [{"k": "b", "n": 1}])
    sources = [
        TablePath(f"{folder}/weak", columns=["n", "k"]),
        TablePath(f"{folder}/more", columns=["n", "k"]),
    ]
    client.run_sort(sources, f"{folder}/out", sort_by=["n", "k"])
    assert rows_of(client, f"{folder}/out") == [{"n": 1, "k": "b"}, {"n": 7, "k": "key5"}, {"n": 8, "k": "a"}]
    client.run_sort(TablePath(pairs, start_index=35, end_index=40), f"{folder}/part", sort_by=["n"])
    assert [row["n"] for row in client.read_table(f"{folder}/part")] == [35, 36, 37, 38, 39]
    # A weak and a strong table have no schema in common.
    error = failure(lambda: client.run_sort([pairs, f"{folder}/weak"], f"{folder}/none", sort_by=["k"]))
    assert "tables have different schema modes" in str(error)


def test_an_append_to_a_sorted_table_must_follow_what_is_there(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 3}, {"x": 2}])
    client.write_table(f"{folder}/low", [{"x": 0}])
    client.run_sort(f"{folder}/t", f"{folder}/out", sort_by=["x"])
    out = TablePath(f"{folder}/out", append=True)
    error = failure(lambda: client.run_sort(f"{folder}/low", out, sort_by=["x"]))
    assert error.contains_code(301)
    assert "is not sorted: job outputs overlap with original table" in str(error)
    assert xs(client, f"{folder}/out") == [2, 3]
    client.write_table(f"{folder}/high", [{"x": 9}, {"x": 3}])
    client.run_sort(f"{folder}/high", out, sort_by=["x"])
    assert xs(client, f"{folder}/out") == [2, 3, 3, 9]
    error = failure(lambda: client.run_sort(f"{folder}/high", out, sort_by=["y"]))
    assert "sort_by is different from output table key columns" in str(error)


def test_nobody_else_appends_while_rows_are_sorted_into_a_table(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.run_sort(f"{folder}/t", sort_by=["x"])
    other = another(client)
    with other.Transaction():
        other.lock(f"{folder}/t", mode="shared")
        out = TablePath(f"{folder}/t", append=True)
        error = failure(lambda: client.run_sort(f"{folder}/t", out, sort_by=["x"]))
    assert error.contains_code(402)


def test_no_rows_in_no_rows_out(client: YtClient, folder: str) -> None:
    client.write_table(TablePath(f"{folder}/none", sorted_by=["x"]), [])
    client.write_table(f"{folder}/out", [{"x": 1}])
    client.run_sort(f"{folder}/none", f"{folder}/out", sort_by=["x"])
    assert rows_of(client, f"{folder}/out") == []
    for run in (client.run_reduce, lambda *args, **more: client.run_map_reduce("cat", *args, **more)):
        client.write_table(f"{folder}/old", [{"x": 1}])
        operation = run("cat", f"{folder}/none", f"{folder}/old", reduce_by=["x"], format="json")
        assert operation.get_progress()["total"] == 0
        assert rows_of(client, f"{folder}/old") == []


def test_what_cannot_be_sorted_says_so(client: YtClient, folder: str, pairs: str) -> None:
    error = failure(lambda: client.run_sort(pairs, f"{folder}/out", sort_by=["absent"]))
    assert 'Column "absent" is not found in schema' in str(error)
    with pytest.raises(YtResponseError, match='Duplicate sort column name "k"'):
        client.run_sort(pairs, f"{folder}/out", sort_by=["k", "k"])
    for value, code, text in (
        ([1], 1, 'key column "k" cannot be compared'),
        (float("nan"), 302, "cannot be NaN"),
    ):
        client.write_table(f"{folder}/bad", [{"k": value}, {"k": 1}])
        error = failure(lambda: client.run_sort(f"{folder}/bad", f"{folder}/out", sort_by=["k"]))
        assert text in str(error)
        assert error.contains_code(code)


# ---- reduce


class Sum:
    """A group per call; `finish` shows how many calls there were in this job."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        self.calls += 1
        yield {"k": key["k"], "sum": sum(row["n"] for row in rows)}

    def finish(self) -> Iterator[dict[str, Any]]:
        yield {"calls": self.calls}


@yt.reduce_aggregator
def count_groups(groups: Iterator[tuple[Any, Iterator[dict[str, Any]]]]) -> Iterator[dict[str, Any]]:
    seen = [(key["k"], len(list(rows))) for key, rows in groups]
    yield {"keys": [key for key, _ in seen], "rows": sum(count for _, count in seen)}


def test_a_reducer_gets_each_key_once_however_many_jobs(client: YtClient, folder: str, pairs: str) -> None:
    operation = client.run_reduce(Sum(), pairs, f"{folder}/out", reduce_by=["k"], job_count=4)
    rows = rows_of(client, f"{folder}/out")
    expected = {f"key{i}": sum(range(10 * i, 10 * i + 10)) for i in range(10)}
    sums = [(row["k"], row["sum"]) for row in rows if "sum" in row]
    assert sums == sorted(expected.items())
    assert sum(row.get("calls", 0) for row in rows) == 10
    assert operation.get_progress()["completed"] == 4


def test_a_reduce_aggregator_gets_the_groups_of_its_job(client: YtClient, folder: str, pairs: str) -> None:
    client.run_reduce(count_groups, pairs, f"{folder}/out", reduce_by=["k"], job_count=1)
    (row,) = rows_of(client, f"{folder}/out")
    assert row == {"keys": [f"key{i}" for i in range(10)], "rows": 100}


def test_tables_are_merged_within_a_key_and_told_apart(client: YtClient, folder: str, pairs: str) -> None:
    client.write_table(
        TablePath(f"{folder}/b", sorted_by=["k"]), [{"k": "key0", "n": -1}, {"k": "z", "n": -2}]
    )
    client.run_reduce(
        first_of_tables, [TablePath(pairs, start_index=8, end_index=12), f"{folder}/b"], f"{folder}/out",
        reduce_by=["k"], job_count=2,
    )  # fmt: skip
    assert rows_of(client, f"{folder}/out") == [
        {"k": "key0", "seen": [[0, 8], [0, 9], [1, -1]]},
        {"k": "key1", "seen": [[0, 10], [0, 11]]},
        {"k": "z", "seen": [[1, -2]]},
    ]


def test_switches_between_keys_stand_where_the_client_expects_them(client: YtClient, folder: str) -> None:
    client.write_table(TablePath(f"{folder}/a", sorted_by=["k", "n"]), [{"k": 1, "n": 2}, {"k": 2, "n": 1}])
    client.write_table(TablePath(f"{folder}/b", sorted_by=["k", "n"]), [{"k": 1, "n": 1}, {"k": 1, "n": 3}])
    control = {"enable_key_switch": True, "enable_row_index": True}
    operation = client.run_reduce(
        "cat >&2", [f"{folder}/a", f"{folder}/b"], f"{folder}/out", reduce_by=["k"], sort_by=["k", "n"],
        format=TEXT, spec={"job_io": {"control_attributes": control}},
    )  # fmt: skip
    (stderr,) = [each["stderr"] for each in operation.get_jobs_with_error_or_stderr()]
    assert "".join(stderr.split()) == (
        "<table_index=1;>#;<row_index=0;>#;" '{"k"=1;"n"=1;};'
        "<table_index=0;>#;<row_index=0;>#;" '{"k"=1;"n"=2;};'
        "<table_index=1;>#;<row_index=1;>#;" '{"k"=1;"n"=3;};'
        "<key_switch=%true;>#;<table_index=0;>#;<row_index=1;>#;" '{"k"=2;"n"=1;};'
    )  # fmt: skip


def test_a_string_command_reduces_json(client: YtClient, folder: str, pairs: str) -> None:
    out = TablePath(f"{folder}/out", sorted_by=["k"])
    client.run_reduce("cat", pairs, out, reduce_by=["k"], format="json", job_count=3)
    assert [row["n"] for row in client.read_table(f"{folder}/out")] == list(range(100))
    assert is_sorted(client, f"{folder}/out")[:2] == (True, ["k"])


def test_outputs_of_reducers_that_overlap_are_no_sorted_table(
    client: YtClient, folder: str, pairs: str
) -> None:
    out = TablePath(f"{folder}/out", sorted_by=["v"])
    same = """cat >/dev/null; echo '{"v":1}'; echo '{"v":2}'"""
    error = failure(lambda: client.run_reduce(same, pairs, out, reduce_by=["k"], format="json", job_count=2))
    assert error.contains_code(301)
    assert "job outputs have overlapping key ranges" in str(error)


def test_a_reduce_refuses_what_it_cannot_do(client: YtClient, folder: str, pairs: str, numbers: str) -> None:
    def reduce(source: Any, **options: Any) -> Any:
        return client.run_reduce("cat", source, f"{folder}/out", format="json", **options)

    assert f"Input table {numbers} is not sorted" in str(failure(lambda: reduce(numbers, reduce_by=["x"])))
    error = failure(lambda: reduce(pairs, reduce_by=["n"]))
    assert "is sorted by columns [k] that are not compatible with the requested columns [n]" in str(error)
    error = failure(lambda: reduce(TablePath(pairs, columns=["n"]), reduce_by=["k"]))
    assert 'must include key column "k"' in str(error)
    error = failure(lambda: reduce(pairs, reduce_by=["n"], sort_by=["k"]))
    assert "Reduce sort columns are not compatible with sort columns" in str(error)
    error = failure(lambda: reduce(pairs, sort_by=["k"]))
    assert "Reduce by can not be empty when key guarantee is enabled" in str(error)
    with pytest.raises(YtResponseError, match=r'Option "teleport of .*" .* not implemented'):
        reduce([pairs, TablePath(pairs, attributes={"teleport": True})], reduce_by=["k"])
    client.write_table(TablePath(f"{folder}/text", schema=[
        {"name": "k", "type": "int64", "sort_order": "ascending"}
    ]), [{"k": 1}])  # fmt: skip
    error = failure(lambda: reduce([pairs, f"{folder}/text"], reduce_by=["k"]))
    assert "Sort columns have different types in input tables" in str(error)
