"""Transactions: start, ping, commit into the parent, abort, and death by silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.ids import NULL_ID, new_id, now
from ytcurate.localcluster.model.records import GONE, Layer, Node, Transaction
from ytcurate.localcluster.model.state import State

MAX_TIMEOUT_MS = 3_600_000


class Transactions:
    def __init__(self, state: State, cypress: Cypress) -> None:
        self.state = state
        self.cypress = cypress
        self.on_abort: Callable[[str], None] = lambda transaction_id: None
        """Told of every transaction to be aborted, before those inside it, so that its operations end too."""

    def check(self, transaction_id: Any) -> str:
        """A parameter's value as an id, "" for none.

        Raises:
            YtError: 11000, it is over or never was.
        """
        text = str(transaction_id or "")
        if text in ("", NULL_ID):
            return ""
        if text not in self.state.transactions:
            raise errors.no_transaction(text)
        return text

    def start(
        self, parent_id: str, timeout_ms: int, attributes: dict[str, Any], deadline: float = 0.0
    ) -> Transaction:
        """Open a transaction. `timeout_ms` 0: it needs no pings (used by operations)."""
        timeout_ms = min(timeout_ms, MAX_TIMEOUT_MS)
        transaction = Transaction(new_id("transaction"), parent_id, now(), timeout_ms, attributes, deadline)
        self.state.transactions[transaction.id] = transaction
        self.state.pings[transaction.id] = time.monotonic()
        self.state.put("transactions", transaction.id, transaction)
        return transaction

    def ping(self, transaction_id: str, ancestors: bool) -> None:
        chain = self.state.ancestors(transaction_id)[:-1] if ancestors else [transaction_id]
        for each in chain:
            self.state.pings[each] = time.monotonic()

    def nested(self, transaction_id: str) -> list[str]:
        return [each.id for each in self.state.transactions.values() if each.parent_id == transaction_id]

    def commit(self, transaction_id: str) -> None:
        """Move everything the transaction did to its parent, or to the trunk.

        Transactions still open inside it are aborted first.
        """
        for nested in self.nested(transaction_id):
            self.abort(nested)
        parent = self.state.transactions[transaction_id].parent_id
        branched = [
            (node_id, layers[transaction_id])
            for node_id, layers in list(self.state.branches.items())
            if transaction_id in layers
        ]
        # Owners move first: a child made here must already be its parent's equal when the
        # parent's branch is merged.
        for node in list(self.state.nodes.values()):
            if node.owner == transaction_id:
                node.owner = parent
                self.state.put("nodes", node.id, node)
        for node_id, layer in branched:
            # Taking the branch away before merging: dropping a child may delete this very node.
            self.state.drop_branch(node_id, transaction_id)
            target = self.state.nodes.get(node_id)
            if target is not None and not layer.frozen and not target.detached:
                self._merge(target, layer, parent)
        for lock in [each for each in self.state.locks.values() if each.transaction_id == transaction_id]:
            self.cypress.locks.promote(lock, parent)
        self._forget(transaction_id)

    def _merge(self, node: Node, layer: Layer, level: str) -> None:
        target = self.cypress.branches.own(node, level)
        base = target is node.base
        for key, child_id in layer.children.items():
            old = target.children.get(key)
            if old and old != child_id and old in self.state.nodes and self.state.nodes[old].owner == level:
                self.cypress.drop(self.state.nodes[old])
            if child_id is None and base:
                target.children.pop(key, None)
            else:
                target.children[key] = child_id
        for name, value in layer.attrs.items():
            if value is GONE and base:
                target.attrs.pop(name, None)
            else:
                target.attrs[name] = value
        if layer.content:
            self.cypress.set_chunks(node, layer.chunks, level, append=layer.content == "append")
        self.cypress.branches.touch(node, level, content=bool(layer.content))

    def abort(self, transaction_id: str) -> None:
        """Forget everything the transaction and those inside it did."""
        if transaction_id not in self.state.transactions:
            return  # it went with another that ended
        self.on_abort(transaction_id)
        for nested in self.nested(transaction_id):
            self.abort(nested)
        for node_id in [each for each, layers in self.state.branches.items() if transaction_id in layers]:
            self.state.drop_branch(node_id, transaction_id)
        for lock in [each for each in self.state.locks.values() if each.transaction_id == transaction_id]:
            self.state.drop_lock(lock)
        for node in [each for each in self.state.nodes.values() if each.owner == transaction_id]:
            if node.id in self.state.nodes:
                self.cypress.drop(node)
        self._forget(transaction_id)

    def _forget(self, transaction_id: str) -> None:
        self.state.transactions.pop(transaction_id, None)
        self.state.pings.pop(transaction_id, None)
        self.state.delete("transactions", transaction_id)
        for each in list(self.state.transactions.values()):
            needed = each.attributes.get("prerequisite_transaction_ids") or []
            if transaction_id in needed and each.id in self.state.transactions:
                self.abort(each.id)
        for node in [each for each in self.state.nodes.values() if each.detached]:
            if node.id in self.state.nodes:
                self.cypress.drop(node)
        self.cypress.locks.grant_pending()

    def expire(self) -> list[str]:
        """Abort what was not pinged in time or is past its deadline; returns the ids."""
        ended = []
        clock, wall = time.monotonic(), time.time()
        for transaction in list(self.state.transactions.values()):
            if transaction.id not in self.state.transactions:
                continue
            silent_ms = (clock - self.state.pings.get(transaction.id, clock)) * 1000
            late = transaction.deadline and wall > transaction.deadline
            if late or (transaction.timeout_ms and silent_ms > transaction.timeout_ms):
                self.abort(transaction.id)
                ended.append(transaction.id)
        return ended
