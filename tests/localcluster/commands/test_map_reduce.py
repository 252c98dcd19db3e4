"""Map-reduce with and without a mapper, as the unmodified client asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtResponseError

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


def test_a_combiner_is_accepted_and_named_as_not_run(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map_reduce(
        "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], reduce_combiner="exit 1", format="json"
    )
    assert xs(client, f"{folder}/out") == list(range(100))
    assert "reduce_combiner_not_run" in operation.get_attributes(["alerts"])["alerts"]
    with pytest.raises(YtResponseError, match="force_reduce_combiners"):
        client.run_map_reduce(
            "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], reduce_combiner="cat", format="json",
            spec={"force_reduce_combiners": True},
        )  # fmt: skip
    with pytest.raises(
        YtResponseError, match=r"Reduce columns \[x\] are not compatible with sort columns \[y\]"
    ):
        client.run_map_reduce(
            "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], sort_by=["y"], format="json"
        )


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
            spec={"max_failed_job_count": 1, "map_job_count": 2, "partition_count": 2},
        )  # fmt: skip

    run() if reducer == "cat" else failure(run)
    tables = [path for path in ("//tmp/t", "//tmp/out") if client.get(f"{path}/@row_count")]
    chunks = sum(client.get(f"{path}/@chunk_count") for path in tables)
    files = [path for path in Path(server.data_dir, "chunks").rglob("*") if path.is_file()]
    assert len(files) == chunks == (3 if reducer == "cat" else 1)
    assert list(Path(server.data_dir, "sandboxes").iterdir()) == []
