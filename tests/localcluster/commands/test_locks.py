"""Locks over HTTP: explicit and implicit ones, waiting, giving up, passing on."""

from __future__ import annotations

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtCypressTransactionLockConflict

from tests.localcluster.error_texts import refusal

from .conftest_helpers import another

pytestmark = pytest.mark.checked_against("server source")


def test_changes_in_a_transaction_lock_what_they_change(client: YtClient, folder: str) -> None:
    with client.Transaction() as transaction:
        client.set(f"{folder}/n", 1)
        client.set(f"{folder}/@a", 1)
        locks = client.get(f"{folder}/@locks")
        found = {(lock["mode"], lock.get("child_key"), lock.get("attribute_key")) for lock in locks}
        assert found == {("shared", "n", None), ("shared", None, "a")}
        (own,) = client.get(f"{folder}/n/@locks")
        assert (own["mode"], own["transaction_id"]) == ("exclusive", transaction.transaction_id)
        assert client.get(f"{folder}/@lock_mode") == "shared"
    assert client.get(f"{folder}/@locks") == []


def test_who_is_second_learns_who_was_first(client: YtClient, folder: str) -> None:
    other = another(client)
    with client.Transaction(attributes={"title": "first"}) as first:
        client.set(f"{folder}/@a", 1)
        with pytest.raises(YtCypressTransactionLockConflict) as caught:
            other.set(f"{folder}/@a", 2)
        error = caught.value.inner_errors[0]
        assert error["message"] == (
            f'Cannot take lock for attribute "a" of node {folder} since this attribute is locked by '
            f"concurrent transaction {first.transaction_id}"
        )
        winner = error["attributes"]["winner_transaction"]
        assert (winner["id"], winner["title"]) == (first.transaction_id, "first")
        other.set(f"{folder}/@b", 2)


def test_a_lock_needs_a_transaction_and_keys_a_shared_one(client: YtClient, folder: str) -> None:
    with client.Transaction():
        assert refusal(lambda: client.lock(folder, mode="exclusive", child_key="a")) == (
            1,
            ['Only "shared" locks are allowed on child keys, got "exclusive"'],
        )
    assert refusal(lambda: client.unlock(folder)) == (1, ["A valid master transaction is required"])


def test_unlock_gives_up_explicit_locks_only(client: YtClient, folder: str) -> None:
    other = another(client)
    client.create("table", f"{folder}/t")
    with client.Transaction():
        client.lock(f"{folder}/t")
        client.unlock(f"{folder}/t")
        other.write_table(f"{folder}/t", [{"x": 1}])
        client.set(f"{folder}/t/@a", 1)
        client.unlock(f"{folder}/t")  # nothing explicit is left
        assert len(client.get(f"{folder}/t/@locks")) == 1
        client.lock(f"{folder}/t", mode="shared")
        assert refusal(lambda: client.unlock(f"{folder}/t")) == (
            1,
            ['Node #ID is modified by transaction "ID" and cannot be unlocked'],
        )


def test_a_pending_lock_goes_to_the_parent_and_is_granted_there(client: YtClient, folder: str) -> None:
    other = another(client)
    client.create("table", f"{folder}/t")
    holder = other.Transaction()
    holder.__enter__()
    other.lock(f"{folder}/t")
    with client.Transaction() as outer:
        with client.Transaction():
            pending = client.lock(f"{folder}/t", waitable=True)
        assert pending["revision"] == 0
        assert client.get(f"#{pending['lock_id']}/@transaction_id") == outer.transaction_id
        assert client.get(f"#{pending['lock_id']}/@state") == "pending"
        holder.__exit__(None, None, None)
        assert client.get(f"#{pending['lock_id']}/@state") == "acquired"


def test_a_new_node_is_its_transactions_own(client: YtClient, folder: str) -> None:
    with client.Transaction():
        client.create("table", f"{folder}/t")
        code, texts = refusal(lambda: client.lock(f"{folder}/t", mode="snapshot"))
        assert (code, texts) == (
            400,
            [
                f'Cannot take "snapshot" lock for node {folder}/t since "exclusive" lock is already taken by '
                "same transaction ID"
            ],
        )
        with client.Transaction():
            client.lock(f"{folder}/t", mode="snapshot")


def test_a_value_is_locked_as_a_whole(client: YtClient, folder: str) -> None:
    other = another(client)
    client.set(f"{folder}/n", 1)
    with client.Transaction():
        client.set(f"{folder}/n/@a", 1)
        assert refusal(lambda: other.set(f"{folder}/n", 2))[0] == 402


def test_a_transaction_ends_with_the_one_it_depends_on(client: YtClient) -> None:
    first = client.start_transaction(timeout=60_000)
    second = client.start_transaction(timeout=60_000, prerequisite_transaction_ids=[first])
    assert client.get(f"#{second}/@prerequisite_transaction_ids") == [first]
    client.abort_transaction(first)
    assert not client.exists(f"//sys/transactions/{second}")
    code, texts = refusal(
        lambda: client.start_transaction(timeout=60_000, prerequisite_transaction_ids=[first])
    )
    assert (code, texts) == (1000, ["Prerequisite check failed: transaction ID is missing"])
