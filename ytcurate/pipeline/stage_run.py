"""One stage over a table of clips, from Python or the command line: the lane of a run, alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ytcurate.curating.board import Board, LaneState
from ytcurate.curating.index import KEY_COLUMNS, ClipIndex
from ytcurate.curating.lane import Lane
from ytcurate.curating.stage import StagePlan
from ytcurate.curating.stage_table import open_stage_table
from ytcurate.errors import TableError, UsageError
from ytcurate.tables import store


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What a stage did."""

    table: str
    rows: int
    """Of the clips: each has one row in the table."""
    done: int
    """Of them, in this call; the others were there already."""
    operation_ids: tuple[str, ...]
    """Of this call."""
    elapsed_s: float

    def __str__(self) -> str:
        there = self.rows - self.done
        note = f" ({there} were there already)" if there else ""
        return f"{self.rows} clips{note} in {self.elapsed_s:.0f} s → {self.table}"


def run_stage(
    client: Any,
    clips: str,
    result: str,
    plan: StagePlan,
    *,
    on_progress: Callable[[list[LaneState]], None] = lambda lanes: None,
) -> StageResult:
    """Bring a table up to a table of clips.

    Raises:
        UsageError: there are no clips.
        TableExists: the result was written by something else.
        OperationFailed: an operation failed; what was finished stays.
    """
    began_s = time.monotonic()
    store.check_path(result)
    store.require_table(client, clips, {*KEY_COLUMNS, *plan.read_columns})
    board, index = Board(on_progress), ClipIndex(clips, None)
    index.add(index.read(client))
    if not len(index):
        raise UsageError(f"{clips} has no rows: there is nothing to {plan.name}.")
    record = open_stage_table(client, lambda table, name: f"{table}_{name}", result, plan)
    lane = Lane(client, board, index, clips, plan, result, record)
    lane.state.total = len(index)
    board.cutting_is_over = True
    try:
        lane.run()
    except KeyboardInterrupt:
        lane.abort()
        raise
    rows = int(client.get(f"{result}/@row_count"))
    if rows != len(index):
        raise TableError(
            f"{result}: {rows} rows for {len(index)} clips of {clips}. Remove it, and give the command again."
        )
    return StageResult(
        table=result,
        rows=rows,
        done=lane.state.here,
        operation_ids=lane.state.started,
        elapsed_s=time.monotonic() - began_s,
    )
