"""The tree as one transaction sees it, and changes to it at that transaction's level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.model.locks import Locks
from ytcurate.localcluster.model.records import GONE, Layer, Node
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.ypath import RichPath, Step

MAX_LINKS = 16


@dataclass
class Found:
    """Where a path leads: a node, and steps left over inside a document's value."""

    node: Node
    rest: list[str]


class Cypress:
    """Reading and changing nodes. `tx` is a transaction id, "" for none."""

    def __init__(self, state: State, locks: Locks) -> None:
        self.state = state
        self.locks = locks

    # ---- what a transaction sees

    def layers(self, node: Node, tx: str) -> list[Layer]:
        """The layers visible to `tx`, lowest first; a snapshot lock is the only layer."""
        branches = self.state.branches.get(node.id)
        if not branches:
            return [node.base]
        chain = self.state.ancestors(tx)
        for level in chain:
            if level in branches and branches[level].frozen:
                return [branches[level]]
        return [node.base, *(branches[level] for level in reversed(chain) if level in branches)]

    def child(self, node: Node, key: str, tx: str) -> Node | None:
        for layer in reversed(self.layers(node, tx)):
            if key in layer.children:
                child_id = layer.children[key]
                return self.state.nodes.get(child_id) if child_id else None
        return None

    def children(self, node: Node, tx: str) -> dict[str, Node]:
        merged: dict[str, str | None] = {}
        for layer in self.layers(node, tx):
            merged.update(layer.children)
        nodes = self.state.nodes
        return {key: nodes[child_id] for key, child_id in merged.items() if child_id and child_id in nodes}

    def attrs(self, node: Node, tx: str) -> dict[str, Any]:
        """Stored attributes: the user's and the settable built-in ones."""
        merged: dict[str, Any] = {}
        for layer in self.layers(node, tx):
            merged.update(layer.attrs)
        return {name: value for name, value in merged.items() if value is not GONE}

    def attr(self, node: Node, name: str, tx: str, default: Any = None) -> Any:
        for layer in reversed(self.layers(node, tx)):
            if name in layer.attrs:
                value = layer.attrs[name]
                return default if value is GONE else value
        return default

    def chunks(self, node: Node, tx: str) -> list[str]:
        merged: list[str] = []
        for layer in self.layers(node, tx):
            merged = (
                list(layer.chunks)
                if layer.content != "append" and (layer.content or layer is node.base or layer.frozen)
                else merged + layer.chunks
            )
        return merged

    def path_of(self, node: Node) -> str:
        keys: list[str] = []
        current = node
        while current.parent_id and current.parent_id in self.state.nodes:
            keys.append(ypath.escape(current.key))
            current = self.state.nodes[current.parent_id]
        return "/" + "".join("/" + key for key in reversed(keys)) if keys else "/"

    # ---- paths

    @property
    def root(self) -> Node:
        return self.state.nodes["root"]

    def find(self, path: RichPath | str, tx: str, *, follow: bool = True) -> Found:
        """Follow a path. `follow` says whether a link at the very end is followed.

        Raises:
            YtError: code 500, nothing is there.
        """
        rich = ypath.parse(path) if isinstance(path, str) else path
        start = self._object(rich, tx)
        try:
            return self._walk(start, rich.steps, rich, tx, follow and not rich.root_itself, 0)
        except YtError as error:
            snapshot = self._snapshot_at(rich, tx) if error.code == errors.RESOLVE else None
            if snapshot is None:
                raise
            return Found(snapshot, [])

    def node(self, path: RichPath | str, tx: str, *, follow: bool = True) -> Node:
        """As `find`, but the whole path must name a node."""
        found = self.find(path, tx, follow=follow)
        if found.rest:
            raise errors.no_child(str(path), self.path_of(found.node), found.rest[0])
        return found.node

    def exists(self, path: RichPath | str, tx: str) -> bool:
        try:
            self.find(path, tx)
        except YtError as error:
            if error.code == errors.RESOLVE:
                return False
            raise
        return True

    def _object(self, rich: RichPath, tx: str) -> Node:
        if not rich.root:
            return self.root
        node = self.state.nodes.get(rich.root)
        if node is None or (node.owner and node.owner not in self.state.ancestors(tx)):
            raise errors.no_object(rich.root)
        return node

    def _walk(
        self, node: Node, steps: list[Step], rich: RichPath, tx: str, follow: bool, links: int
    ) -> Found:
        stay = rich.root_itself
        for index, step in enumerate(steps):
            if node.type == "link" and not stay:
                node, links = self._target(node, rich, tx, links)
            if node.type == "document":
                return Found(node, [item.key for item in steps[index:]])
            if node.type != "map_node":
                raise errors.resolve(rich.text, f"Node {self.path_of(node)} cannot have children")
            child = self.child(node, step.key, tx)
            if child is None:
                raise errors.no_child(rich.text, self.path_of(node), step.key)
            node, stay = child, step.itself
        if node.type == "link" and follow and not stay:
            node, links = self._target(node, rich, tx, links)
        return Found(node, [])

    def _target(self, link: Node, rich: RichPath, tx: str, links: int) -> tuple[Node, int]:
        if links >= MAX_LINKS:
            raise errors.resolve(rich.text, "Too many links")
        target = ypath.parse(self.attr(link, "target_path", tx, ""))
        found = self._walk(self._object(target, tx), target.steps, target, tx, True, links + 1)
        return found.node, links + 1

    def _snapshot_at(self, rich: RichPath, tx: str) -> Node | None:
        """A node removed outside stays reachable by path in the transaction that locked its snapshot."""
        if not tx or rich.root:
            return None
        chain = set(self.state.ancestors(tx))
        wanted = "/" + "".join("/" + ypath.escape(step.key) for step in rich.steps)
        for lock in self.state.locks.values():
            if lock.mode == "snapshot" and lock.transaction_id in chain:
                node = self.state.nodes[lock.node_id]
                if node.detached and self.path_of(node) == wanted:
                    return node
        return None

    # ---- changes

    def create(self, parent: Node, key: str, kind: str, tx: str, attrs: dict[str, Any], user: str) -> Node:
        """Add a child. The caller has seen to it that the key is free or removed."""
        if parent.type != "map_node":
            raise errors.resolve(self.path_of(parent), f"Node {self.path_of(parent)} cannot have children")
        if not key:
            raise YtError("A child's key cannot be empty")
        self.locks.acquire(parent, tx, "shared", child_key=key)
        self.state.revision += 1
        at, revision = now(), self.state.revision
        node = Node(new_id(kind), kind, parent.id, key, tx, at, at, at, revision, revision, user)
        node.base.attrs.update(attrs)
        self.state.nodes[node.id] = node
        self.state.put("nodes", node.id, node)
        self.state.layer(parent, tx).children[key] = node.id
        self.state.touch(parent)
        return node

    def ensure_parents(self, path: RichPath, tx: str, user: str) -> Node:
        """The map node above the path's last step, made with its own parents where missing."""
        upper, _ = path.parent()
        node = self._object(upper, tx)
        for step in upper.steps:
            if node.type == "link":
                node, _ = self._target(node, path, tx, 0)
            child = self.child(node, step.key, tx)
            node = child if child is not None else self.create(node, step.key, "map_node", tx, {}, user)
        return self._target(node, path, tx, 0)[0] if node.type == "link" else node

    def remove(self, node: Node, tx: str) -> None:
        """Take a node and all below it out of the tree, as `tx` sees it."""
        parent = self.state.nodes.get(node.parent_id)
        if parent is None:
            raise YtError("The root of the tree cannot be removed")
        self.locks.acquire(parent, tx, "shared", child_key=node.key)
        for below in self.subtree(node, tx):
            self.locks.acquire(below, tx, "exclusive")
        layer = self.state.layer(parent, tx)
        if node.owner == tx:
            self._hide(parent, layer, node.key)
            self.drop(node)
        else:
            layer.children[node.key] = None
        self.state.touch(parent)

    def _hide(self, parent: Node, layer: Layer, key: str) -> None:
        """Forget a child at this level, but keep hiding one that may lie below."""
        if layer is parent.base:
            layer.children.pop(key, None)
        else:
            layer.children[key] = None

    def subtree(self, node: Node, tx: str) -> Iterator[Node]:
        yield node
        if node.type == "map_node":
            for child in self.children(node, tx).values():
                yield from self.subtree(child, tx)

    def drop(self, node: Node) -> None:
        """Delete a node's records and those below; one with a snapshot lock is only detached."""
        for child_id in list(node.base.children.values()):
            if child_id and child_id in self.state.nodes:
                self.drop(self.state.nodes[child_id])
        self.state.garbage = True
        held = [lock for lock in self.locks.of(node.id) if lock.mode == "snapshot"]
        if held:
            node.detached = True
            self.state.put("nodes", node.id, node)
            return
        for transaction_id in list(self.state.branches.get(node.id, {})):
            self.state.drop_branch(node.id, transaction_id)
        for lock in list(self.locks.of(node.id)):
            self.locks.release(lock)
        self.state.nodes.pop(node.id, None)
        self.state.delete("nodes", node.id)

    def set_attr(self, node: Node, name: str, value: Any, tx: str) -> None:
        self.locks.acquire(node, tx, "shared", attribute_key=name)
        self.state.layer(node, tx).attrs[name] = value
        self.state.touch(node)

    def remove_attr(self, node: Node, name: str, tx: str) -> None:
        self.locks.acquire(node, tx, "shared", attribute_key=name)
        layer = self.state.layer(node, tx)
        if layer is node.base:
            layer.attrs.pop(name, None)
        else:
            layer.attrs[name] = GONE
        self.state.touch(node)

    def set_chunks(self, node: Node, chunks: list[str], tx: str, *, append: bool) -> None:
        """Replace or extend the content of a table or file. The caller holds the lock for it."""
        layer = self.state.layer(node, tx)
        if not append:
            layer.chunks, layer.content = list(chunks), "overwrite"
        else:
            layer.chunks = layer.chunks + chunks
            layer.content = layer.content or ("" if layer is node.base else "append")
        self.state.garbage = True
        self.state.touch(node, content=True)
