"""The combiner of a map-reduce: when it runs, what it reads and what becomes of what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

from .conftest_helpers import xs
from .keyed_helpers import failure, rows_of

pytestmark = pytest.mark.checked_against("server source")


def total(key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen = list(rows)
    yield {"k": key["k"], "n": sum(row["n"] for row in seen), "times": 1 + sum(row["times"] for row in seen)}


def summary(key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen = list(rows)
    yield {"k": key["k"], "n": sum(row["n"] for row in seen), "combined": sum(row["times"] for row in seen)}


@pytest.fixture
def table(client: YtClient, folder: str) -> str:
    rows = [{"k": "abc"[i % 3], "n": i, "times": 0} for i in range(300)]
    client.write_table(f"{folder}/t", rows)
    return f"{folder}/t"


SUMS = [{"k": key, "n": sum(range(at, 300, 3))} for at, key in enumerate("abc")]


def same(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield row


@pytest.mark.parametrize("mapper", [same, None])
def test_a_forced_combiner_runs_on_every_row(client: YtClient, folder: str, table: str, mapper: Any) -> None:
    spec = {"force_reduce_combiners": True, "partition_count": 1}
    operation = client.run_map_reduce(
        mapper, summary, table, f"{folder}/out", reduce_by=["k"], reduce_combiner=total, spec=spec
    )
    assert rows_of(client, f"{folder}/out") == [{**row, "combined": 1} for row in SUMS]
    types = [job["type"] for job in client.list_jobs(operation.id)["jobs"]]
    assert sorted(types)[-2:] == ["reduce_combiner", "sorted_reduce"]


def test_a_combiner_runs_by_itself_where_partitions_are_heavy(
    client: YtClient, folder: str, table: str
) -> None:
    spec = {"data_size_per_sort_job": 500, "partition_count": 1}
    client.run_map_reduce(
        None, summary, table, f"{folder}/out", reduce_by=["k"], reduce_combiner=total, spec=spec
    )
    rows = rows_of(client, f"{folder}/out")
    assert [{"k": row["k"], "n": row["n"]} for row in rows] == SUMS
    assert sum(row["combined"] for row in rows) > 3
    # By default two gigabytes are not heavy.
    client.run_map_reduce(
        "cat", "cat", table, f"{folder}/light", reduce_by=["k"], reduce_combiner="exit 1", format="json"
    )
    assert client.get(f"{folder}/light/@row_count") == 300


def test_the_reducer_gets_what_the_combiner_wrote_and_nothing_else(
    client: YtClient, folder: str, numbers: str
) -> None:
    spec = {"force_reduce_combiners": True}
    client.run_map_reduce(
        "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], reduce_combiner="grep 5", spec=spec,
        format="json",
    )  # fmt: skip
    assert xs(client, f"{folder}/out") == [x for x in range(100) if "5" in str(x)]
    client.run_map_reduce(
        "cat", "cat", numbers, f"{folder}/none", reduce_by=["x"], reduce_combiner="cat >/dev/null", spec=spec,
        format="json",
    )  # fmt: skip
    assert rows_of(client, f"{folder}/none") == []


def test_a_combiner_must_keep_the_order(client: YtClient, folder: str, numbers: str) -> None:
    error = failure(
        lambda: client.run_map_reduce(
            "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], reduce_combiner="tac", format="json",
            spec={"force_reduce_combiners": True},
        )
    )  # fmt: skip
    assert error.contains_code(301)
    assert "Sort order violation" in str(error)


def test_specs_of_a_map_reduce_that_cannot_be(client: YtClient, folder: str, numbers: str) -> None:
    streams = [{"schema": [{"name": "x", "type": "int64", "sort_order": "ascending"}]}] * 2
    control = {"control_attributes": {"enable_row_index": True}}
    plain = [{"schema": [{"name": "x", "type": "int64"}]}]
    for options, spec, text in (
        ({}, {"force_reduce_combiners": True},
         'Found "force_reduce_combiners" without nontrivial "reduce_combiner" in operation spec'),
        ({"reduce_combiner": "cat"}, {"mapper": {"output_streams": streams}},
         "Nontrivial reduce combiner is not allowed with several intermediate streams"),
        ({}, {"reduce_job_io": control},
         '"row_index" control attribute is not supported by "reduce" jobs in map-reduce operation'),
        ({}, {"sort_job_io": control},
         '"row_index" control attribute is not supported by "reduce_combiner" jobs in map-reduce operation'),
        ({}, {"mapper_output_table_count": 1},
         "There should be at least one non-mapper output table"),
        ({}, {"mapper": {"output_streams": plain}},
         'Schemas of mapper output streams should have exactly the same "sort_by" sort column prefix'),
        ({"sort_by": ["y"]}, {}, r"Reduce columns \[x\] are not compatible with sort columns \[y\]"),
        ({}, {"pivot_keys": [[3], [1]]}, "Pivot keys should be sorted"),
        ({}, {"pivot_keys": [3]}, "Error reading parameter /pivot_keys"),
        ({}, {"partition_count": 0}, "Validation failure: Expected > 0, found 0"),
        ({}, {"data_size_per_sort_job": "much"}, "Error reading parameter /data_size_per_sort_job"),
    ):  # fmt: skip
        with pytest.raises(YtResponseError, match=text):
            client.run_map_reduce(
                "cat", "cat", numbers, f"{folder}/out", reduce_by=["x"], format="json", spec=spec, **options
            )
