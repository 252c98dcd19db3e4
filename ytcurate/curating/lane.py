"""A lane: one stage's work on the clips of a run, in operations that follow each other while clips come.

The table that a lane writes is its ledger: an operation's rows appear in it all at once or not at all. What
is about to run is written down before it starts, so whoever comes next follows it instead of starting it
again.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.curating.board import Board, LaneState
from ytcurate.curating.index import KEY_COLUMNS, ClipIndex, key_of
from ytcurate.curating.stage import StagePlan
from ytcurate.curating.stage_table import note_waves, noted_waves
from ytcurate.mappers.selected import SelectRows, select_rows
from ytcurate.operations import submit
from ytcurate.operations.slicing import TYPICAL_CLIP_BYTES, wave_rows
from ytcurate.pipeline.remaining import MAX_RANGES, ranged
from ytcurate.pipeline.run_record import RunRecord, write_record

_FIRST_PATIENCE_S = 20.0
"""How long the first clips of a call wait for others at most."""


@dataclass
class _Taken:
    """Clips of the index that are in an operation."""

    first: int
    """Place of the first of them."""
    rows: list[int]


class Lane:
    """Brings one table up to the clips.

    Args:
        client: of the cluster; only its settings are used.
        board: shared with the other lanes.
        index: the clips.
        clips: their table.
        plan: what to do with them.
        target: the table that is written.
        record: of it.
        beside: a second table that the same operations write.
        after: a lane that does part of the work: this one does what is left when that one is over.
    """

    def __init__(
        self,
        client: Any,
        board: Board,
        index: ClipIndex,
        clips: str,
        plan: StagePlan,
        target: str,
        record: RunRecord,
        *,
        beside: str | None = None,
        after: Lane | None = None,
    ) -> None:
        self._beside = beside
        self._after = after
        self._client_config = client.config
        self._board = board
        self._index = index
        self._clips = clips
        self._plan = plan
        self._target = target
        self._record = record
        self._done: set[bytes] = set()
        self._cursor = 0
        self._pending: list[int] = []
        """Places in the index, ascending, of what is to be done."""
        self._taken: list[_Taken] = []
        self._pending_since_s: float | None = None
        self._start_s = plan.preset.start_minutes * 60
        self._is_ready = False
        self._clip_bytes = TYPICAL_CLIP_BYTES
        self.statistics: Counter[str] = Counter()
        """Sums over the operations of this call."""
        self.state = LaneState(plan.name, "clips")
        board.lanes[plan.name] = self.state

    @property
    def unfinished_from(self) -> int:
        """Place in the index of the first clip that this lane is not done with. The board is held."""
        if not self._is_ready:
            # One that does what another leaves holds nobody up.
            return 0 if self._after is None else len(self._index)
        self._advance()
        open_places = [each.first for each in self._taken] + self._pending[:1]
        return min(open_places, default=len(self._index))

    def run(self) -> None:
        """Work until nothing more can come.

        Raises:
            OperationFailed: an operation failed; what was finished stays.
            Stopped: another lane failed.
        """
        client = self._new_client()
        if self._after is not None:
            before = self._after.state
            self._board.wait(self._plan.name, lambda: "" if before.is_over else f"the lane {before.name}")
        self._follow_found(client)
        done = self._read_done(client)
        with self._board.changing():
            self._done = done
            self._is_ready = True
            self.state.done = len(done)
        while (taken := self._take()) is not None:
            self._do(client, taken)
            with self._board.changing():
                self._taken.remove(taken)
        with self._board.changing():
            self.state.is_over = True

    def _take(self) -> _Taken | None:
        began_s = time.monotonic()
        self._board.wait(self._plan.name, self._what_lacks)
        with self._board.changing():
            self.state.waited_s += time.monotonic() - began_s
            if not self._pending:
                return None
            self._pending_since_s = None
            places = self._pending[: self._most_rows()]
            del self._pending[: len(places)]
            taken = _Taken(places[0], [self._index.rows[place] for place in places])
            self._taken.append(taken)
            self.state.backlog = len(self._pending)
            return taken

    def _what_lacks(self) -> str:
        """Say what is waited for before the next operation; the board is held."""
        self._advance()
        board, self.state.backlog = self._board, len(self._pending)
        if board.cutting_is_over or (self._pending and board.cutting_waits):
            return ""
        if not self._pending:
            self._pending_since_s = None
            return "clips to be cut"
        now_s = time.monotonic()
        self._pending_since_s = self._pending_since_s or now_s
        waited_s = now_s - self._pending_since_s
        # To start for few clips costs a start, to wait for more costs time: wait as long as a start takes,
        # and both together are at most twice what was best.
        is_worth_it = max(len(self._pending) * self.seconds_per_clip, waited_s) >= self._start_s
        if not self.state.started:
            # The first clips come quickly one after the other, and while an operation works for a few of
            # them the machines for many are idle. Yet what is wrong with a model should show soon.
            is_worth_it = waited_s >= min(self._start_s, _FIRST_PATIENCE_S)
        return "" if is_worth_it else "more clips, so that a start is worth it"

    def _advance(self) -> None:
        """Look at clips that have come; the board is held."""
        if not self._is_ready:
            return  # what is done already is not known yet: all would be done once more
        while self._cursor < len(self._index):
            if self._index.keys[self._cursor] not in self._done:
                self._pending.append(self._cursor)
            self._cursor += 1

    @property
    def seconds_per_clip(self) -> float:
        """That the lane takes for one: as its last operations did, else as jobs or the preset say."""
        measured = self.state.rate.seconds_per_row
        return measured or self._record.seconds_per_clip or self._plan.preset.seconds_per_clip

    @property
    def busy_s(self) -> float:
        """For how long there is work, a start of jobs included. The board is held."""
        return self._start_s + self.work_s

    @property
    def work_s(self) -> float:
        """For how long there is work, without starts. The board is held."""
        self._advance()
        clips = len(self._pending) + max(0.0, self.state.running - self.state.progress)
        return clips * self.seconds_per_clip

    def _most_rows(self) -> int:
        if self._plan.wave_rows is not None:
            return self._plan.wave_rows
        rows, plan = len(self._pending), self._plan
        return wave_rows(rows, self._clip_bytes * rows, plan.preset, plan.rate(self._record))

    def _do(self, client: Any, taken: _Taken) -> None:
        ranges, left_out = select_rows(taken.rows, MAX_RANGES)
        self._clip_bytes = self._weigh_clip(client)
        alias = self._alias(client, taken.rows)
        note_waves(client, self._target, [alias])
        began_s = time.monotonic()
        with self._board.changing():
            self.state.running += len(taken.rows)
        try:
            self._follow(client, self._start(client, ranges, left_out, alias, len(taken.rows)))
        finally:
            with self._board.changing():
                self.state.running -= len(taken.rows)
                self.state.progress = 0
        took_s = time.monotonic() - began_s
        with self._board.changing():
            self.state.done += len(taken.rows)
            self.state.here += len(taken.rows)
            self.state.busy_s += took_s
            self.state.rate.add(len(taken.rows), took_s)

    def _start(
        self, client: Any, ranges: Sequence[range], left_out: frozenset[int], alias: str, rows: int
    ) -> str:
        import yt.wrapper as yt

        plan = self._plan
        tables = [self._target, *([self._beside] if self._beside else [])]
        targets = [yt.TablePath(table, append=True, client=client) for table in tables]
        spec = plan.spec(rows, self._clip_bytes * rows, self._record, alias=alias)
        if left_out:
            job_io = dict(spec.get("job_io") or {})
            control = {**(job_io.get("control_attributes") or {}), "enable_row_index": True}
            spec = {**spec, "job_io": {**job_io, "control_attributes": control}}
        return submit.start_or_find(
            client,
            SelectRows(plan.mapper, left_out) if left_out else plan.mapper,
            ranged(client, self._clips, ranges, plan.read_columns),
            targets if self._beside else targets[0],
            spec=spec,
            max_archive_bytes=plan.max_archive_bytes,
            files=plan.model.files,
            cypress_files=plan.model.cypress_files,
        )

    def _follow(self, client: Any, operation_id: str) -> None:
        with self._board.changing():
            self.state.operation_ids.append(operation_id)
            self.state.started = (*self.state.started, operation_id)
        self._record.add_operation(operation_id)
        write_record(client, self._target, self._record)
        progress = submit.follow(client, operation_id, self._report)
        with self._board.changing():
            self.state.operation_ids.remove(operation_id)
        note_waves(client, self._target, [])
        submit.require_completed(client, progress)
        self.statistics.update(progress.statistics)
        self._start_s = _start_of_a_job(progress) or self._start_s
        self._record.seconds_per_clip = self._plan.measured(self.statistics) or self._record.seconds_per_clip
        write_record(client, self._target, self._record)

    def _report(self, progress: submit.Progress) -> None:
        with self._board.changing():
            self.state.progress = progress.statistics.get("clips_done", 0)
        # Between two looks: operations of a run that has failed elsewhere go on, and are followed next time.
        self._board.require_no_error()

    def _follow_found(self, client: Any) -> None:
        """Follow what an earlier client of this run left behind."""
        for alias in noted_waves(client, self._target):
            running = submit.find_running(client, alias)
            if running is not None:
                with self._board.changing():
                    self.state.waits_for = "an operation that an earlier call started"
                self._follow(client, running)
        note_waves(client, self._target, [])

    def _read_done(self, client: Any) -> set[bytes]:
        import yt.wrapper as yt

        path = yt.TablePath(self._target, columns=list(KEY_COLUMNS), client=client)
        return {key_of(row) for row in client.read_table(path)}

    def _alias(self, client: Any, rows: Sequence[int]) -> str:
        """The same for the same rows of the same run: a cluster runs only one operation of an alias."""
        content = [str(client.get(f"{self._target}/@id")), self._record.fingerprint, list(rows)]
        digest = hashlib.blake2b(json.dumps(content).encode(), digest_size=10).hexdigest()
        return f"*ytcurate-{self._plan.name}-{digest}"

    def _weigh_clip(self, client: Any) -> int:
        """What a row of the clips weighs on average, bytes."""
        rows = int(client.get(f"{self._clips}/@row_count"))
        return max(1, int(client.get(f"{self._clips}/@data_weight")) // max(1, rows))

    def _new_client(self) -> Any:
        import yt.wrapper as yt

        return yt.YtClient(config=copy.deepcopy(self._client_config))

    def abort(self) -> None:
        """Abort what runs, because a person wants it to end."""
        client = self._new_client()
        for operation_id in list(self.state.operation_ids):
            client.abort_operation(operation_id)


def _start_of_a_job(progress: submit.Progress) -> float | None:
    """Seconds from a job's start to its first answer, as jobs say; None: they do not."""
    jobs, start_ms = progress.jobs.get("completed", 0), progress.statistics.get("engine_start_ms", 0)
    return start_ms / 1000 / jobs if jobs and start_ms else None
