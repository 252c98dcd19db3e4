"""The transactions of an operation: one holds its inputs, outputs are written in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ytcurate.localcluster.scheduler.record import OperationRecord

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class OperationTransactions:
    """Both lie inside the transaction that the operation was started in, if there is one."""

    def __init__(self, cluster: Cluster, record: OperationRecord) -> None:
        self._cluster = cluster
        self._record = record
        self._is_over = False

    @property
    def input(self) -> str:
        return self._record.transactions[0]

    @property
    def output(self) -> str:
        return self._record.transactions[1]

    @property
    def are_alive(self) -> bool:
        """Are both there, as they were before a restart?"""
        known = self._cluster.state.transactions
        return bool(self._record.transactions) and all(each in known for each in self._record.transactions)

    def uses(self, transaction_id: str) -> bool:
        if self._is_over:
            return False
        return transaction_id in (self._record.transaction_id, *self._record.transactions)

    def start(self) -> None:
        """Start both, instead of those from before a restart if there are any left.

        Raises:
            YtError: the outer one is gone.
        """
        transactions, record = self._cluster.transactions, self._record
        with self._cluster.state.session():
            self.abort()
            outer = transactions.check(record.transaction_id)
            title = f"operation {record.id}"
            record.transactions = [
                transactions.start(outer, 0, {"title": f"{kind} of {title}"}).id
                for kind in ("Input", "Output")
            ]
            self._cluster.state.put("operations", record.id, record)
        self._is_over = False

    def commit(self) -> None:
        """Make the outputs visible and let the inputs go, in the caller's session.

        Raises:
            YtError: one of them is gone.
        """
        self._is_over = True
        transactions = self._cluster.transactions
        for transaction_id in reversed(self._record.transactions):
            transactions.check(transaction_id)
            if transaction_id == self.output:
                transactions.commit(transaction_id)
            else:
                transactions.abort(transaction_id)

    def abort(self) -> None:
        """Forget the outputs and let the inputs go, in the caller's session; either may be gone already."""
        self._is_over = True
        for transaction_id in self._record.transactions:
            if transaction_id in self._cluster.state.transactions:
                self._cluster.transactions.abort(transaction_id)
