"""The states of an operation, as everybody sees them and as they are on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.scheduler.record import OperationRecord

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class Life:
    """Changes the record of one operation. `lock` is the operation's; the state's is taken before it."""

    def __init__(self, cluster: Cluster, record: OperationRecord, lock: threading.RLock) -> None:
        self._state = cluster.state
        self._record = record
        self._lock = lock

    def change(self, *states: str, error: YtError | None = None) -> None:
        """Go through these states; the last one stays.

        Raises:
            YtError: it cannot be written; the state is seen all the same, until a restart.
        """
        with self._state.session(), self._lock:
            record = self._record
            record.state = states[-1]
            record.events += [{"time": now(), "state": state} for state in states]
            if error is not None:
                record.error = error.to_dict()
            self._state.put("operations", record.id, record)

    def end(
        self,
        state: str,
        error: YtError | None,
        progress: Callable[[], dict[str, Any]],
        together: Callable[[], None],
    ) -> None:
        """Enter the last state in one write with what `together` does.

        Raises:
            YtError: it cannot be done or written; nothing happened, and nobody has seen the state.
        """
        record = self._record
        with self._state.lock:
            with self._state.session():
                together()
                at = now()
                ended = replace(
                    record,
                    state=state,
                    events=[*record.events, {"time": at, "state": state}],
                    error=error.to_dict() if error is not None else {},
                    finish_time=at,
                    progress={**progress(), "state": state},
                )
                self._state.put("operations", record.id, ended)
            with self._lock:
                vars(record).update(vars(ended))
