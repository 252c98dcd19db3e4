"""Transactions of units that are under way: started, kept alive together, ended."""

from __future__ import annotations

import copy
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any

from ytcurate.tables.owners import OWNER_ATTRIBUTE, this_process

TIMEOUT_S = 60.0
"""How long a cluster keeps what an upload that is gone had not committed."""
_PING_EVERY_S = TIMEOUT_S / 5


class OpenTransactions:
    """Keeps transactions alive from one thread with one client; the YT client's own class takes a thread and
    two clients for each. A context manager; what is still open at its end is aborted.

    One that is lost all the same, say after an hour without a network, shows when it is written to or
    committed.
    """

    def __init__(self, client: Any) -> None:
        import yt.wrapper as yt

        self._client = yt.YtClient(config=copy.deepcopy(client.config))
        self._ping_client = yt.YtClient(config=copy.deepcopy(client.config))
        self._ids: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ping, name="ping transactions", daemon=True)

    def __enter__(self) -> OpenTransactions:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for transaction_id in list(self._ids):
            self.abort(transaction_id)

    def start(self, title: str) -> str:
        """Start one and return its id."""
        transaction_id = str(
            self._client.start_transaction(
                timeout=int(TIMEOUT_S * 1000),
                attributes={"title": title, OWNER_ATTRIBUTE: this_process()},
            )
        )
        self._ids.add(transaction_id)
        return transaction_id

    def forget(self, transaction_id: str) -> None:
        """It was committed."""
        self._ids.discard(transaction_id)

    def abort(self, transaction_id: str) -> None:
        """Undo what was written in it. What cannot be aborted ends by itself, for want of pings."""
        import yt.wrapper as yt
        from yt.packages import requests

        self._ids.discard(transaction_id)
        with suppress(yt.YtError, requests.RequestException):
            self._client.abort_transaction(transaction_id)

    def _ping(self) -> None:
        import yt.wrapper as yt
        from yt.packages import requests

        while not self._stopping.wait(_PING_EVERY_S):
            for transaction_id in list(self._ids):
                with suppress(yt.YtError, requests.RequestException):
                    self._ping_client.ping_transaction(transaction_id)
