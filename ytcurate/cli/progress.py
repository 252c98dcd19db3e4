"""Progress of one step on standard error: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from ytcurate.cli import options

_LINE_EVERY_S = 15.0


class StepProgress:
    """Shows a text, and how much of a known total is done. A context manager."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeElapsedColumn(), console=options.errors, transient=True)
        self._task = self._bar.add_task("starting", total=None)
        self._is_terminal = options.errors.is_terminal
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def __enter__(self) -> StepProgress:
        if self._is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._is_terminal:
            self._bar.stop()

    def update(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Say what is going on.

        Args:
            text: a few words.
            done: of ``total``.
            total: None while it is not known.
        """
        self._bar.update(self._task, description=text, completed=done, total=total)
        if not self._is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            amount = f", {done} of {total}" if total is not None else ""
            options.errors.print(f"{text}{amount}", markup=False, soft_wrap=True)
