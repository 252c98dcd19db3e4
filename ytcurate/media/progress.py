"""Signs of life: work that may take long says now and then that it goes on.

A process that cuts videos on behalf of another one is stopped when it is silent for too long. Loops over
packets or pictures call ``report_progress`` and need not know who listens, or whether anybody does.
"""

from __future__ import annotations

from collections.abc import Callable


def _nobody_listens() -> None:
    pass


_listener: Callable[[], None] = _nobody_listens


def report_progress() -> None:
    """Say that something was read, decoded or encoded. Costs next to nothing."""
    _listener()


def listen_to_progress(listener: Callable[[], None]) -> None:
    """Have ``listener`` called for each sign of life in this process."""
    global _listener
    _listener = listener
