"""Reduce with foreign tables, join-reduce, and what gives up the guarantee of keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import JoinReduceSpecBuilder, TablePath, YsonFormat, YtClient

from .keyed_helpers import failure, rows_of

pytestmark = pytest.mark.checked_against("server source")

TEXT = YsonFormat(format="text")
ROWS_ONLY = {"reducer": {"enable_input_table_index": False}}
"""For `cat`: a switch of tables in the input would be one of outputs."""


def foreign(path: str) -> TablePath:
    return TablePath(path, attributes={"foreign": True})


@pytest.fixture
def hosts(client: YtClient, folder: str) -> str:
    """Sorted by host: one row of each of 0..9, value = 20 + host."""
    path = f"{folder}/hosts"
    client.write_table(TablePath(path, sorted_by=["host"]), [{"host": i, "value": 20 + i} for i in range(10)])
    return path


@pytest.fixture
def urls(client: YtClient, folder: str) -> str:
    """Sorted by host and url: two rows of each of the hosts 2 and 5."""
    path = f"{folder}/urls"
    rows = [{"host": host, "url": f"{host}/{i}", "value": i} for host in (2, 5) for i in (1, 2)]
    client.write_table(TablePath(path, sorted_by=["host", "url"]), rows)
    return path


@yt.with_context
def with_tables(key: Any, rows: Any, context: Any) -> Iterator[dict[str, Any]]:
    yield {"host": key["host"], "seen": [[context.table_index, row["value"]] for row in rows]}


def test_rows_of_a_foreign_table_come_where_they_have_a_key_in_common(
    client: YtClient, folder: str, hosts: str, urls: str
) -> None:
    client.run_reduce(
        with_tables, [foreign(hosts), urls], f"{folder}/out", reduce_by=["host", "url"], join_by=["host"]
    )
    assert rows_of(client, f"{folder}/out") == [
        {"host": 2, "seen": [[0, 22], [1, 1], [1, 2]]},
        {"host": 5, "seen": [[0, 25], [1, 1], [1, 2]]},
    ]


def test_a_foreign_table_after_the_others_gives_its_rows_after_theirs(
    client: YtClient, folder: str, hosts: str, urls: str
) -> None:
    control = {"enable_key_switch": True, "enable_row_index": True}
    operation = client.run_reduce(
        "cat >&2", [TablePath(urls, columns=["host", "url"]), foreign(hosts)], f"{folder}/out",
        reduce_by=["host", "url"], join_by=["host"], format=TEXT,
        spec={"job_io": {"control_attributes": control}},
    )  # fmt: skip
    (stderr,) = [each["stderr"] for each in operation.get_jobs_with_error_or_stderr()]
    assert "".join(stderr.split()).replace(";>#;", ">#;") == (
        "<table_index=0>#;<row_index=0>#;" '{"host"=2;"url"="2/1";};{"host"=2;"url"="2/2";};'
        "<table_index=1>#;<row_index=2>#;" '{"host"=2;"value"=22;};'
        # A switch of keys is one of `join_by` where there is one.
        "<key_switch=%true>#;<table_index=0>#;<row_index=2>#;"
        '{"host"=5;"url"="5/1";};{"host"=5;"url"="5/2";};'
        "<table_index=1>#;<row_index=5>#;" '{"host"=5;"value"=25;};'
    )  # fmt: skip


def test_every_job_gets_the_foreign_rows_of_its_keys(
    client: YtClient, folder: str, hosts: str, urls: str
) -> None:
    operation = client.run_reduce(
        "cat", [foreign(hosts), urls], f"{folder}/out", reduce_by=["host", "url"], join_by=["host"],
        job_count=4, format="json", spec=ROWS_ONLY,
    )  # fmt: skip
    assert operation.get_progress()["completed"] == 4
    # Four keys of host and url in four jobs, two of each host.
    assert [row["value"] for row in client.read_table(f"{folder}/out")] == [22, 1, 22, 2, 25, 1, 25, 2]


def test_a_join_reduce_splits_a_key_and_joins_both_halves(client: YtClient, folder: str) -> None:
    client.write_table(TablePath(f"{folder}/a", sorted_by=["k"]), [{"k": "a"}] * 800 + [{"k": "b"}] * 200)
    client.write_table(TablePath(f"{folder}/f", sorted_by=["k"]), [{"k": "a", "f": 1}, {"k": "b", "f": 2}])
    operation = client.run_join_reduce(
        "uniq", [f"{folder}/a", foreign(f"{folder}/f")], f"{folder}/out", join_by=["k"], job_count=2,
        format="json", spec=ROWS_ONLY,
    )  # fmt: skip
    assert operation.type == "join_reduce"
    one = [{"k": "a"}, {"k": "a", "f": 1}]
    assert rows_of(client, f"{folder}/out") == [*one, *one, {"k": "b"}, {"k": "b", "f": 2}]
    assert {job["type"] for job in client.list_jobs(operation.id)["jobs"]} == {"join_reduce"}


def test_a_reduce_without_the_guarantee_of_keys_splits_one_key(client: YtClient, folder: str) -> None:
    client.write_table(TablePath(f"{folder}/a", sorted_by=["k"]), [{"k": 1, "n": n} for n in range(90)])
    operation = client.run_reduce(
        "cat", f"{folder}/a", f"{folder}/out", reduce_by=["k"], enable_key_guarantee=False, job_count=3,
        format="json",
    )  # fmt: skip
    assert operation.get_progress()["completed"] == 3
    assert client.get(f"{folder}/out/@chunk_count") == 3
    assert [row["n"] for row in client.read_table(f"{folder}/out")] == list(range(90))


def test_jobs_begin_at_pivot_keys(client: YtClient, folder: str, hosts: str) -> None:
    operation = client.run_reduce(
        "tee /dev/fd/2 | cat >/dev/null", hosts, f"{folder}/out", reduce_by=["host"], format="json",
        spec={"pivot_keys": [[0], [3], [4], [9]]},
    )  # fmt: skip
    stderrs = [each["stderr"] for each in operation.get_jobs_with_error_or_stderr()]
    assert sorted(text.count("host") for text in stderrs) == [1, 1, 3, 5]


def test_the_old_word_primary_makes_all_others_foreign(
    client: YtClient, folder: str, hosts: str, urls: str
) -> None:
    builder = (
        JoinReduceSpecBuilder()
        .input_table_paths([hosts, TablePath(urls, attributes={"primary": True})])
        .output_table_paths([f"{folder}/out"])
        .join_by(["host"])
        .begin_reducer()
        .command(with_tables)
        .end_reducer()
    )
    client.run_operation(builder)
    assert rows_of(client, f"{folder}/out") == [
        {"host": 2, "seen": [[0, 22], [1, 1], [1, 2]]},
        {"host": 5, "seen": [[0, 25], [1, 1], [1, 2]]},
    ]


def test_a_join_that_cannot_be_says_so(client: YtClient, folder: str, hosts: str, urls: str) -> None:
    def error(sources: list[Any], **options: Any) -> str:
        out = f"{folder}/out"
        return str(failure(lambda: client.run_reduce("cat", sources, out, format="json", **options)))

    ranges = [{"exact": {"row_index": 1}}, {"exact": {"row_index": 3}}]
    two = TablePath(hosts, ranges=ranges, attributes={"foreign": True})
    for sources, options, text in (
        ([hosts, foreign(hosts)], {"reduce_by": ["host"]},
         "It is required to specify join_by when using foreign tables"),
        ([hosts], {"reduce_by": ["host"], "join_by": ["host"]},
         "At least one foreign input table is required when join_by is specified"),
        ([foreign(hosts)], {"reduce_by": ["host"], "join_by": ["host"]},
         "At least one non-foreign input table is required"),
        ([urls, foreign(urls)], {"reduce_by": ["host"], "join_by": ["host", "url"]},
         "Join sort columns are not compatible with reduce sort columns"),
        ([urls, foreign(hosts)], {"reduce_by": ["host", "url"], "join_by": ["host", "url"]},
         f"Input table {hosts} is sorted by columns [host] that are not compatible "
         "with the requested columns [host, url]"),
        ([urls, two], {"reduce_by": ["host"], "join_by": ["host"]},
         "Reduce operation does not support foreign tables with multiple ranges"),
        ([urls], {"reduce_by": ["host"], "enable_key_guarantee": False, "spec": {"pivot_keys": [[1]]}},
         "Pivot keys are not supported in disabled key guarantee mode"),
        ([urls, foreign(hosts)],
         {"reduce_by": ["host"], "join_by": ["host"], "enable_key_guarantee": False},
         "Specifying both reduce and join key columns is not supported in disabled key guarantee mode"),
        ([urls], {"reduce_by": ["host"], "spec": {"pivot_keys": [[2], [1]]}},
         "Pivot keys should form a strictly increasing sequence"),
        ([urls], {"reduce_by": ["host"], "spec": {"pivot_keys": [[2, "2/1"]]}},
         "Pivot key cannot be longer than reduce key column count"),
    ):  # fmt: skip
        assert text in error(sources, **options)
    merged = failure(lambda: client.run_merge([foreign(hosts)], f"{folder}/out"))
    assert 'Foreign tables are not supported in "merge" operation' in str(merged)
