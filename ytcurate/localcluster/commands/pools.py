"""Pool trees and pools: what `create`, `set` and `remove` do with them."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands.values import put_at, remove_at
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import pool_nodes
from ytcurate.localcluster.model.pool_nodes import ALL, POOL, TREE, kind
from ytcurate.localcluster.model.pools import ROOT, TreeConfig, check_name, parse_pool, parse_tree
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.ypath import RichPath

OBJECT_TYPES = (POOL, TREE)
FIXED = ("name", "pool_tree", "parent_name")


def create_object(call: Call, object_type: str, given: dict[str, Any]) -> dict[str, Any]:
    """`create` of a pool or a pool tree, which have a name instead of a path."""
    if call.params.get("path") is not None:
        raise YtError(f'Objects of type "{object_type}" are created without a path')
    given = dict(given)
    for needed in ("name", "pool_tree") if object_type == POOL else ("name",):
        if given.get(needed) is None:
            raise errors.no_attribute(needed)
    name = str(given.pop("name"))
    check_name(name)
    node = _new_pool(call, name, given) if object_type == POOL else _new_tree(call, name, given)
    call.cluster.refresh_pools()
    return {"object_id": node.id}


def _new_tree(call: Call, name: str, given: dict[str, Any]) -> Node:
    cypress = call.cluster.cypress
    old = cypress.child(cypress.node(pool_nodes.TREES, ""), name, "")
    if old is not None:
        if call.flag("ignore_existing"):
            return old
        raise YtError(f'Pool tree "{name}" already exists', errors.ALREADY_EXISTS)
    config = given.pop("config", None) or {}
    parse_tree(config)
    _check_tree_attributes(given)
    node = pool_nodes.make_tree(cypress, name, config, call.user)
    for key, value in given.items():
        attrs.check_settable(node, key, "")
        cypress.set_attr(node, key, value, "")
    pool_nodes.tell_users(cypress)
    return node


def _check_tree_attributes(given: Any) -> None:
    for name in given:
        if name in vars(TreeConfig()) or name == "nodes_filter":
            raise YtError('All pool tree attributes have been moved into "config" attribute')


def _new_pool(call: Call, name: str, given: dict[str, Any]) -> Node:
    cypress = call.cluster.cypress
    tree_name, parent_name = str(given.pop("pool_tree")), str(given.pop("parent_name", None) or ROOT)
    tree = pool_nodes.tree_node(cypress, tree_name)
    found = {node.key: node for node, _ in pool_nodes.pool_nodes(cypress, tree)}
    if name in found:
        if call.flag("ignore_existing"):
            return found[name]
        raise YtError(
            f'Pool tree "{tree_name}" already contains pool with name "{name}"', errors.ALREADY_EXISTS
        )
    parent = tree if parent_name == ROOT else found.get(parent_name)
    if parent is None:
        raise YtError(f'Pool "{parent_name}" does not exist', errors.RESOLVE)
    pool_nodes.check_change(cypress, tree, parse_pool(name, parent_name, given))
    own = {"type": POOL, "name": name, "pool_tree": tree_name, "parent_name": parent_name}
    for key in given:
        if key in own or (key in attrs.COMMON and key not in attrs.SETTABLE):
            raise YtError(f'Builtin attribute "{key}" cannot be set')
    return cypress.create(parent, name, "map_node", "", {**given, **own}, call.user)


def is_pool(call: Call, node: Node) -> bool:
    """Is a node a pool, a pool tree, or the node above all trees?"""
    return bool(kind(call.cluster.cypress, node))


def refuse_child(call: Call, parent: Node) -> None:
    """
    Raises:
        YtError: below a pool or a tree there are pools only, which have a way of their own to be made.
    """
    if is_pool(call, parent):
        made = TREE if kind(call.cluster.cypress, parent) == ALL else POOL
        raise YtError(
            f"Below {call.cluster.cypress.path_of(parent)} only objects of type {made} can be created, "
            "without a path"
        )


def refuse_copy(call: Call, source: Node) -> None:
    """
    Raises:
        YtError: a pool can be neither copied nor moved.
    """
    if is_pool(call, source):
        where = call.cluster.cypress.path_of(source)
        raise YtError(f"{where}: pools cannot be copied or moved in the local cluster; create another one")


def set_attribute(call: Call, node: Node, steps: list[str], value: Any) -> None:
    """`set` of an attribute of a pool, a tree, or all trees; in effect at once."""
    if not steps:
        raise YtError("All attributes of a pool at once cannot be set in the local cluster; set each")
    cypress = call.cluster.cypress
    if len(steps) > 1:
        old = cypress.attr(node, steps[0], "")
        value = put_at({} if old is None else old, steps[1:], value)
    _change(call, node, steps[0], value)


def remove_attribute(call: Call, node: Node, steps: list[str]) -> None:
    """`remove` of an attribute: the default is in effect again."""
    stored = call.cluster.cypress.attr(node, steps[0], "") if steps else None
    if stored is None:
        raise errors.no_attribute("/".join(steps))
    left = remove_at(stored, steps[1:]) if len(steps) > 1 else None
    _change(call, node, steps[0], left)


def _change(call: Call, node: Node, name: str, value: Any) -> None:
    """None removes."""
    cypress, what = call.cluster.cypress, kind(call.cluster.cypress, node)
    attrs.check_settable(node, name, "")
    if name in FIXED:
        raise YtError(f'Attribute "{name}" of pools cannot be changed in the local cluster')
    if what == TREE:
        _check_tree_attributes([name])
    if what == TREE and name == "config":
        value = {} if value is None else value
        pool_nodes.check_change(cypress, node, None, parse_tree(value))
    if what == POOL:
        changed = {key: item for key, item in cypress.attrs(node, "").items() if key != name}
        if value is not None:
            changed[name] = value
        pool = parse_pool(node.key, str(cypress.attr(node, "parent_name", "")), changed)
        pool_nodes.check_change(cypress, pool_nodes.tree_of(cypress, node), pool)
    if value is None:
        cypress.remove_attr(node, name, "")
    else:
        cypress.set_attr(node, name, value, "")
    call.cluster.refresh_pools()


def remove_node(call: Call, node: Node, path: RichPath) -> None:
    """`remove` of a pool or tree; operations in a removed pool go on in an ephemeral one."""
    cypress, what = call.cluster.cypress, kind(call.cluster.cypress, node)
    if what == ALL:
        raise YtError(f"{path.text} cannot be removed")
    if cypress.children(node, "") and not call.flag("recursive"):
        raise YtError(f'Cannot remove non-empty composite node {path.text}; use "recursive"')
    if what == TREE:
        used = [
            each.operation_id for each in call.cluster.scheduler.slots.members() if node.key in each.options
        ]
        if used:
            raise YtError(
                f'Pool tree "{node.key}" is used by running operations', attributes={"operations": used}
            )
    cypress.remove(node, "")
    if what == TREE:
        pool_nodes.tell_users(cypress)
    call.cluster.refresh_pools()


def set_many(call: Call, node: Node, values: dict[str, Any]) -> None:
    """`multiset_attributes` of a pool."""
    for name, value in values.items():
        _change(call, node, name, value)
