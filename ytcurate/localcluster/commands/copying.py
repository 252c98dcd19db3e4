"""Commands that make nodes from nodes: copy, move, link."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands import pools
from ytcurate.localcluster.commands.cypress import add_node, check_flags, make_node, need_node_path
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.ypath import RichPath, escape
from ytcurate.localcluster.registry import command

KEPT_IF_ASKED = {
    "acl": "preserve_acl",
    "inherit_acl": "preserve_acl",
    "owner": "preserve_owner",
    "expiration_time": "preserve_expiration_time",
    "expiration_timeout": "preserve_expiration_timeout",
}
"""Attributes that a copy has only with a flag."""
KEPT_BY_MOVE = ("preserve_acl", "preserve_owner", "preserve_creation_time")


@dataclass
class Tree:
    """A node and all below it, read before anything changes: the destination may lie inside."""

    node: Node
    attrs: dict[str, Any]
    chunks: list[str]
    children: dict[str, Tree] = field(default_factory=dict)


@command("copy", volatile=True)
def copy(call: Call) -> Any:
    return {"node_id": _clone(call, move=False).id}


@command("move", volatile=True)
def move(call: Call) -> Any:
    return {"node_id": _clone(call, move=True).id}


def _clone(call: Call, *, move: bool) -> Node:
    cypress, tx = call.cluster.cypress, call.tx
    check_flags(call)
    if move and call.flag("ignore_existing"):
        raise YtError('Cannot specify "ignore_existing" for move operation')
    path = call.path("destination_path")
    need_node_path(path)
    target, left = cypress.approach(path, tx)
    # Unlike the destination, a link at the end of the source is followed.
    source = cypress.node(call.path("source_path"), tx)
    pools.refuse_copy(call, source)
    _check_apart(call, source, target)
    if move:
        _lock_for_move(cypress, source, tx)
    if not left and not call.flag("force"):
        if not call.flag("ignore_existing"):
            raise errors.already_exists(cypress.path_of(target))
        if call.flag("lock_existing"):
            cypress.locks.acquire(target, tx, "exclusive")
        return target
    kept = {name for name in set(KEPT_IF_ASKED.values()) | {*KEPT_BY_MOVE} if call.flag(name)}
    kept |= set(KEPT_BY_MOVE if move else ())
    tree = _read(cypress, source, tx, kept)
    if left:
        node = add_node(call, target, left, source.type, tree.attrs)
    else:
        pools.refuse_copy(call, target)
        parent = call.cluster.state.nodes.get(target.parent_id)
        if parent is None:
            raise YtError(f"Node {cypress.path_of(target)} cannot be replaced")
        inside = any(each.id == source.id for each in cypress.subtree(target, tx))
        cypress.remove(target, tx)
        node = cypress.create(parent, target.key, source.type, tx, tree.attrs, call.user)
        move = move and not inside  # it is gone with the node it was in
    _fill(call, node, tree, kept)
    if move:
        cypress.remove(source, tx)
    return node


def _check_apart(call: Call, source: Node, target: Node) -> None:
    """The target, or the last node of the way to it, may be neither the source nor inside it."""
    if target.id == source.id:
        raise YtError("Cannot copy or move a node to itself")
    above: Node | None = target
    while above is not None:
        above = call.cluster.state.nodes.get(above.parent_id)
        if above is not None and above.id == source.id:
            raise YtError("Cannot copy or move a node to its descendant")


def _lock_for_move(cypress: Cypress, source: Node, tx: str) -> None:
    below = list(cypress.subtree(source, tx))
    for each in below:
        cypress.locks.check(each, tx, "exclusive")
    for each in below:
        cypress.locks.acquire(each, tx, "exclusive")
    if not source.parent_id:
        raise YtError(f"Node {cypress.path_of(source)} cannot be removed")


def _read(cypress: Cypress, node: Node, tx: str, kept: set[str]) -> Tree:
    attrs = {
        name: value
        for name, value in cypress.attrs(node, tx).items()
        if KEPT_IF_ASKED.get(name, "") in {*kept, ""}
    }
    children = cypress.children(node, tx) if node.type == "map_node" else {}
    below = {key: _read(cypress, each, tx, kept) for key, each in children.items()}
    return Tree(node, attrs, cypress.chunks(node, tx), below)


def _fill(call: Call, node: Node, tree: Tree, kept: set[str]) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    if tree.chunks:
        cypress.set_chunks(node, tree.chunks, tx, append=False)
    for name, below in tree.children.items():
        _fill(call, cypress.create(node, name, below.node.type, tx, below.attrs, call.user), below, kept)
    if "preserve_creation_time" in kept:
        node.created = tree.node.created
    if "preserve_modification_time" in kept:
        node.modified = tree.node.modified
    if "preserve_owner" in kept:
        node.creator = tree.node.creator


@command("link", volatile=True)
def link(call: Call) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    target, path = call.path("target_path"), call.path("link_path")
    if not call.flag("force"):
        cypress.find(target, tx)
    given = {**call.mapping("attributes"), "target_path": target.text}
    _check_not_cyclic(call, path, target)
    return {"node_id": make_node(call, path, "link", given).id}


def _check_not_cyclic(call: Call, path: RichPath, target: RichPath) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    node, left = cypress.approach(path, tx)
    place = "/".join([cypress.path_of(node), *(escape(step.key) for step in left)])
    if place in cypress.passes(target, tx):
        raise YtError(
            "Failed to create link: link is cyclic",
            attributes={"target_path": target.text, "path": path.text},
        )
