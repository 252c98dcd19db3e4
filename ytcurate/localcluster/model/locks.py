"""Locks: who may change what while a transaction is open."""

from __future__ import annotations

from collections import defaultdict

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import new_id
from ytcurate.localcluster.model.records import Layer, Lock, Node
from ytcurate.localcluster.model.state import State


class Locks:
    """Acquire, release and pass on. Conflicts are errors 400, 401 and 402, as on a real cluster."""

    def __init__(self, state: State) -> None:
        self.state = state

    def of(self, node_id: str) -> list[Lock]:
        return self._index().get(node_id, [])

    def _index(self) -> dict[str, list[Lock]]:
        # Locks are few (a handful per open transaction); an index kept by hand would have to follow
        # every reload of the state.
        index: dict[str, list[Lock]] = defaultdict(list)
        for lock in self.state.locks.values():
            index[lock.node_id].append(lock)
        return index

    def conflict(self, node: Node, tx: str, mode: str, child_key: str, attribute_key: str) -> YtError | None:
        """Why this lock cannot be had now, or None."""
        chain = self.state.ancestors(tx)
        for lock in self.state.locks.values():
            if lock.node_id != node.id or lock.state != "acquired":
                continue
            if lock.mode == "snapshot" or mode == "snapshot":
                if lock.transaction_id == tx and lock.mode != mode and tx:
                    code = errors.SAME_TRANSACTION_LOCK
                    return errors.lock_conflict(code, mode, node.key, lock.mode, lock.transaction_id)
                continue
            if lock.transaction_id in chain:
                continue
            if mode == "shared" and lock.mode == "shared":
                same_child = child_key and child_key == lock.child_key
                same_attribute = attribute_key and attribute_key == lock.attribute_key
                if not same_child and not same_attribute:
                    continue
            nested = tx and tx in self.state.ancestors(lock.transaction_id)
            code = errors.DESCENDANT_LOCK if nested else errors.LOCK_CONFLICT
            key = child_key or attribute_key
            return errors.lock_conflict(code, mode, self._path(node), lock.mode, lock.transaction_id, key)
        return None

    def acquire(
        self,
        node: Node,
        tx: str,
        mode: str,
        *,
        child_key: str = "",
        attribute_key: str = "",
        waitable: bool = False,
    ) -> Lock | None:
        """Take a lock; outside a transaction only look whether it could be taken.

        Raises:
            YtError: 402 (or 400, 401) and it is not `waitable`.
        """
        conflict = self.conflict(node, tx, mode, child_key, attribute_key)
        if conflict is not None and not (waitable and conflict.code == errors.LOCK_CONFLICT):
            raise conflict
        if not tx:
            return None
        for lock in self.state.locks.values():
            same = (lock.node_id, lock.transaction_id, lock.child_key, lock.attribute_key)
            if same == (node.id, tx, child_key, attribute_key) and lock.mode == mode:
                return lock
        lock = Lock(new_id("lock"), node.id, tx, mode, child_key, attribute_key)
        lock.state = "acquired" if conflict is None else "pending"
        self.state.locks[lock.id] = lock
        self.state.put("locks", lock.id, lock)
        return lock

    def grant_pending(self) -> None:
        """Something was released: give waiting locks what they can have now."""
        for lock in list(self.state.locks.values()):
            node = self.state.nodes.get(lock.node_id)
            if lock.state != "pending" or node is None:
                continue
            if not self.conflict(node, lock.transaction_id, lock.mode, lock.child_key, lock.attribute_key):
                lock.state = "acquired"
                self.state.put("locks", lock.id, lock)

    def freeze(self, node: Node, tx: str, layer: Layer) -> None:
        """Pin the version `layer` for `tx`, unless it already has one."""
        if tx not in self.state.branches.get(node.id, {}) and node.owner != tx:
            layer.frozen = True
            self.state.branches[node.id][tx] = layer
            self.state.put("branches", f"{node.id}/{tx}", layer)

    def release(self, lock: Lock) -> None:
        self.state.locks.pop(lock.id, None)
        self.state.delete("locks", lock.id)

    def _path(self, node: Node) -> str:
        keys = []
        current: Node | None = node
        while current is not None and current.parent_id:
            keys.append(current.key)
            current = self.state.nodes.get(current.parent_id)
        return "/" + "".join("/" + key for key in reversed(keys)) if keys else "/"
