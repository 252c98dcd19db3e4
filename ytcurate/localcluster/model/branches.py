"""What each transaction sees of a node: its base and, above it, a branch for every level that changed it.

A lock that allows changes makes a branch in its transaction and in those around it, so that the content
of a table stays what it was at that moment, whatever is appended outside meanwhile.
"""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.records import GONE, Layer, Node
from ytcurate.localcluster.model.state import State


class Branches:
    """Reading and making the layers of nodes. `tx` is a transaction id, "" for none."""

    def __init__(self, state: State) -> None:
        self.state = state

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

    def children(self, node: Node, tx: str) -> dict[str, str]:
        """Keys to ids."""
        merged: dict[str, str | None] = {}
        for layer in self.layers(node, tx):
            merged.update(layer.children)
        return {key: child_id for key, child_id in merged.items() if child_id}

    def attrs(self, node: Node, tx: str) -> dict[str, Any]:
        """Stored attributes: the user's and the settable built-in ones."""
        merged: dict[str, Any] = {}
        for layer in self.layers(node, tx):
            merged.update(layer.attrs)
        return {name: value for name, value in merged.items() if value is not GONE}

    def chunks(self, node: Node, tx: str) -> list[str]:
        top = self.layers(node, tx)[-1]
        return [*top.seen, *top.chunks]

    def stamp(self, node: Node, tx: str) -> Node | Layer:
        """What carries the revision and the time of the last change that `tx` sees."""
        top = self.layers(node, tx)[-1]
        return node if top is node.base else top

    def touch(self, node: Node, tx: str, *, content: bool = False) -> None:
        """The node was changed at this level: new revision and modification time."""
        self.own(node, tx)
        stamp = self.stamp(node, tx)
        self.state.revision += 1
        stamp.revision, stamp.modified = self.state.revision, now()
        if content:
            stamp.content_revision = self.state.revision

    def own(self, node: Node, tx: str) -> Layer:
        """The node's layer at this level, to be changed by the caller; made if there is none."""
        if node.owner == tx:
            self.state.put("nodes", node.id, node)
            return node.base
        branches = self.state.branches[node.id]
        missing = []
        for level in self.state.ancestors(tx):
            if level in branches or level == node.owner:
                break
            missing.append(level)
        for level in reversed(missing):
            branches[level] = Layer(seen=self.chunks(node, level))
            self._begin(node, level)
        self.state.put("branches", f"{node.id}/{tx}", branches[tx])
        return branches[tx]

    def freeze(self, node: Node, tx: str) -> None:
        """Pin the version `tx` sees now, unless it has a version of its own already."""
        branches = self.state.branches[node.id]
        if tx not in branches:
            children: dict[str, str | None] = dict(self.children(node, tx))
            attrs, chunks = self.attrs(node, tx), self.chunks(node, tx)
            branches[tx] = Layer(children, attrs, chunks, "overwrite", frozen=True)
            self._begin(node, tx)

    def _begin(self, node: Node, level: str) -> None:
        """A new branch has the revision of what lies below."""
        layer = self.state.branches[node.id].pop(level)
        below = self.stamp(node, level)
        self.state.branches[node.id][level] = layer
        layer.revision, layer.modified = below.revision, below.modified
        layer.content_revision = below.content_revision
        self.state.put("branches", f"{node.id}/{level}", layer)
