"""All lanes of a run at once, each in a thread; then the verdict on every clip."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ytcurate.curating.assemble import Counts, assemble
from ytcurate.curating.board import Board, LaneState, thread
from ytcurate.curating.cut_lane import CutLane
from ytcurate.curating.index import ClipIndex
from ytcurate.curating.lane import Lane
from ytcurate.curating.plan import CuratePlan
from ytcurate.curating.stage_table import open_stage_table

_LOOK_EVERY_S = 0.5


class CurateRun:
    """Does what is left to do of a run.

    Args:
        client: of the cluster.
        plan: what to do.
        on_change: called with the lanes whenever one of them changes, by any thread.
        on_warning: called with a sentence about something that is odd and no error.
    """

    def __init__(
        self,
        client: Any,
        plan: CuratePlan,
        *,
        on_change: Callable[[list[LaneState]], None] = lambda lanes: None,
        on_warning: Callable[[str], None] = lambda warning: None,
    ) -> None:
        self._client = client
        self._plan = plan
        self._board = Board(on_change)
        index = ClipIndex(plan.layout.clips, plan.settings.filter)
        behind: list[Lane] = []
        self.cut = CutLane(client, self._board, index, plan, behind, on_warning)
        for stage, table in plan.lanes:
            record = open_stage_table(client, plan.layout.aside, table, stage)
            # Where jobs that label also embed, the lane that embeds does what they leave.
            both = plan.label is not None and plan.label.embedding is not None
            lane = Lane(
                *(client, self._board, index, plan.layout.clips, stage, table, record),
                beside=plan.layout.embeddings if both and stage is plan.label else None,
                after=behind[0] if both and stage is not plan.label else None,
            )
            behind.append(lane)
        self.lanes = behind

    @property
    def states(self) -> list[LaneState]:
        """Of all lanes, as they are."""
        return list(self._board.lanes.values())

    def run(self) -> Counts:
        """Bring all tables up to the source, and write the curated one.

        Raises:
            KeyboardInterrupt: what ran was aborted; what is finished stays.
            YtcurateError: the first thing that went wrong in any lane. What is finished stays, and what runs
                goes on: the next call follows it.
        """
        import yt.wrapper as yt

        everyone: list[CutLane | Lane] = [self.cut, *self.lanes]
        threads = [thread(each.state.name, self._board, each.run) for each in everyone]
        try:
            for each in threads:
                each.start()
            for each in threads:
                while each.is_alive():
                    each.join(_LOOK_EVERY_S)
        except KeyboardInterrupt as interrupt:
            self._board.fail(interrupt)
            for lane in everyone:
                with suppress(yt.YtError):  # it may have ended by itself
                    lane.abort()
            raise
        if self._board.error is not None:
            raise self._board.error
        return assemble(self._client, self._plan)
