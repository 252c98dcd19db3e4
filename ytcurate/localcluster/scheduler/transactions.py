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
        self._ids: list[str] = []

    @property
    def input(self) -> str:
        return self._ids[0]

    @property
    def output(self) -> str:
        return self._ids[1]

    def uses(self, transaction_id: str) -> bool:
        return transaction_id == self._record.transaction_id or transaction_id in self._ids

    def start(self) -> None:
        """Start both.

        Raises:
            YtError: the outer one is gone.
        """
        transactions = self._cluster.transactions
        with self._cluster.state.session():
            outer = transactions.check(self._record.transaction_id)
            title = f"operation {self._record.id}"
            self._ids = [
                transactions.start(outer, 0, {"title": f"{kind} of {title}"}).id
                for kind in ("Input", "Output")
            ]

    def commit(self) -> None:
        """Make the outputs visible and let the inputs go, in the caller's session.

        Raises:
            YtError: one of them is gone.
        """
        transactions = self._cluster.transactions
        for transaction_id in reversed(self._ids):
            transactions.check(transaction_id)
            if transaction_id == self.output:
                transactions.commit(transaction_id)
            else:
                transactions.abort(transaction_id)
        self._ids = []

    def abort(self) -> None:
        """Forget the outputs and let the inputs go, in the caller's session; either may be gone already."""
        for transaction_id in self._ids:
            if transaction_id in self._cluster.state.transactions:
                self._cluster.transactions.abort(transaction_id)
        self._ids = []
