"""Rows found by their numbers and their keys."""

from __future__ import annotations

import pytest
import yt.yson as yson
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtResponseError

from .keyed_helpers import rows_of

pytestmark = pytest.mark.checked_against("documentation")


def test_an_unsigned_key_is_found_by_an_unsigned_one_only(client: YtClient, folder: str) -> None:
    path = f"{folder}/unsigned"
    schema = [{"name": "k", "type": "uint64", "sort_order": "ascending"}]
    client.create("table", path, attributes={"schema": schema})
    client.write_table(path, [{"k": yson.YsonUint64(number)} for number in (1, 5, 2**63 + 5)])
    for number in (5, 2**63 + 5):
        found = client.read_table(TablePath(path, exact_key=[yson.YsonUint64(number)], client=client))
        assert [row["k"] for row in found] == [number]
    assert list(client.read_table(TablePath(path, exact_key=[5], client=client))) == []


def test_two_ranges_and_a_column(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i, "y": -i} for i in range(10)])
    assert rows_of(client, f"{folder}/t{{x}}[#1:#3,#8]") == [{"x": 1}, {"x": 2}, {"x": 8}]
    assert rows_of(client, TablePath(f"{folder}/t", columns=["y"], start_index=8, end_index=99)) == [
        {"y": -8},
        {"y": -9},
    ]


def test_a_sorted_table_is_checked_and_read_by_key(client: YtClient, folder: str) -> None:
    path = TablePath(f"{folder}/t", sorted_by=["k"])
    client.write_table(path, [{"k": key, "v": i} for i, key in enumerate("aabcd")])
    assert client.get(f"{folder}/t/@sorted_by") == ["k"]
    assert [row["v"] for row in rows_of(client, f'{folder}/t["a":"c"]')] == [0, 1, 2]
    assert [row["v"] for row in rows_of(client, f'{folder}/t["a"]')] == [0, 1]
    with pytest.raises(YtResponseError) as caught:
        client.write_table(path, [{"k": "b"}, {"k": "a"}])
    assert caught.value.contains_code(301)
    assert client.row_count(f"{folder}/t") == 5
