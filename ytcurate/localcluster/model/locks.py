"""Locks: who may change what while a transaction is open."""

from __future__ import annotations

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.branches import Branches
from ytcurate.localcluster.model.ids import new_id
from ytcurate.localcluster.model.records import Lock, Node
from ytcurate.localcluster.model.state import State

MODES = ("snapshot", "shared", "exclusive")
"""From the weakest to the strongest."""


class Locks:
    """Acquire, release and pass on. Conflicts are errors 400, 401 and 402, as on a real cluster."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.branches = Branches(state)

    def of(self, node_id: str) -> list[Lock]:
        return list(self.state.node_locks.get(node_id, {}).values())

    def acquire(
        self, node: Node, tx: str, mode: str, *, child_key: str = "", attribute_key: str = ""
    ) -> None:
        """Take a lock for a change, unless the transaction has the same one; outside of all only look.

        Raises:
            YtError: 402 (or 400, 401).
        """
        wanted = Lock("", node.id, tx, mode, child_key, attribute_key, implicit=True)
        conflict = self._conflict(node, wanted)
        if conflict is not None:
            raise conflict
        if tx and not self._has(wanted):
            self._hold(node, wanted)

    def check(self, node: Node, tx: str, mode: str) -> None:
        """Raise what `acquire` would."""
        conflict = self._conflict(node, Lock("", node.id, tx, mode))
        if conflict is not None:
            raise conflict

    def take(
        self,
        node: Node,
        tx: str,
        mode: str,
        *,
        child_key: str = "",
        attribute_key: str = "",
        wait: bool = False,
    ) -> Lock:
        """The command `lock`: a lock of its own, pending if it has to wait.

        Raises:
            YtError: 402 (or 400, 401) and it is not to wait.
        """
        lock = Lock("", node.id, tx, mode, child_key, attribute_key)
        conflict = self._conflict(node, lock)
        if conflict is None:
            self._hold(node, lock)
            return lock
        if not wait or mode == "snapshot":
            raise conflict
        lock.id, lock.state = new_id("lock"), "pending"
        self.state.add_lock(lock)
        return lock

    def _hold(self, node: Node, lock: Lock) -> None:
        lock.id, lock.state = lock.id or new_id("lock"), "acquired"
        self.state.add_lock(lock)
        if lock.mode == "snapshot":
            self.branches.freeze(node, lock.transaction_id)
        else:
            self.branches.own(node, lock.transaction_id)

    def _has(self, wanted: Lock) -> bool:
        """Does its transaction hold another lock of the same mode and key?"""
        return any(
            each.transaction_id == wanted.transaction_id
            and each.mode == wanted.mode
            and each.key == wanted.key
            and each.state == "acquired"
            and each.id != wanted.id
            for each in self.of(wanted.node_id)
        )

    def _conflict(self, node: Node, wanted: Lock) -> YtError | None:
        """Why this lock cannot be had now, or None."""
        tx, mode = wanted.transaction_id, wanted.mode
        held = [each for each in self.of(node.id) if each.state == "acquired"]
        if not held:
            return None
        frozen = {each.transaction_id for each in held if each.mode == "snapshot"}
        path, chain = self._path(node), self.state.ancestors(tx)
        if tx in frozen:
            return None if mode == "snapshot" else errors.own_lock(mode, path, "snapshot", "same", tx)
        if mode == "snapshot":
            return self._no_snapshot(tx, path, [each for each in held if each.mode != "snapshot"])
        for above in chain[1:]:
            if above in frozen:
                return errors.own_lock(mode, path, "snapshot", "parent", above)
        changing = [each for each in held if each.mode != "snapshot"]
        for each in sorted(changing, key=lambda lock: lock.mode != "exclusive"):
            if each.transaction_id not in chain and _stops(each, wanted):
                return self._lost(path, wanted, each)
        return None

    def _no_snapshot(self, tx: str, path: str, held: list[Lock]) -> YtError | None:
        own = [each.mode for each in held if each.transaction_id == tx]
        if own:
            return errors.own_lock("snapshot", path, max(own, key=MODES.index), "same", tx)
        below = [each.mode for each in held if tx in self.state.ancestors(each.transaction_id)]
        return errors.descendant_lock("snapshot", path, max(below, key=MODES.index)) if below else None

    def _lost(self, path: str, wanted: Lock, winner: Lock) -> YtError:
        transaction = self.state.transactions[winner.transaction_id]
        about = {"id": transaction.id, "start_time": transaction.started, "timeout": transaction.timeout_ms}
        if "title" in transaction.attributes:
            about["title"] = transaction.attributes["title"]
        return errors.lock_conflict(
            wanted.mode, path, winner.mode, about, wanted.child_key, wanted.attribute_key
        )

    def grant_pending(self) -> None:
        """Something was released: give waiting locks what they can have now."""
        for lock in [each for each in self.state.locks.values() if each.state == "pending"]:
            node = self.state.nodes.get(lock.node_id)
            if node is not None and self._conflict(node, lock) is None:
                self._hold(node, lock)

    def promote(self, lock: Lock, parent: str) -> None:
        """At a commit: to the parent transaction; gone if there is none, or none is needed there."""
        redundant = lock.implicit and self._has(Lock("", lock.node_id, parent, lock.mode, *lock.key))
        if not parent or lock.mode == "snapshot" or redundant:
            self.state.drop_lock(lock)
        else:
            lock.transaction_id = parent
            self.state.add_lock(lock)

    def _path(self, node: Node) -> str:
        keys = []
        current: Node | None = node
        while current is not None and current.parent_id:
            keys.append(ypath.escape(current.key))
            current = self.state.nodes.get(current.parent_id)
        return "/" + "".join("/" + key for key in reversed(keys)) if keys else "/"


def _stops(held: Lock, wanted: Lock) -> bool:
    """Are two locks of strangers at odds? (Neither is a snapshot.)"""
    if "exclusive" in (held.mode, wanted.mode):
        return True
    return wanted.key != ("", "") and held.key == wanted.key
