"""The live view of a run: each stage's rate and backlog, who waits for whom, and when it will be over."""

from __future__ import annotations

import threading
import time

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ytcurate.cli import options
from ytcurate.curating.board import LaneState
from ytcurate.curating.lane_words import HEADINGS, cells, end_in_words, in_words

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
        for heading in HEADINGS:
            table.add_column(heading, justify="left" if heading in ("stage", "state") else "right")
        for lane in lanes:
            table.add_row(*cells(lane))
        return Group(table, Text(end_in_words(lanes, time.monotonic() - self._began_s)))
