"""What the lanes of a run tell each other: which clips are there, who has done what, who waits for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ytcurate.curating.pace import Rate

_LOOK_EVERY_S = 1.0
"""Some conditions change with the time alone."""


class Stopped(Exception):
    """Another lane has failed: this one stops too."""


@dataclass
class LaneState:
    """One lane, as others see it."""

    name: str
    noun: str
    """What it counts."""
    done: int = 0
    """All that it has done, in earlier calls, too."""
    here: int = 0
    """Of them, in this call."""
    total: int | None = None
    """What it will have done at the end, so far as that is known."""
    backlog: int = 0
    """What it could do now and has not begun."""
    running: int = 0
    """What is in operations that run."""
    waits_for: str = ""
    """Why it does nothing at the moment; empty: it does."""
    operation_ids: list[str] = field(default_factory=list)
    """That run now."""
    started: tuple[str, ...] = ()
    """All operations of this call."""
    rate: Rate = field(default_factory=Rate)
    """Measured over whole operations."""
    busy_s: float = 0.0
    """That it had an operation running, in this call."""
    waited_s: float = 0.0
    """That it had none, with the run not over."""
    progress: float = 0.0
    """Rows of running operations that are done, as their jobs say."""
    is_over: bool = False

    @property
    def per_second(self) -> float | None:
        """Rows a second while it works."""
        seconds = self.rate.seconds_per_row
        return 1 / seconds if seconds else None


class Board:
    """The state of a run, shared by its threads. Every change wakes those who wait.

    Args:
        on_change: called with a copy of the lanes, by whichever thread changed something.
    """

    def __init__(self, on_change: Callable[[list[LaneState]], None] = lambda lanes: None) -> None:
        self._condition = threading.Condition()
        self._on_change = on_change
        self.lanes: dict[str, LaneState] = {}
        self.cutting_is_over = False
        self.cutting_waits = False
        """Nothing more is cut before clips are finished."""
        self._error: BaseException | None = None

    @property
    def error(self) -> BaseException | None:
        """What the first lane that failed raised."""
        return self._error

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change something; the others see it when the block ends."""
        with self._condition:
            yield
            self._condition.notify_all()
            lanes = [replace(lane, operation_ids=list(lane.operation_ids)) for lane in self.lanes.values()]
        self._on_change(lanes)

    def fail(self, error: BaseException) -> None:
        """Stop all lanes; the first error is the one that counts."""
        with self._condition:
            self._error = self._error or error
            self._condition.notify_all()

    def wait(self, lane: str, condition: Callable[[], str]) -> None:
        """Wait until nothing is waited for, for hours if need be.

        Args:
            lane: who waits.
            condition: says what is waited for, with the board held; empty: nothing any more.

        Raises:
            Stopped: another lane failed meanwhile.
        """
        while True:
            with self._condition:
                self._require_no_error()
                reason = condition()
                if not reason:
                    self.lanes[lane].waits_for = ""
                    return
                was, self.lanes[lane].waits_for = self.lanes[lane].waits_for, reason
                if was == reason:
                    self._condition.wait(_LOOK_EVERY_S)
                    continue
            with self.changing():
                pass

    def require_no_error(self) -> None:
        """Stop if another lane failed.

        Raises:
            Stopped: it did.
        """
        with self._condition:
            self._require_no_error()

    def _require_no_error(self) -> None:
        if self._error is not None:
            raise Stopped


def thread(name: str, board: Board, target: Callable[[], Any]) -> threading.Thread:
    """A thread of a run: what it raises stops all others, and is raised by the run."""

    def work() -> None:
        try:
            target()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where the run is waited for
            board.fail(error)

    return threading.Thread(target=work, name=name, daemon=True)
