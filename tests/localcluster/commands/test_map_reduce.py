"""Map-reduce with and without a mapper, as the unmodified client asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, YtClient

from .conftest_helpers import xs
from .keyed_helpers import failure, first_of_tables, is_sorted, rows_of

pytestmark = pytest.mark.checked_against("server source")


def words(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for word in row["text"].split():
        yield {"word": word, "n": 1}


def count(key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield {"word": key["word"], "n": sum(row["n"] for row in rows)}


def test_words_are_counted_by_map_reduce(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"text": "b a b"}, {"text": "c b"}, {"text": "a"}] * 5)
    spec = {"map_job_count": 3, "partition_count": 2}
    out = TablePath(f"{folder}/out", sorted_by=["word"])
    operation = client.run_map_reduce(words, count, f"{folder}/t", out, reduce_by=["word"], spec=spec)
    assert rows_of(client, f"{folder}/out") == [
        {"word": "a", "n": 10}, {"word": "b", "n": 15}, {"word": "c", "n": 5}
    ]  # fmt: skip
    assert operation.get_progress()["completed"] == 5
    assert is_sorted(client, f"{folder}/out")[:2] == (True, ["word"])
    seen = operation.get_job_statistics()["data"]["input"]["row_count"]["$"]["completed"]
    assert (seen["partition_map"]["sum"], seen["partition_reduce"]["sum"]) == (15, 30)


def test_without_a_mapper_the_tables_are_sorted_and_told_apart(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/a", [{"k": "b", "n": 2}, {"k": "a", "n": 1}])
    client.write_table(f"{folder}/b", [{"k": "a", "n": 0}])
    client.run_map_reduce(
        None, first_of_tables, [f"{folder}/a", f"{folder}/b"], f"{folder}/out",
        reduce_by=["k"], sort_by=["k", "n"],
    )  # fmt: skip
    assert rows_of(client, f"{folder}/out") == [
        {"k": "a", "seen": [[1, 0], [0, 1]]},
        {"k": "b", "seen": [[0, 2]]},
    ]


def test_a_mapper_may_write_tables_of_its_own(client: YtClient, folder: str, numbers: str) -> None:
    mapper = """tee /dev/fd/4 | sed 's/x/k/'"""
    client.run_map_reduce(
        mapper, "head -n 2", numbers, [f"{folder}/mapped", f"{folder}/out"], reduce_by=["k"], format="json",
        spec={"mapper_output_table_count": 1},
    )  # fmt: skip
    assert sorted(xs(client, f"{folder}/mapped")) == list(range(100))
    assert rows_of(client, f"{folder}/out") == [{"k": 0}, {"k": 1}]


@yt.with_context
def with_table(row: dict[str, Any], context: Any) -> Iterator[dict[str, Any]]:
    yield {"k": row["k"], "n": row["n"] + 100 * context.table_index}


def test_a_mapper_tells_its_input_tables_apart(client: YtClient, folder: str) -> None:
    for index in (0, 1):
        client.write_table(f"{folder}/{index}", [{"k": "ab"[index], "n": 1}, {"k": "c", "n": 2}])
    sources = [f"{folder}/0", f"{folder}/1"]
    client.run_map_reduce(with_table, "cat", sources, f"{folder}/out", reduce_by=["k"], sort_by=["k", "n"],
                          spec={"reducer": {"format": "json"}})  # fmt: skip
    assert [(row["k"], row["n"]) for row in client.read_table(f"{folder}/out")] == [
        ("a", 1), ("b", 101), ("c", 2), ("c", 102)
    ]  # fmt: skip


def test_streams_of_a_mapper_have_schemas_and_are_told_apart(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"k": 2}, {"k": 1}])
    key = {"name": "k", "type": "int64", "sort_order": "ascending"}
    streams = [{"schema": [key]}, {"schema": [key, {"name": "twice", "type": "boolean"}]}]
    mapper = r"""awk '{ print; sub("}", ",\"twice\":true}"); print >"/dev/fd/4" }'"""
    client.run_map_reduce(
        mapper, first_of_tables_by_k, f"{folder}/t", f"{folder}/out", reduce_by=["k"],
        spec={"mapper": {"output_streams": streams, "format": "json"}},
    )  # fmt: skip
    assert rows_of(client, f"{folder}/out") == [
        {"k": 1, "seen": [[0, None], [1, True]]}, {"k": 2, "seen": [[0, None], [1, True]]}
    ]  # fmt: skip
    bad = """sed 's/}/,"twice":1}/' >&4"""
    error = failure(
        lambda: client.run_map_reduce(
            bad, "cat", f"{folder}/t", f"{folder}/out", reduce_by=["k"], format="json",
            spec={"mapper": {"output_streams": streams}, "max_failed_job_count": 0},
        )
    )  # fmt: skip
    assert error.contains_code(307)


@yt.with_context
def first_of_tables_by_k(key: Any, rows: Any, context: Any) -> Iterator[dict[str, Any]]:
    yield {"k": key["k"], "seen": [[context.table_index, row.get("twice")] for row in rows]}


def test_a_reducer_writes_several_tables(client: YtClient, folder: str, numbers: str) -> None:
    outs = [f"{folder}/even", TablePath(f"{folder}/odd", sorted_by=["x"])]
    reducer = """awk '{ if (/[02468]}/) print; else print >"/dev/fd/4" }'"""
    client.run_map_reduce("cat", reducer, numbers, outs, reduce_by=["x"], format="json")
    assert sorted(xs(client, f"{folder}/even")) == list(range(0, 100, 2))
    assert xs(client, f"{folder}/odd") == list(range(1, 100, 2))
    assert is_sorted(client, f"{folder}/odd")[1] == ["x"]


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize("reducer", ["cat", "exit 1"])
def test_nothing_of_the_intermediate_data_is_left(start_server: Callable[..., Any], reducer: str) -> None:
    server = start_server()
    client = server.client()
    client.write_table("//tmp/t", [{"x": i % 7} for i in range(50)])
    client.create("table", "//tmp/out")

    def run() -> Any:
        return client.run_map_reduce(
            "cat", reducer, "//tmp/t", "//tmp/out", reduce_by=["x"], format="json",
            reduce_combiner="cat",
            spec={
                "max_failed_job_count": 1, "map_job_count": 2, "partition_count": 2,
                "force_reduce_combiners": True,
            },
        )  # fmt: skip

    run() if reducer == "cat" else failure(run)
    tables = [path for path in ("//tmp/t", "//tmp/out") if client.get(f"{path}/@row_count")]
    chunks = sum(client.get(f"{path}/@chunk_count") for path in tables)
    files = [path for path in Path(server.data_dir, "chunks").rglob("*") if path.is_file()]
    assert len(files) == chunks == (3 if reducer == "cat" else 1)
    assert list(Path(server.data_dir, "sandboxes").iterdir()) == []
