"""Signals to jobs, by the names that specs use."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import Any

from ytcurate.localcluster.errors import YtError


def parse(name: Any) -> int | None:
    """Number of a signal by its name; None if there is none.

    Raises:
        YtError: no signal has this name.
    """
    if name is None:
        return None
    try:
        return int(signal.Signals[str(name)])
    except KeyError:
        raise YtError(f'Unknown signal name "{name}" in "interruption_signal"') from None


def send(number: int, pids: Iterable[int]) -> None:
    """Send a signal to processes; those that are gone do not matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
