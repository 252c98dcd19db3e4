"""Answers that changes were given: a request that is sent again after a restart gets the first one.

While the server runs, `app` remembers answers, also those that say why not. Here are those of changes that
were made, written together with the change: who asks again must not be told that it cannot be made twice.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.registry import NOTHING

TABLE = "answers"
KEPT_S = 300.0
"""As long as a master keeps them by default."""
MOST = 10_000


class Answers:
    """By mutation id. Every call happens inside a session of the state."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._before: dict[str, Any] = {}
        """Of the process that had the data directory before."""
        self._times: OrderedDict[str, float] = OrderedDict()
        """When each was given (Unix time), in order."""
        stored = list(state.store.read_all(TABLE))
        for mutation_id, data in sorted(stored, key=lambda item: float(item[1]["time"])):
            self._before[mutation_id] = data.get("value", NOTHING)
            self._times[mutation_id] = float(data["time"])

    def once(self, mutation_id: str, change: Callable[[], Any]) -> Any:
        """Make a change, unless it was made before a restart; returns its answer."""
        if not mutation_id:
            return change()
        if mutation_id in self._before:
            return self._before[mutation_id]
        answer = change()
        if not self._state.is_changed:
            # Pings, for one: nothing to write down, and no harm in doing it again.
            return answer
        clock = time.time()
        self._times[mutation_id] = clock
        record = {"time": clock} if answer is NOTHING else {"time": clock, "value": answer}
        self._state.put(TABLE, mutation_id, record)
        self._forget_old(clock)
        return answer

    def _forget_old(self, clock: float) -> None:
        while self._times:
            mutation_id, given = next(iter(self._times.items()))
            if len(self._times) <= MOST and clock - given < KEPT_S:
                return
            del self._times[mutation_id]
            self._before.pop(mutation_id, None)
            self._state.delete(TABLE, mutation_id)
