"""Pools and pool trees in Cypress: made, seen, changed, removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

from tests.localcluster.conftest import Server

pytestmark = pytest.mark.checked_against("server source")

TREE = "//sys/pool_trees/default"
ORCHID = "//sys/scheduler/orchid/scheduler/scheduling_info_per_pool_tree"


@pytest.fixture
def pools(client: YtClient) -> Iterator[Callable[..., str]]:
    """Make pools of the tree "default"; they are gone afterwards."""
    made = []

    def make(name: str, **attributes: Any) -> str:
        created = client.create(
            "scheduler_pool", attributes={"name": name, "pool_tree": "default", **attributes}
        )
        made.append(name)
        return str(created)

    yield make
    for name in made:
        client.remove(f"{TREE}/{name}", recursive=True, force=True)


def test_a_pool_is_a_node_below_its_tree_and_its_parent(client: YtClient, pools: Callable[..., str]) -> None:
    pool_id = pools("up", weight=2.5)
    pools("down", parent_name="up", mode="fifo")
    assert client.get(f"{TREE}/up/@id") == pool_id
    wanted = {"type": "scheduler_pool", "weight": 2.5, "name": "up", "pool_tree": "default"}
    assert client.get(f"{TREE}/up/@").items() >= wanted.items()
    assert client.get(f"{TREE}/up/down/@parent_name") == "up"
    assert client.get(TREE) == {"up": {"down": {}}}
    assert "up" in client.list("//sys/pools")
    assert client.get("//sys/pool_trees/@default_tree") == "default"
    assert client.get(f"{TREE}/@type") == "scheduler_pool_tree"


def test_the_orchid_shows_trees_pools_and_what_they_have(client: YtClient, pools: Callable[..., str]) -> None:
    pools("shown", weight=3, max_running_operation_count=2, resource_limits={"cpu": 1})
    assert client.get(f"{ORCHID}/default/resource_limits/user_slots") == 4
    found = client.get(f"{ORCHID}/default/fair_share_info/pools/shown")
    assert (found["parent"], found["weight"], found["mode"]) == ("<Root>", 3.0, "fair_share")
    assert (found["max_running_operation_count"], found["max_operation_count"]) == (2, 50)
    assert (found["operation_count"], found["is_ephemeral"]) == (0, False)
    assert found["specified_resource_limits"] == {"cpu": 1.0}
    assert sorted(client.list(f"{ORCHID}/default/fair_share_info")) == ["operations", "pools"]
    assert client.exists(f"{ORCHID}/default/fair_share_info/pools/<Root>")
    assert not client.exists(f"{ORCHID}/default/fair_share_info/pools/other")
    with pytest.raises(YtResponseError) as caught:
        client.get(f"{ORCHID}/nowhere")
    assert caught.value.is_resolve_error()


def test_attributes_of_pools_are_set_checked_and_removed(client: YtClient, pools: Callable[..., str]) -> None:
    pools("p", max_running_operation_count=5)
    client.set(f"{TREE}/p/@resource_limits", {"cpu": 1})
    client.set(f"{TREE}/p/@resource_limits/memory", 10)
    shown = f"{ORCHID}/default/fair_share_info/pools/p"
    assert client.get(f"{shown}/specified_resource_limits") == {"cpu": 1.0, "memory": 10}
    with pytest.raises(YtResponseError, match="must be greater than or equal to"):
        client.set(f"{TREE}/p/@max_operation_count", 4)
    assert not client.exists(f"{TREE}/p/@max_operation_count")
    client.remove(f"{TREE}/p/@max_running_operation_count")
    assert client.get(f"{shown}/max_running_operation_count") == 50
    client.set(f"{TREE}/@config", {"max_running_operation_count_per_pool": 7})
    assert client.get(f"{shown}/max_running_operation_count") == 7
    client.remove(f"{TREE}/@config/max_running_operation_count_per_pool")
    with pytest.raises(YtResponseError, match='have been moved into "config" attribute'):
        client.set(f"{TREE}/@max_operation_count_per_pool", 7)


@pytest.mark.parametrize(
    ("attributes", "code", "said"),
    [
        ({"name": "a/b"}, 1, 'Pool name "a/b" must match regular expression'),
        ({"name": "x", "pool_tree": "other"}, 500, 'Pool tree "other" does not exist'),
        ({"name": "x", "parent_name": "other"}, 500, 'Pool "other" does not exist'),
        ({}, 500, 'Attribute "name" is not found'),
        ({"name": "here"}, 501, 'Pool tree "default" already contains pool with name "here"'),
        ({"name": "x", "weight": 0}, 1, "Error validating parameter /weight"),
        ({"name": "x", "type": "table"}, 1, 'Builtin attribute "type" cannot be set'),
    ],
)
def test_a_wrong_pool_is_refused(
    client: YtClient, pools: Callable[..., str], attributes: dict[str, Any], code: int, said: str
) -> None:
    pools("here")
    with pytest.raises(YtResponseError) as caught:
        client.create("scheduler_pool", attributes={"pool_tree": "default", **attributes})
    assert caught.value.contains_code(code)
    assert said in str(caught.value)
    assert client.list(TREE) == ["here"]


@pytest.mark.checked_against("nothing")
def test_pools_cannot_be_made_copied_or_moved_as_other_nodes(
    client: YtClient, folder: str, pools: Callable[..., str]
) -> None:
    pools("p")
    client.create("map_node", f"{folder}/m")
    for refused in (
        lambda: client.create("map_node", f"{TREE}/x"),
        lambda: client.create("table", f"{TREE}/p/x"),
        lambda: client.set(f"{TREE}/x", {}),
        lambda: client.set(f"{TREE}/p", {}, force=True),
        lambda: client.create("map_node", f"{TREE}/p", force=True),
        lambda: client.copy(f"{folder}/m", f"{TREE}/x"),
        lambda: client.copy(f"{folder}/m", f"{TREE}/p", force=True),
        lambda: client.move(f"{TREE}/p", f"{folder}/p"),
        lambda: client.set(f"{TREE}/p/@name", "q"),
        lambda: client.remove("//sys/pool_trees", recursive=True),
    ):
        with pytest.raises(YtResponseError):
            refused()
    assert client.get(TREE) == {"p": {}}


def test_a_pool_with_subpools_is_removed_recursively_only(
    client: YtClient, pools: Callable[..., str]
) -> None:
    pools("up")
    pools("down", parent_name="up")
    with pytest.raises(YtResponseError, match="Cannot remove non-empty composite node"):
        client.remove(f"{TREE}/up")
    client.remove(f"{TREE}/up", recursive=True)
    assert client.list(TREE) == []


def test_a_tree_is_made_used_and_removed(client: YtClient, folder: str, numbers: str) -> None:
    client.create("scheduler_pool_tree", attributes={"name": "extra", "config": {"nodes_filter": ""}})
    assert "extra" in client.get(f"//sys/users/{client.get_user_name()}/@user_info/available_pool_trees")
    spec = {"pool_trees": ["extra"]}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert client.list_jobs(operation.id)["jobs"][0]["pool_tree"] == "extra"
    with pytest.raises(YtResponseError, match='Pool tree "extra" already exists'):
        client.create("scheduler_pool_tree", attributes={"name": "extra"})
    client.remove("//sys/pool_trees/extra")
    with pytest.raises(YtResponseError, match='Pool tree "extra" not found'):
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)


def test_without_a_default_tree_an_operation_has_to_name_one(start_server: Callable[..., Server]) -> None:
    client = start_server().client()
    client.remove("//sys/pool_trees/@default_tree")
    builder = yt.VanillaSpecBuilder().begin_task("t").command("true").job_count(1).end_task()
    with pytest.raises(YtResponseError) as caught:
        client.run_operation(builder)
    assert caught.value.contains_code(214)
    client.run_operation(builder.pool_trees(["cpu"]))


@pytest.mark.checked_against("nothing")
def test_pools_survive_a_kill_and_trees_are_those_of_the_last_start(
    start_server: Callable[..., Server],
) -> None:
    first = start_server("--pool-tree", "own={cpu=1}")
    attributes = {"name": "p", "pool_tree": "default", "resource_limits": {"user_slots": 1}}
    first.client().create("scheduler_pool", attributes=attributes)
    first.client().create("scheduler_pool_tree", attributes={"name": "made"})
    assert first.client().get(f"{ORCHID}/own/resource_limits/cpu") == 1.0
    first.kill()
    client = start_server(data_dir=first.data_dir).client()
    assert client.get(f"{ORCHID}/default/fair_share_info/pools/p/specified_resource_limits") == {
        "user_slots": 1
    }
    assert sorted(client.list(ORCHID)) == ["cpu", "default", "gpu_h100", "gpu_h200", "made"]
