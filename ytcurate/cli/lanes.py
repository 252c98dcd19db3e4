"""The live view of a run: each stage's rate and backlog, who waits for whom, and when it will be over."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ytcurate.cli import options
from ytcurate.curating.board import LaneState

_LINE_EVERY_S = 15.0


class LanesView:
    """Shows lanes on standard error: a table on a terminal, else a line now and then. A context manager."""

    def __init__(self) -> None:
        self._lanes: list[LaneState] = []
        self._began_s = time.monotonic()
        self._next_line_s = self._began_s + _LINE_EVERY_S
        self._lock = threading.Lock()
        self._is_terminal = options.errors.is_terminal
        self._live = Live(
            console=options.errors, get_renderable=self._picture, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> LanesView:
        if self._is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_terminal:
            self._live.stop()

    def update(self, lanes: list[LaneState]) -> None:
        """Show lanes as they are now; called by any thread."""
        with self._lock:
            self._lanes = lanes
            now_s = time.monotonic()
            if self._is_terminal or now_s < self._next_line_s:
                return
            self._next_line_s = now_s + _LINE_EVERY_S
        options.errors.print("; ".join(in_words(lane) for lane in lanes), markup=False, soft_wrap=True)

    def _picture(self) -> Group:
        with self._lock:
            lanes = list(self._lanes)
        table = Table(box=None, pad_edge=False)
        for heading in ("stage", "done", "running", "waiting", "rate", "state"):
            table.add_column(heading, justify="left" if heading in ("stage", "state") else "right")
        for lane in lanes:
            table.add_row(
                lane.name,
                f"{lane.done + round(lane.progress)}" + (f" of {lane.total}" if lane.total else ""),
                str(max(0, lane.running - round(lane.progress))),
                str(lane.backlog),
                rate_in_words(lane),
                state_in_words(lane),
            )
        return Group(table, Text(end_in_words(lanes, time.monotonic() - self._began_s)))


def in_words(lane: LaneState) -> str:
    """One lane in a few words."""
    total = f" of {lane.total}" if lane.total else ""
    waiting = f", {lane.backlog} waiting" if lane.backlog else ""
    return (
        f"{lane.name}: {lane.done + round(lane.progress)}{total} {lane.noun}{waiting}, {state_in_words(lane)}"
    )


def rate_in_words(lane: LaneState) -> str:
    """How fast a lane is while it works."""
    per_second = lane.per_second
    if per_second is None:
        return "-"
    return f"{per_second:.1f}/s" if per_second >= 0.1 else f"{per_second * 60:.1f}/min"


def state_in_words(lane: LaneState) -> str:
    """What a lane does, or whom it waits for."""
    if lane.is_over:
        return "done"
    if lane.waits_for:
        return f"waits for {lane.waits_for}"
    return "working" if lane.running else "between operations"


def end_in_words(lanes: Sequence[LaneState], elapsed_s: float) -> str:
    """When the run will be over, as far as can be said: when its slowest lane is done with what is known."""
    left_s = []
    cut = next((lane for lane in lanes if lane.name == "cut"), None)
    if cut is None or not cut.per_second or not cut.total:
        return f"{_minutes(elapsed_s)} so far"
    videos = max(0.0, cut.total - cut.done - cut.progress)
    left_s.append(videos / cut.per_second)
    for lane in lanes:
        if lane is cut or not lane.per_second:
            continue
        known = lane.backlog + max(0.0, lane.running - lane.progress)
        came = lane.done + lane.backlog + lane.running
        to_come = came / max(1, cut.done) * videos
        left_s.append((known + to_come) / lane.per_second)
    return f"{_minutes(elapsed_s)} so far, about {_minutes(max(left_s))} to go"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
