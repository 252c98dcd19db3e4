"""Trees and pools among the nodes, also those of a data directory from before there were pools."""

from __future__ import annotations

from pathlib import Path

import pytest

from ytcurate.localcluster.model import pool_nodes
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.pools import PoolConfig, TreeConfig

from .test_visibility import World

pytestmark = pytest.mark.checked_against("nothing")


@pytest.fixture
def cypress(tmp_path: Path) -> Cypress:
    """As servers left it when pool trees were plain map nodes."""
    world = World(tmp_path / "state")
    for path in ("sys", "sys/users", "sys/users/me", "sys/pools", "sys/pool_trees", "sys/pool_trees/default",
                 "sys/pool_trees/default/scratch", "sys/pool_trees/old"):  # fmt: skip
        world.create(f"//{path}", kind="map_node")
    return world.cypress


def test_plain_nodes_become_trees_and_what_is_not_asked_for_goes(cypress: Cypress) -> None:
    with cypress.state.session():
        pool_nodes.plant(cypress, ["default", "new"], "root")
        trees, _ = pool_nodes.read(cypress)
    assert trees == {"default": (TreeConfig(), {}), "new": (TreeConfig(), {})}
    assert cypress.attr(cypress.node("//sys/pools", "", follow=False), "target_path", "") == (
        "//sys/pool_trees/default"
    )
    user = cypress.node("//sys/users/me", "")
    assert cypress.attr(user, "user_info", "") == {"available_pool_trees": ["default", "new"]}


def test_pools_and_trees_made_by_users_stay_at_the_next_start(cypress: Cypress) -> None:
    with cypress.state.session():
        pool_nodes.plant(cypress, ["default", "given"], "root")
        tree = pool_nodes.make_tree(cypress, "made", {"max_operation_count": 5}, "me")
        cypress.create(tree, "p", "map_node", "", {"type": pool_nodes.POOL, "weight": 2}, "me")
        pool_nodes.plant(cypress, ["default"], "root")
        trees, _ = pool_nodes.read(cypress)
    assert trees["made"] == (TreeConfig(max_operation_count=5), {"p": PoolConfig("p", weight=2.0)})
    assert sorted(trees) == ["default", "made"]
