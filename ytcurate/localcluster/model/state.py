"""All records in memory, who changed, and one lock around it all."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
        self.node_locks: dict[str, dict[str, Lock]] = defaultdict(dict)
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
            self.locks[key] = Lock.load(data)
            self.node_locks[self.locks[key].node_id][key] = self.locks[key]
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

    def ancestors(self, transaction_id: str) -> list[str]:
        """The transaction, its parents, and "" for the trunk."""
        chain = []
        while transaction_id:
            chain.append(transaction_id)
            transaction_id = self.transactions[transaction_id].parent_id
        return [*chain, ""]

    def add_lock(self, lock: Lock) -> None:
        self.locks[lock.id] = self.node_locks[lock.node_id][lock.id] = lock
        self.put("locks", lock.id, lock)

    def drop_lock(self, lock: Lock) -> None:
        self.locks.pop(lock.id, None)
        self.node_locks[lock.node_id].pop(lock.id, None)
        if not self.node_locks[lock.node_id]:
            del self.node_locks[lock.node_id]
        self.delete("locks", lock.id)

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
                used.update(layer.seen)
        return [chunk_id for chunk_id in self.chunks if chunk_id not in used]
