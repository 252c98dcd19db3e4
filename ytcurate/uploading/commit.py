"""Units become visible one after the other, in the order of the source, each with its ledger."""

from __future__ import annotations

import copy
import time
from typing import Any

from ytcurate.errors import UploadInterrupted
from ytcurate.tables.owners import abort_left_behind
from ytcurate.uploading.messages import Done
from ytcurate.uploading.record import ATTRIBUTE, UploadRecord, read_upload_record, write_upload_record
from ytcurate.uploading.transactions import TIMEOUT_S

_WAIT_FOR_LOCK_S = TIMEOUT_S + 10
_LOOK_EVERY_S = 0.5


class Committer:
    """Commits units; used by one thread, with a client of its own."""

    def __init__(self, client: Any, table: str, record: UploadRecord) -> None:
        import yt.wrapper as yt

        self._client = yt.YtClient(config=copy.deepcopy(client.config))
        self._table = table
        self.record = record
        """As it was last committed."""

    def commit(self, transaction_id: str, done: Done) -> None:
        """Make a unit's rows visible, and the record that counts them with them.

        Raises:
            UploadInterrupted: somebody else has written to the table.
        """
        changed = copy.deepcopy(self.record)
        changed.add(done)
        self._write(transaction_id, changed)

    def finish(self, transaction_id: str) -> None:
        """Note that the source was read to its end."""
        changed = copy.deepcopy(self.record)
        if changed.last is not None:
            changed.last.is_done = True
        self._write(transaction_id, changed)

    def _write(self, transaction_id: str, changed: UploadRecord) -> None:
        import yt.wrapper as yt

        client = self._client
        with yt.Transaction(transaction_id=transaction_id, ping=False, client=client):
            self._lock()
            # Under the lock nobody else can commit: what is there now is what this commit follows.
            found = read_upload_record(client, self._table)
            if found is None or found.next_index != self.record.next_index:
                raise UploadInterrupted(
                    f"{self._table}: another upload has written to it meanwhile (the next source would be "
                    f"{found.next_index if found else 0} there, {self.record.next_index} here). "
                    "Nothing was written twice. Let the other end, then give the same command again."
                )
            write_upload_record(client, self._table, changed)
        client.commit_transaction(transaction_id)
        self.record = changed

    def _lock(self) -> None:
        import yt.wrapper as yt

        deadline = time.monotonic() + _WAIT_FOR_LOCK_S
        while True:
            try:
                self._client.lock(self._table, mode="shared", attribute_key=ATTRIBUTE)
            except yt.errors.YtCypressTransactionLockConflict as error:
                if time.monotonic() > deadline:
                    raise UploadInterrupted(
                        f"{self._table}: another upload keeps it locked ({error}). Let it end, then give the "
                        "same command again."
                    ) from error
                # Held for the moment of a commit, or by one that was killed in that moment.
                if not abort_left_behind(self._client, self._table):
                    time.sleep(_LOOK_EVERY_S)
            else:
                return
