"""What is below //sys: users, groups, accounts, transactions and locks."""

from __future__ import annotations

import uuid

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

from tests.localcluster.error_texts import refusal

pytestmark = pytest.mark.checked_against("documentation")


def test_users_and_groups_are_made_and_joined(client: YtClient) -> None:
    user, group = (f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("u", "g"))
    made = client.create("user", attributes={"name": user})
    client.create("group", attributes={"name": group})
    assert client.get(f"//sys/users/{user}/@id") == made
    assert client.get(f"//sys/users/{user}", attributes=["type"]).attributes == {"type": "user"}
    client.add_member(user, group)
    assert client.get(f"//sys/groups/{group}/@members") == [user]
    assert client.get(f"//sys/users/{user}/@member_of") == [group]
    client.remove_member(user, group)
    assert client.get(f"//sys/groups/{group}/@members") == []
    assert refusal(lambda: client.create("user", attributes={"name": user})) == (
        501,
        [f'User "{user}" already exists'],
    )
    again = client.create("user", attributes={"name": user}, ignore_existing=True)
    assert again == made


def test_an_account_has_limits(client: YtClient) -> None:
    assert client.get("//sys/accounts/tmp/@resource_limits/disk_space_per_medium/default") > 0
    account = client.get("//sys/accounts", attributes=["type"])["tmp"]
    assert (dict(account), account.attributes) == ({}, {"type": "account"})


def test_transactions_are_listed_with_their_attributes(client: YtClient) -> None:
    with client.Transaction(attributes={"title": "outer"}) as outer, client.Transaction() as inner:
        maps = [client.list(f"//sys/{name}") for name in ("transactions", "topmost_transactions")]
        assert {outer.transaction_id, inner.transaction_id} <= set(maps[0])
        assert outer.transaction_id in maps[1]
        assert inner.transaction_id not in maps[1]
        found = client.get("//sys/transactions", attributes=["title", "depth"])
        assert found[outer.transaction_id].attributes == {"title": "outer", "depth": 0}
        assert client.get(f"#{inner.transaction_id}/@depth") == 1
        assert client.get(f"#{inner.transaction_id}/@parent_id") == outer.transaction_id
        client.set(f"#{outer.transaction_id}/@mine", 5)
        assert client.get(f"//sys/transactions/{outer.transaction_id}/@mine") == 5
        assert refusal(lambda: client.set(f"#{outer.transaction_id}/@id", "1")) == (
            1,
            ['Builtin attribute "id" cannot be set'],
        )
    assert not client.exists(f"//sys/transactions/{outer.transaction_id}")
    assert refusal(lambda: client.get(f"#{outer.transaction_id}/@title")) == (
        500,
        ["Error resolving path #ID/@title", "No such object ID"],
    )


def test_locks_are_found_by_their_ids(client: YtClient, folder: str) -> None:
    with client.Transaction() as transaction:
        lock = client.lock(folder, mode="shared", child_key="a")["lock_id"]
        assert lock in client.list("//sys/locks")
        found = client.get(f"//sys/locks/{lock}/@", attributes=["mode"])
        assert found["mode"] == client.get(f"#{lock}/@mode") == "shared"
        assert client.get(f"#{lock}/@child_key") == "a"
        locked = client.get(f"#{transaction.transaction_id}/@locked_node_ids")
        assert locked == {"1": [client.get(f"{folder}/@id")]}
    assert not client.exists(f"//sys/locks/{lock}")


@pytest.mark.parametrize("command", ["externalize", "internalize"])
def test_what_needs_several_cells_is_refused_by_name(client: YtClient, folder: str, command: str) -> None:
    arguments = {"externalize": [folder, 2], "internalize": [folder]}[command]
    with pytest.raises(YtResponseError, match=f"Cannot {command} {folder}.*: the local cluster has one"):
        getattr(client, command)(*arguments)


def test_permissions_are_always_granted(client: YtClient, folder: str) -> None:
    assert client.check_permission("root", "write", folder)["action"] == "allow"
