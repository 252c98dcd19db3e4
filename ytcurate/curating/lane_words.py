"""What is said of the lanes of a run while it runs: rates, who waits for whom, and when it will be over."""

from __future__ import annotations

from collections.abc import Sequence

from ytcurate.curating.board import LaneState

HEADINGS = ("stage", "done", "running", "waiting", "rate", "state")
"""Of ``cells``."""


def cells(lane: LaneState) -> tuple[str, ...]:
    """One lane as a line of a table."""
    return (
        lane.name,
        f"{lane.done + round(lane.progress)}" + (f" of {lane.total}" if lane.total else ""),
        str(max(0, lane.running - round(lane.progress))),
        str(lane.backlog),
        rate_in_words(lane),
        state_in_words(lane),
    )


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
