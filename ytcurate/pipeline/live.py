"""The live view of a run in a notebook: a table below the cell that changes while the run goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from html import escape

from ytcurate.curating.board import LaneState
from ytcurate.curating.lane_words import HEADINGS, cells, end_in_words

_EVERY_S = 0.5


def live() -> Callable[[list[LaneState]], None]:
    """Show a table below this cell, and give what keeps it up to date.

    For ``ytcurate.curate(..., on_progress=ytcurate.live())`` in a notebook.
    """
    return _LiveTable().update


class _LiveTable:
    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._began_s = time.monotonic()
        self._next_s = self._began_s
        self._lock = threading.Lock()
        self._handle = display(HTML(""), display_id=True)  # type: ignore[no-untyped-call]

    def update(self, lanes: list[LaneState]) -> None:
        """Show lanes as they are now; called by any thread."""
        from IPython.display import HTML

        now_s = time.monotonic()
        with self._lock:
            # The last change is shown in any case.
            if self._handle is None or (now_s < self._next_s and not all(lane.is_over for lane in lanes)):
                return
            self._next_s = now_s + _EVERY_S
            self._handle.update(HTML(as_html(lanes, now_s - self._began_s)))  # type: ignore[no-untyped-call]


def as_html(lanes: Sequence[LaneState], elapsed_s: float) -> str:
    """Draw lanes as a table of HTML."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(lane)) + "</tr>" for lane in lanes
    )
    return f"<table><tr>{head}</tr>{rows}</table><p>{escape(end_in_words(lanes, elapsed_s))}</p>"
