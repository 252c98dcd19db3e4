"""Transactions and locks over HTTP."""

from __future__ import annotations

import time

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtCypressTransactionLockConflict, YtResponseError

from .conftest_helpers import another

pytestmark = pytest.mark.checked_against("documentation")


def test_a_table_made_in_a_transaction_is_seen_outside_only_after_commit(
    client: YtClient, folder: str
) -> None:
    outside = another(client)
    with client.Transaction():
        client.write_table(f"{folder}/t", [{"x": 1}])
        assert list(client.read_table(f"{folder}/t")) == [{"x": 1}]
        assert not outside.exists(f"{folder}/t")
    assert outside.row_count(f"{folder}/t") == 1


def test_nested_transactions_commit_into_their_parent(client: YtClient, folder: str) -> None:
    outside = another(client)
    client.write_table(f"{folder}/t", [{"x": 1}])
    with client.Transaction():
        with client.Transaction():
            client.write_table(f"<append=%true>{folder}/t", [{"x": 2}])
        assert client.row_count(f"{folder}/t") == 2
        assert outside.row_count(f"{folder}/t") == 1
    assert outside.row_count(f"{folder}/t") == 2


def test_an_aborted_transaction_leaves_no_trace(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    with pytest.raises(RuntimeError), client.Transaction():  # noqa: PT012
        client.write_table(f"{folder}/t", [{"x": 2}, {"x": 3}])
        client.create("map_node", f"{folder}/m")
        client.set(f"{folder}/t/@a", 1)
        client.remove(f"{folder}/t")
        raise RuntimeError
    assert list(client.read_table(f"{folder}/t")) == [{"x": 1}]
    assert client.list(folder) == ["t"]
    assert not client.exists(f"{folder}/t/@a")


def test_two_writers_of_one_table_conflict_with_402(client: YtClient, folder: str) -> None:
    other = another(client)
    client.create("table", f"{folder}/t")
    with client.Transaction():
        client.write_table(f"{folder}/t", [{"x": 1}])
        with pytest.raises(YtCypressTransactionLockConflict):
            _lock(other, f"{folder}/t")
    _lock(other, f"{folder}/t")


def _lock(client: YtClient, path: str, mode: str = "exclusive") -> None:
    with client.Transaction():
        client.lock(path, mode=mode)


def test_appends_from_two_transactions_both_arrive(client: YtClient, folder: str) -> None:
    other = another(client)
    client.create("table", f"{folder}/t")
    with client.Transaction():
        client.write_table(f"<append=%true>{folder}/t", [{"x": 1}])
        with other.Transaction():
            other.write_table(f"<append=%true>{folder}/t", [{"x": 2}])
    assert sorted(row["x"] for row in client.read_table(f"{folder}/t")) == [1, 2]


@pytest.mark.checked_against("server source")
def test_a_snapshot_lock_pins_the_version(client: YtClient, folder: str) -> None:
    other = another(client)
    client.write_table(f"{folder}/t", [{"x": 1}])
    with client.Transaction():
        lock = client.lock(f"{folder}/t", mode="snapshot")
        other.write_table(f"{folder}/t", [{"x": 2}])
        assert list(client.read_table(f"{folder}/t")) == [{"x": 1}]
        other.remove(f"{folder}/t")
        assert list(client.read_table(f"#{lock['node_id']}")) == [{"x": 1}]
        # The version is kept, its place in the tree is not.
        assert not client.exists(f"{folder}/t")
    assert not client.exists(f"#{lock['node_id']}")


def test_a_transaction_that_is_not_pinged_dies(client: YtClient, folder: str) -> None:
    transaction = client.start_transaction(timeout=500)
    time.sleep(2.5)
    with pytest.raises(YtResponseError) as caught:
        client.commit_transaction(transaction)
    assert caught.value.contains_code(11000)


def test_a_waitable_lock_is_granted_when_the_holder_ends(client: YtClient, folder: str) -> None:
    other = another(client)
    client.create("table", f"{folder}/t")
    holder = client.Transaction()
    holder.__enter__()
    client.lock(f"{folder}/t")
    with other.Transaction():
        pending = other.lock(f"{folder}/t", waitable=True)
        assert other.get(f"#{pending['lock_id']}/@state") == "pending"
        holder.__exit__(None, None, None)
        assert other.get(f"#{pending['lock_id']}/@state") == "acquired"
