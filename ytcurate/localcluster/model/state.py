"""All records in memory, who changed, and one lock around it all."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.records import Chunk, Layer, Lock, Node, Transaction
from ytcurate.localcluster.model.store import Store, dump


@contextmanager
def collected_later() -> Iterator[None]:
    """For code that makes many objects and no garbage: Python would look through them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class State:
    """The records by id. Every access happens inside `session`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.RLock()
        self.pins: Counter[str] = Counter()
        """Chunks someone is reading or has just written; they are not collected."""
        self.pings: dict[str, float] = {}
        """Last sign of life of each transaction (monotonic clock)."""
        self.garbage = True
        self._depth = 0
        self._dirty: dict[tuple[str, str], Any] = {}
        with collected_later():
            self._load()

    def _load(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.branches: dict[str, dict[str, Layer]] = defaultdict(dict)
        self.transactions: dict[str, Transaction] = {}
        self.locks: dict[str, Lock] = {}
        self.chunks: dict[str, Chunk] = {}
        for key, data in self.store.read_all("nodes"):
            self.nodes[key] = Node.load(data)
        for key, data in self.store.read_all("branches"):
            node_id, _, transaction_id = key.partition("/")
            self.branches[node_id][transaction_id] = Layer.load(data)
        for key, data in self.store.read_all("transactions"):
            self.transactions[key] = Transaction(**data)
            self.pings.setdefault(key, time.monotonic())
        for key, data in self.store.read_all("locks"):
            self.locks[key] = Lock(**data)
        for key, data in self.store.read_all("chunks"):
            self.chunks[key] = Chunk.load(data)
        for node in self.nodes.values():
            parent = self.nodes.get(node.parent_id)
            if parent is not None and parent.owner == node.owner and not node.detached:
                parent.base.children[node.key] = node.id
        meta = dict(self.store.read_all("meta"))
        self.revision = int(meta.get("revision", 1))

    @contextmanager
    def session(self) -> Iterator[None]:
        """Hold the lock; write what changed at the end, or forget it all if the body raised."""
        with self.lock:
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._flush()
            except BaseException:
                if self._dirty and self._depth == 1:
                    self._dirty.clear()
                    with collected_later():
                        self._load()
                raise
            finally:
                self._depth -= 1

    def _flush(self) -> None:
        if not self._dirty:
            return
        changes: dict[tuple[str, str], bytes | None] = {
            key: None if value is None else dump(value.dump() if hasattr(value, "dump") else value)
            for key, value in self._dirty.items()
            if not isinstance(value, Layer)
        }
        for key, value in self._dirty.items():
            if isinstance(value, Layer):
                changes[key] = dump(value.dump(with_children=True))
        changes[("meta", "revision")] = dump(self.revision)
        self.store.write(changes)
        self._dirty.clear()

    @property
    def is_changed(self) -> bool:
        """Is there something to write at the session's end?"""
        return bool(self._dirty)

    def put(self, table: str, key: str, value: Any) -> None:
        """Remember to write `value` (an object with `dump`, or plain YSON data) at the session's end."""
        self._dirty[(table, key)] = value

    def delete(self, table: str, key: str) -> None:
        self._dirty[(table, key)] = None

    def touch(self, node: Node, *, content: bool = False) -> None:
        """A node changed: new revision and modification time."""
        self.revision += 1
        node.revision = self.revision
        node.modified = now()
        if content:
            node.content_revision = self.revision
        self.put("nodes", node.id, node)

    def ancestors(self, transaction_id: str) -> list[str]:
        """The transaction, its parents, and "" for the trunk."""
        chain = []
        while transaction_id:
            chain.append(transaction_id)
            transaction_id = self.transactions[transaction_id].parent_id
        return [*chain, ""]

    def layer(self, node: Node, transaction_id: str) -> Layer:
        """The node's layer at this level, to be changed by the caller; made if there is none."""
        if node.owner == transaction_id:
            self.put("nodes", node.id, node)
            return node.base
        layer = self.branches[node.id].setdefault(transaction_id, Layer())
        self.put("branches", f"{node.id}/{transaction_id}", layer)
        return layer

    def drop_branch(self, node_id: str, transaction_id: str) -> None:
        if transaction_id in self.branches.get(node_id, {}):
            del self.branches[node_id][transaction_id]
            if not self.branches[node_id]:
                del self.branches[node_id]
            self.delete("branches", f"{node_id}/{transaction_id}")
            self.garbage = True

    def pin(self, chunk_ids: list[str]) -> None:
        with self.lock:
            self.pins.update(chunk_ids)

    def unpin(self, chunk_ids: list[str]) -> None:
        with self.lock:
            self.pins.subtract(chunk_ids)
            for chunk_id in chunk_ids:
                if self.pins[chunk_id] <= 0:
                    del self.pins[chunk_id]
            self.garbage = True

    def unreferenced_chunks(self) -> list[str]:
        """Chunks no layer names and nobody holds."""
        used: set[str] = set(self.pins)
        for node in self.nodes.values():
            used.update(node.base.chunks)
        for layers in self.branches.values():
            for layer in layers.values():
                used.update(layer.chunks)
        return [chunk_id for chunk_id in self.chunks if chunk_id not in used]
