"""Pool trees and pools in Cypress: below //sys/pool_trees, outside of all transactions.

To the tree they are map nodes; their attribute `type` says what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.pools import (
    ROOT,
    PoolConfig,
    TreeConfig,
    check_guarantees,
    parse_pool,
    parse_tree,
)
from ytcurate.localcluster.model.records import Node

TREES = "//sys/pool_trees"
POOL, TREE, ALL = "scheduler_pool", "scheduler_pool_tree", "scheduler_pool_tree_map"
PLANTED = "\0planted"
"""Marks the trees the server was started with."""

Trees = dict[str, tuple[TreeConfig, dict[str, PoolConfig]]]


def kind(cypress: Cypress, node: Node) -> str:
    """One of `POOL`, `TREE` and `ALL`, "" for another node."""
    stored = cypress.attr(node, "type", "")
    return str(stored) if stored in (POOL, TREE, ALL) else ""


def plant(cypress: Cypress, names: Iterable[str], user: str) -> None:
    """See to it that the trees of the settings are there, and no others that settings once had."""
    names = list(names)
    top = cypress.node(TREES, "")
    cypress.set_attr(top, "type", ALL, "")
    for name, node in cypress.children(top, "").items():
        if name not in names and cypress.attr(node, PLANTED, "", kind(cypress, node) != TREE):
            cypress.remove(node, "")
    for name in names:
        old = cypress.child(top, name, "")
        if old is None or kind(cypress, old) != TREE:
            make_tree(cypress, name, {}, user, old)
            cypress.set_attr(cypress.node(f"{TREES}/{name}", ""), PLANTED, True, "")
    pools = cypress.child(cypress.node("//sys", ""), "pools", "")
    if pools is not None and pools.type != "link":
        cypress.remove(pools, "")
        pools = None
    if pools is None:
        target = {"target_path": f"{TREES}/{names[0]}"}
        cypress.create(cypress.node("//sys", ""), "pools", "link", "", target, user)
    tell_users(cypress, names)


def make_tree(
    cypress: Cypress, name: str, given: Mapping[str, Any], user: str, old: Node | None = None
) -> Node:
    attrs = {"type": TREE, "name": name, "config": dict(given)}
    if old is None:
        return cypress.create(cypress.node(TREES, ""), name, "map_node", "", attrs, user)
    for key, value in attrs.items():
        cypress.set_attr(old, key, value, "")
    return old


def tell_users(cypress: Cypress, first: Iterable[str] = ()) -> None:
    """Write the names of the trees where users look for them, these first."""
    there = cypress.children(cypress.node(TREES, ""), "")
    for user in cypress.children(cypress.node("//sys/users", ""), "").values():
        info = dict(cypress.attr(user, "user_info", "") or {})
        old = info.get("available_pool_trees") or []
        names = [name for name in dict.fromkeys([*first, *old, *there]) if name in there]
        if old != names:
            cypress.set_attr(user, "user_info", {**info, "available_pool_trees": names}, "")


def tree_node(cypress: Cypress, name: str) -> Node:
    """
    Raises:
        YtError: code 500, there is none.
    """
    node = cypress.child(cypress.node(TREES, ""), name, "")
    if node is None:
        raise YtError(f'Pool tree "{name}" does not exist', errors.RESOLVE)
    return node


def pool_nodes(cypress: Cypress, above: Node) -> Iterator[tuple[Node, Node]]:
    """Every pool below a tree or pool, with what is directly above it."""
    for node in cypress.children(above, "").values():
        if kind(cypress, node) == POOL:
            yield node, above
            yield from pool_nodes(cypress, node)


def tree_of(cypress: Cypress, node: Node) -> Node:
    """The tree of a pool, or of a tree itself."""
    while kind(cypress, node) == POOL:
        node = cypress.state.nodes[node.parent_id]
    return node


def config_of(cypress: Cypress, node: Node, above: Node) -> PoolConfig:
    parent = above.key if kind(cypress, above) == POOL else ROOT
    return parse_pool(node.key, parent, cypress.attrs(node, ""))


def read_tree(cypress: Cypress, tree: Node) -> tuple[TreeConfig, dict[str, PoolConfig]]:
    pools = {node.key: config_of(cypress, node, above) for node, above in pool_nodes(cypress, tree)}
    return parse_tree(cypress.attr(tree, "config", "") or {}), pools


def read(cypress: Cypress) -> tuple[Trees, str]:
    """All trees, and the name of the default one."""
    top = cypress.node(TREES, "")
    nodes = cypress.children(top, "").items()
    trees = {name: read_tree(cypress, node) for name, node in nodes if kind(cypress, node) == TREE}
    return trees, str(cypress.attr(top, "default_tree", "") or "")


def check_change(
    cypress: Cypress, tree: Node, pool: PoolConfig | None, config: TreeConfig | None = None
) -> None:
    """Would a tree be in order with this pool, new or changed, or with this config?

    Raises:
        YtError: it would not.
    """
    old, pools = read_tree(cypress, tree)
    if pool is not None:
        pools[pool.name] = pool
    check_guarantees(pools, config or old)
