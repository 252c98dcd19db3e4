"""Tables cut into partitions, read by their ranges and by their cookies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import yt.wrapper as yt
from yt.common import YtResponseError
from yt.wrapper import YtClient

from tests.localcluster.conftest import Server

pytestmark = pytest.mark.checked_against("server source")

ROWS = [{"key": index, "text": "x" * 100} for index in range(12)]
WEIGHT = 12 * 109


@pytest.fixture
def table(client: YtClient, folder: str) -> str:
    """Twelve rows of 109 bytes in three chunks."""
    path = f"{folder}/t"
    schema = [{"name": "key", "type": "int64"}, {"name": "text", "type": "string"}]
    client.create("table", path, attributes={"schema": schema})
    for start in range(0, 12, 4):
        client.write_table(f"<append=%true>{path}", ROWS[start : start + 4])
    return path


def limits(partition: dict[str, Any], table_index: int = 0) -> list[tuple[int, int]]:
    ranges = partition["table_ranges"][table_index].attributes["ranges"]
    return [(each["lower_limit"]["row_index"], each["upper_limit"]["row_index"]) for each in ranges]


def rows_of(client: YtClient, partitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for each in partitions for row in client.read_table_partition(each["cookie"])]


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(YtResponseError) as caught:
        call()
    return caught.value.error["code"], caught.value.error["message"]


@pytest.mark.parametrize("mode", ["ordered", "unordered"])
def test_partitions_have_about_the_asked_weight_and_all_rows(client: YtClient, table: str, mode: str):
    partitions = client.partition_tables(table, partition_mode=mode, data_weight_per_partition=WEIGHT // 3)
    assert [limits(each) for each in partitions] == [[(0, 4)], [(4, 8)], [(8, 12)]]
    assert [each["aggregate_statistics"] for each in partitions] == 3 * [
        {"chunk_count": 1, "data_weight": 4 * 109, "row_count": 4}
    ]
    assert "cookie" not in partitions[0]
    assert list(client.read_table(partitions[1]["table_ranges"][0])) == ROWS[4:8]


def test_a_row_is_the_smallest_partition(client: YtClient, table: str):
    partitions = client.partition_tables(f"{table}[#3:#6]", data_weight_per_partition=1)
    assert [limits(each) for each in partitions] == [[(3, 4)], [(4, 5)], [(5, 6)]]


def test_nothing_to_read_makes_no_partition(client: YtClient, table: str):
    assert client.partition_tables([], data_weight_per_partition=1) == []
    assert client.partition_tables(f"{table}[#5:#5]", data_weight_per_partition=1) == []


def test_only_the_columns_that_are_read_weigh(client: YtClient, table: str):
    weight = WEIGHT // 3
    partitions = client.partition_tables(f"<mine=7>{table}{{key}}", data_weight_per_partition=weight)
    path = partitions[0]["table_ranges"][0]
    assert limits(partitions[0]) == [(0, 12)]
    assert (str(path), path.attributes["columns"], path.attributes["mine"]) == (table, ["key"], 7)
    assert partitions[0]["aggregate_statistics"] == {"chunk_count": 3, "data_weight": 12 * 9, "row_count": 12}


def test_two_tables_are_cut_together(client: YtClient, table: str, folder: str):
    client.copy(table, f"{folder}/u")
    partitions = client.partition_tables(
        [table, f"{folder}/u[#0:#2,#10:]"], data_weight_per_partition=8 * 109, enable_cookies=True
    )
    assert [(limits(each, 0), limits(each, 1)) for each in partitions] == [
        ([(0, 8)], []),
        ([(8, 12)], [(0, 2), (10, 12)]),
    ]
    assert rows_of(client, partitions) == [*ROWS, *ROWS[:2], *ROWS[10:]]


def test_max_partition_count_makes_partitions_larger_or_refuses(client: YtClient, table: str):
    options: dict[str, Any] = {"data_weight_per_partition": 109, "max_partition_count": 2}
    partitions = client.partition_tables(table, **options)
    assert [limits(each) for each in partitions] == [[(0, 6)], [(6, 12)]]
    assert refusal(
        lambda: client.partition_tables(table, adjust_data_weight_per_partition=False, **options)
    ) == (1, "Maximum partition count exceeded")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            'Missing required parameter "data_weight_per_partition" of command "partition_tables"',
        ),
        ({"data_weight_per_partition": 0}, "Error validating parameter /data_weight_per_partition"),
        (
            {"data_weight_per_partition": 1, "max_partition_count": -1},
            "Error validating parameter /max_partition_count",
        ),
        (
            {"data_weight_per_partition": "much"},
            'Error reading parameter /data_weight_per_partition: expected a number, found "much"',
        ),
        (
            {"data_weight_per_partition": 1, "partition_mode": "sorted"},
            "Sorted partitioning is not supported yet",
        ),
        (
            {"data_weight_per_partition": 1, "enable_key_guarantee": True},
            'Parameter "enable_key_guarantee" of command "partition_tables" with the value \'True\' is not '
            "implemented by the local cluster",
        ),
    ],
)
def test_wrong_options_are_refused(client: YtClient, table: str, options: dict[str, Any], message: str):
    assert refusal(lambda: client.partition_tables(table, **options)) == (1, message)


def test_a_cookie_reads_what_was_there_when_it_was_made(client: YtClient, table: str):
    with client.Transaction():
        client.lock(table, mode="snapshot")
        partitions = client.partition_tables(
            f"{table}{{key}}", data_weight_per_partition=1000, enable_cookies=True
        )
        YtClient(config=client.config).write_table(table, [{"key": 99, "text": ""}])
        assert rows_of(client, partitions) == [{"key": index} for index in range(12)]


def test_a_cookie_outlives_a_restart(start_server: Callable[..., Server]):
    server = start_server()
    client = server.client()
    client.write_table("//tmp/t", ROWS)
    partitions = client.partition_tables("//tmp/t", data_weight_per_partition=500, enable_cookies=True)
    server.kill()
    client = start_server(data_dir=server.data_dir).client()
    assert rows_of(client, partitions) == ROWS


def test_a_cookie_of_deleted_rows_reads_nothing(start_server: Callable[..., Server]):
    """Unreferenced chunks go within moments, and at the latest when the cluster starts again."""
    server = start_server()
    client = server.client()
    client.write_table("//tmp/t", ROWS)
    (partition,) = client.partition_tables("//tmp/t", data_weight_per_partition=10**6, enable_cookies=True)
    client.write_table("//tmp/t", [{"key": 99}])
    while (error := try_to_read(client, partition["cookie"])) is None:
        time.sleep(0.1)
    assert (error["code"], error["message"].rpartition(" ")[0]) == (704, "No such chunk")


def try_to_read(client: YtClient, cookie: str) -> dict[str, Any] | None:
    """The error, None while the old rows are there."""
    try:
        assert list(client.read_table_partition(cookie)) == ROWS
    except YtResponseError as error:
        return error.error
    return None


@pytest.mark.parametrize("cookie", ["", "abc", "é", "eJyrVkpUslJQqgUADQUCrg=="])
def test_what_is_no_cookie_is_refused(client: YtClient, cookie: str):
    assert refusal(lambda: client.read_table_partition(cookie)) == (
        1,
        "Failed to parse table partition cookie",
    )


def test_control_attributes_say_where_rows_come_from(client: YtClient, proxy: str, table: str, folder: str):
    client.copy(table, f"{folder}/u")
    paths = [f"{table}{{key}}[#2:#4]", f"{folder}/u{{key}}[#7:#8]"]
    (partition,) = client.partition_tables(paths, data_weight_per_partition=10**6, enable_cookies=True)
    asked = {
        "cookie": partition["cookie"],
        "output_format": "json",
        "control_attributes": {"enable_table_index": True, "enable_row_index": True},
    }
    headers = {"X-YT-Parameters": json.dumps(asked)}
    read = requests.get(f"{proxy}/api/v4/read_table_partition", headers=headers, timeout=20)
    assert [json.loads(line) for line in read.text.splitlines()] == [
        {"$value": None, "$attributes": {"table_index": 0}},
        {"$value": None, "$attributes": {"row_index": 2}},
        {"key": 2},
        {"key": 3},
        {"$value": None, "$attributes": {"table_index": 1}},
        {"$value": None, "$attributes": {"row_index": 7}},
        {"key": 7},
    ]


@pytest.fixture
def parallel(client: YtClient) -> YtClient:
    """A client that reads in several threads, and asks the cluster for partitions."""
    config = dict(client.config)
    config["read_parallel"] = {
        **config["read_parallel"],
        "enable": True,
        "use_distributed_read": True,
        "data_size_per_thread": 300,
        "max_thread_count": 3,
    }
    # No partition is smaller than a buffer.
    return YtClient(config={**config, "read_buffer_size": 300})


@pytest.mark.checked_against("client")
def test_the_client_reads_in_parallel_by_partitions_and_by_ranges(parallel: YtClient, table: str):
    assert list(parallel.read_table(table)) == ROWS
    assert list(parallel.read_table(f"{table}{{key}}[#2:#5]")) == [{"key": each} for each in (2, 3, 4)]
    assert sorted(row["key"] for row in parallel.read_table(table, unordered=True)) == list(range(12))
    assert list(parallel.read_table(table, format=yt.YsonFormat(format="text"))) == ROWS
    assert list(parallel.read_table(f"{table}[#4:#4]")) == []
    parallel.config["read_parallel"]["use_distributed_read"] = False
    assert list(parallel.read_table(table)) == ROWS
