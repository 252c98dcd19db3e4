"""The first lane: videos are cut and scored in waves, as many as those behind it can take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ytcurate.connection import client_for
from ytcurate.curating.board import Board, LaneState
from ytcurate.curating.index import ClipIndex
from ytcurate.curating.lane import Lane
from ytcurate.curating.plan import CuratePlan
from ytcurate.operations.submit import Progress
from ytcurate.pipeline.upload import upload
from ytcurate.pipeline.upload_result import UploadResult


@dataclass
class _Wave:
    """Videos that were cut together."""

    videos: int
    began_s: float
    last: int = 0
    """Place in the index after its last clip."""


class CutLane:
    """Cuts a run's videos, and tells the others of the clips.

    Args:
        client: of the cluster; only its settings are used.
        board: shared with the other lanes.
        index: clips that have come.
        plan: of the run.
        behind: lanes that take the clips.
        on_warning: told what is odd and no error.
    """

    def __init__(
        self,
        client: Any,
        board: Board,
        index: ClipIndex,
        plan: CuratePlan,
        behind: list[Lane],
        on_warning: Callable[[str], None],
    ) -> None:
        self._client = client_for(client, None)
        self._board = board
        self._index = index
        self._plan = plan
        self._behind = behind
        self._on_warning = on_warning
        self._waves: list[_Wave] = []
        self.state = LaneState("cut", "videos")
        board.lanes["cut"] = self.state

    def run(self) -> None:
        """Cut all that is not cut yet.

        Raises:
            YtcurateError: as ``upload``.
            Stopped: another lane failed.
        """
        plan, client = self._plan, self._client
        if client.exists(plan.layout.clips):
            self._read_clips()  # of earlier calls: there is work for the others at once
        with self._board.changing():
            self.state.total = plan.source.count
            self.state.waits_for = "videos to come to the cluster"
        upload(
            plan.source,
            plan.layout.clips,
            client=client,
            next_wave=self._next_wave,
            on_progress=self._on_records,
            on_operation=self._on_operation,
            on_warning=self._on_warning,
            **plan.upload_settings,
        )
        self._read_clips()
        with self._board.changing():
            self._end_wave()
            self._board.cutting_is_over = self.state.is_over = True
            self.state.waits_for = ""

    def _next_wave(self, there: int, more_come: bool) -> int:
        """Wait until a wave may begin, and say how many of the videos that are there it takes."""
        began_s = time.monotonic()
        with self._board.changing():
            self._end_wave()
        try:
            self._board.wait("cut", self._what_is_unfinished)
        finally:
            self._board.cutting_waits = False
        with self._board.changing():
            self.state.waited_s += time.monotonic() - began_s
            self.state.total = self._plan.source.count or self.state.done + there
            videos = self._size_of_wave(there, more_come)
            self.state.backlog = there - videos
            self.state.running = videos
            if videos:
                self._waves.append(_Wave(videos, time.monotonic()))
            else:
                self.state.waits_for = "more videos to come to the cluster"
        return videos

    def _size_of_wave(self, there: int, more_come: bool) -> int:
        """How many videos the next wave has; 0: none before more have come. The board is held."""
        left = max(there, (self.state.total or 0) - self.state.done) if more_come else there
        cut_seconds = self.state.rate.seconds_per_row
        videos = self._plan.settings.waves.next_wave(
            left,
            last=self._waves[-1].videos if self._waves else 0,
            seconds_per_video=self._slowest(),
            cut_seconds=cut_seconds,
            busy_seconds=max((lane.busy_s for lane in self._behind), default=0.0),
        )
        if videos > there and self._behind:
            # A small wave is one of the few that may be unfinished: none begins while the others have work.
            work_s = min(lane.work_s for lane in self._behind)
            return there if work_s <= (cut_seconds or 0.0) * there else 0
        return min(videos, there)

    def _what_is_unfinished(self) -> str:
        """Say why no wave may begin; the board is held."""
        finished_to = min((lane.unfinished_from for lane in self._behind), default=len(self._index))
        unfinished = sum(wave.last > finished_to for wave in self._waves)
        # The one that would begin is unfinished, too.
        self._board.cutting_waits = unfinished + 1 > self._plan.settings.waves.max_waves
        return f"{unfinished} waves to be finished by the others" if self._board.cutting_waits else ""

    def _end_wave(self) -> None:
        """Note what the wave before was; the board is held."""
        if self._waves and not self._waves[-1].last:
            wave = self._waves[-1]
            # A wave without a clip that is worth a look is finished.
            wave.last = len(self._index)
            took_s = time.monotonic() - wave.began_s
            self.state.busy_s += took_s
            self.state.rate.add(wave.videos, took_s)
            self.state.here += wave.videos
            self.state.running = 0
            self.state.progress = 0
            self.state.operation_ids.clear()

    def _slowest(self) -> float | None:
        """Seconds that the slowest lane takes for a video; None while nothing is known."""
        clips_per_video = len(self._index) / max(1, self.state.done)
        known = [lane.seconds_per_clip * clips_per_video for lane in self._behind]
        own = self.state.rate.seconds_per_row
        return max([*known, *([own] if own is not None else [])], default=None)

    def _on_records(self, result: UploadResult) -> None:
        self._read_clips()
        with self._board.changing():
            self.state.done = result.already + result.sources
            self.state.waits_for = ""

    def _on_operation(self, progress: Progress) -> None:
        with self._board.changing():
            if progress.operation_id not in self.state.operation_ids:
                self.state.operation_ids = [progress.operation_id]
                self.state.started = (*self.state.started, progress.operation_id)
            self.state.progress = progress.statistics.get("sources_done", 0)
        self._board.require_no_error()

    def _read_clips(self) -> None:
        good = self._index.read(self._client)
        with self._board.changing():
            self._index.add(good)

    def abort(self) -> None:
        """Abort what runs, because a person wants it to end."""
        for operation_id in list(self.state.operation_ids):
            self._client.abort_operation(operation_id)
