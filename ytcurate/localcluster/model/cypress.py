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

MAX_LINKS = 100
VALUE_TYPES = ("document", "list_node")
"""Nodes with a value that paths lead into."""


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
        self.branches = locks.branches

    # ---- what a transaction sees

    def child(self, node: Node, key: str, tx: str) -> Node | None:
        for layer in reversed(self.branches.layers(node, tx)):
            if key in layer.children:
                child_id = layer.children[key]
                return self.state.nodes.get(child_id) if child_id else None
        return None

    def children(self, node: Node, tx: str) -> dict[str, Node]:
        nodes = self.state.nodes
        found = self.branches.children(node, tx)
        return {key: nodes[child_id] for key, child_id in found.items() if child_id in nodes}

    def attrs(self, node: Node, tx: str) -> dict[str, Any]:
        """Stored attributes: the user's and the settable built-in ones."""
        return self.branches.attrs(node, tx)

    def attr(self, node: Node, name: str, tx: str, default: Any = None) -> Any:
        for layer in reversed(self.branches.layers(node, tx)):
            if name in layer.attrs:
                value = layer.attrs[name]
                return default if value is GONE else value
        return default

    def chunks(self, node: Node, tx: str) -> list[str]:
        return self.branches.chunks(node, tx)

    def path_of(self, node: Node) -> str:
        keys: list[str] = []
        current = node
        while current.parent_id and current.parent_id in self.state.nodes:
            keys.append(ypath.escape(current.key))
            current = self.state.nodes[current.parent_id]
        if current.parent_id or current.detached:
            return f"#{current.id}" + "".join("/" + key for key in reversed(keys))
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
        node, left = self._approach(rich, tx, rich, 0)
        if follow and not left:
            node, left = self._through(node, rich, tx, rich, 0)
        if not left:
            return Found(node, [])
        if node.type in VALUE_TYPES:
            return Found(node, [step.key for step in left])
        if node.type != "map_node":
            raise errors.resolve(rich.text, errors.cannot_have_children(self.path_of(node)))
        raise errors.resolve(rich.text, errors.missing_child(self.path_of(node), left[0].key))

    def approach(self, path: RichPath, tx: str) -> tuple[Node, list[Step]]:
        """As far as a path leads: the last node there is and the steps left. A link at its end stays one."""
        return self._approach(path, tx, path, 0)

    def _approach(self, rich: RichPath, tx: str, asked: RichPath, links: int) -> tuple[Node, list[Step]]:
        node, so_far = self._object(rich, tx, asked), rich.upto(0)
        for index, step in enumerate(rich.steps):
            node, left = self._through(node, so_far, tx, asked, links)
            child = self.child(node, step.key, tx) if node.type == "map_node" and not left else None
            if child is None:
                return node, [*left, *rich.steps[index:]]
            node, so_far = child, rich.upto(index + 1)
        return node, []

    def _through(
        self, node: Node, path: RichPath, tx: str, asked: RichPath, links: int
    ) -> tuple[Node, list[Step]]:
        """Where a node leads if it is a link that `path`, which ends at it, does not mean itself."""
        if node.type != "link" or (path.steps[-1].itself if path.steps else path.root_itself):
            return node, []
        if links >= MAX_LINKS:
            raise errors.resolve(asked.text, YtError(f"Path {asked.text} exceeds resolve depth limit"))
        target = ypath.parse(self.attr(node, "target_path", tx, ""))
        node, left = self._approach(target, tx, asked, links + 1)
        return (node, left) if left else self._through(node, target, tx, asked, links + 1)

    def passes(self, path: RichPath, tx: str) -> set[str]:
        """Paths of all links that a path leads through, and of where it ends."""
        found: set[str] = set()
        for _ in range(MAX_LINKS):
            node, left = self.approach(path, tx)
            found.add("/".join([self.path_of(node), *(ypath.escape(step.key) for step in left)]))
            if left or node.type != "link":
                break
            found.add(self.path_of(node))
            path = ypath.parse(self.attr(node, "target_path", tx, ""))
        return found

    def node(self, path: RichPath | str, tx: str, *, follow: bool = True) -> Node:
        """As `find`, but the whole path must name a node."""
        rich = ypath.parse(path) if isinstance(path, str) else path
        found = self.find(rich, tx, follow=follow)
        if found.rest:
            raise errors.resolve(rich.text, errors.missing_child(self.path_of(found.node), found.rest[0]))
        return found.node

    def exists(self, path: RichPath | str, tx: str) -> bool:
        try:
            self.find(path, tx)
        except YtError as error:
            if error.code == errors.RESOLVE:
                return False
            raise
        return True

    def _object(self, rich: RichPath, tx: str, asked: RichPath) -> Node:
        if not rich.root:
            return self.root
        node = self.state.nodes.get(rich.root)
        if node is None or (node.owner and node.owner not in self.state.ancestors(tx)):
            raise errors.resolve(asked.text, errors.no_object(rich.root))
        return node

    # ---- changes

    def create(self, parent: Node, key: str, kind: str, tx: str, attrs: dict[str, Any], user: str) -> Node:
        """Add a child. The caller has seen to it that the key is free or removed."""
        if parent.type != "map_node":
            raise errors.cannot_have_children(self.path_of(parent))
        if not key:
            raise YtError("Child key cannot be empty")
        self.locks.acquire(parent, tx, "shared", child_key=key)
        self.state.revision += 1
        at, revision = now(), self.state.revision
        node = Node(new_id(kind), kind, parent.id, key, tx, at, at, at, revision, revision, user)
        node.base.attrs.update(attrs)
        self.state.nodes[node.id] = node
        self.state.put("nodes", node.id, node)
        self.locks.acquire(node, tx, "exclusive")
        self.branches.own(parent, tx).children[key] = node.id
        self.branches.touch(parent, tx)
        return node

    def ensure_parents(self, path: RichPath, tx: str, user: str) -> Node:
        """The map node above the path's last step, made with its own parents where missing."""
        upper, _ = path.parent()
        node, left = self.approach(upper, tx)
        if not left:
            node, left = self._through(node, upper, tx, path, 0)
        for step in left:
            node = self.create(node, step.key, "map_node", tx, {}, user)
        return node

    def remove(self, node: Node, tx: str) -> None:
        """Take a node and all below it out of the tree, as `tx` sees it."""
        parent = self.state.nodes.get(node.parent_id)
        if parent is None:
            raise YtError(f"Node {self.path_of(node)} cannot be removed")
        # Before the first is taken: a refusal then changes nothing.
        below = list(self.subtree(node, tx))
        for each in below:
            self.locks.check(each, tx, "exclusive")
        for each in below:
            self.locks.acquire(each, tx, "exclusive")
        self.locks.acquire(parent, tx, "shared", child_key=node.key)
        layer = self.branches.own(parent, tx)
        if node.owner == tx:
            self._hide(parent, layer, node.key)
            self.drop(node)
        else:
            layer.children[node.key] = None
        self.branches.touch(parent, tx)

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
        """Delete a node's records and those below, unless a snapshot lock still shows them."""
        self.state.garbage = True
        if self._is_pinned(node):
            node.detached = True
            self.state.put("nodes", node.id, node)
            return
        for child_id in list(node.base.children.values()):
            if child_id and child_id in self.state.nodes:
                self.drop(self.state.nodes[child_id])
        for transaction_id in list(self.state.branches.get(node.id, {})):
            self.state.drop_branch(node.id, transaction_id)
        for lock in self.locks.of(node.id):
            self.state.drop_lock(lock)
        self.state.nodes.pop(node.id, None)
        self.state.delete("nodes", node.id)

    def _is_pinned(self, node: Node) -> bool:
        """Is there a snapshot of the node, or one of its parent that lists it?"""
        if any(lock.mode == "snapshot" for lock in self.locks.of(node.id)):
            return True
        above = self.state.branches.get(node.parent_id, {}).values()
        return any(layer.frozen and layer.children.get(node.key) == node.id for layer in above)

    def set_attr(self, node: Node, name: str, value: Any, tx: str) -> None:
        self._lock_attr(node, name, tx)
        self.branches.own(node, tx).attrs[name] = value
        self.branches.touch(node, tx)

    def remove_attr(self, node: Node, name: str, tx: str) -> None:
        self._lock_attr(node, name, tx)
        layer = self.branches.own(node, tx)
        if layer is node.base:
            layer.attrs.pop(name, None)
        else:
            layer.attrs[name] = GONE
        self.branches.touch(node, tx)

    def _lock_attr(self, node: Node, name: str, tx: str) -> None:
        if name.startswith("\0"):  # the value or the schema, and no attribute
            self.locks.acquire(node, tx, "exclusive")
        else:
            self.locks.acquire(node, tx, "shared", attribute_key=name)

    def set_chunks(self, node: Node, chunks: list[str], tx: str, *, append: bool) -> None:
        """Replace or extend the content of a table or file. The caller holds the lock for it."""
        layer = self.branches.own(node, tx)
        if append:
            layer.chunks = layer.chunks + chunks
            layer.content = layer.content or ("" if layer is node.base else "append")
        else:
            layer.chunks, layer.seen, layer.content = list(chunks), [], "overwrite"
        self.state.garbage = True
        self.branches.touch(node, tx, content=True)
