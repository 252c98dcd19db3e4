"""Rows found by their keys."""

from __future__ import annotations

import pytest
import yt.yson as yson
from yt.wrapper import TablePath, YtClient

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
