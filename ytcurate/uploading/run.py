"""An upload while it runs: units go to idle processes and are committed in the order of the source."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Any

from ytcurate.describers.base import Outcome
from ytcurate.errors import UploadInterrupted
from ytcurate.mappers.clips import SourceRecord
from ytcurate.sources.base import SourceVideo
from ytcurate.tables.ledger import Taken, name_key
from ytcurate.uploading.commit import Committer
from ytcurate.uploading.messages import Done, Failed, Hashed, Order, Setup, Unit, Verdict
from ytcurate.uploading.plan import UploadPlan
from ytcurate.uploading.pool import CutterDied, CutterProcess
from ytcurate.uploading.transactions import OpenTransactions
from ytcurate.uploading.units import UnitFeed

_TRIES = 4
"""For a unit that the cluster does not take; the wait between them doubles from one second."""
_CRASHES = 2
"""After so many a video that ends its process is given up."""
_LOOK_EVERY_S = 0.2


@dataclass
class _Attempt:
    """A unit that is not committed yet."""

    unit: Unit
    transaction_id: str = ""
    done: Done | None = None
    commit: Future[None] | None = None
    failures: int = 0
    crashes: Counter[int] = field(default_factory=Counter)
    """By ds_index."""
    digests: dict[int, bytes] = field(default_factory=dict)
    """By ds_index."""
    not_before_s: float = 0.0


class UploadRun:
    """Runs a plan.

    Args:
        plan: what to do; its tables exist.
        client: of the cluster.
        setup: of the processes.
        taken: what earlier uploads took.
        on_records: called with the sources of each unit once they are committed.
        processes: that were started before; they are stopped at the end.
    """

    def __init__(
        self,
        plan: UploadPlan,
        client: Any,
        setup: Setup,
        taken: Taken,
        on_records: Callable[[list[SourceRecord]], None],
        processes: Sequence[CutterProcess] = (),
    ) -> None:
        self._plan = plan
        self._taken = taken
        self._on_records = on_records
        self._committer = Committer(client, plan.written_table, plan.record)
        self._transactions = OpenTransactions(client)
        self._commits = ThreadPoolExecutor(1, thread_name_prefix="commit")
        missing = plan.processes - len(processes)
        self._idle = [*processes, *(CutterProcess() for _ in range(missing))]
        for process in self._idle:
            process.setup = setup
        self._busy: dict[int, CutterProcess] = {}
        """By the number of their unit."""
        self._open: dict[int, _Attempt] = {}
        """By the number of the unit; none is forgotten before it is committed."""
        self._again: deque[_Attempt] = deque()
        self._next_commit = 0
        self._is_stopped = threading.Event()
        self.left_out = 0
        """Sources that were taken before."""

    def stop(self) -> None:
        """Let ``run`` return soon, from any thread. What was committed stays."""
        self._is_stopped.set()

    def run(self) -> None:
        """Upload all of the source that was not taken before.

        Raises:
            UploadInterrupted: the cluster does not take the rows, or another upload is in the way.
            Exception: what the source raised.
        """
        feed = UnitFeed(
            self._plan.source,
            first_index=self._plan.record.next_index,
            is_done=self._is_taken,
            on_done=self._leave_out,
            size=self._plan.unit_bytes,
            ahead=3 * len(self._idle),
        )
        try:
            with self._transactions, feed:
                while not feed.has_ended or self._open:
                    if self._is_stopped.is_set():
                        return
                    self._give_orders(feed)
                    self._listen(feed)
                    self._commit_in_order(feed)
                self._committer.finish(self._transactions.start(f"ytcurate upload: {self._plan.table}, end"))
        finally:
            self._stop()

    def _is_taken(self, video: SourceVideo) -> bool:
        return name_key(video.name) in self._taken.names

    def _leave_out(self) -> None:
        self.left_out += 1

    def _give_orders(self, feed: UnitFeed) -> None:
        while self._idle:
            attempt = self._next_attempt(feed)
            if attempt is None:
                return
            unit = attempt.unit
            title = f"ytcurate upload: {self._plan.table}, unit {unit.number}"
            attempt.transaction_id = self._transactions.start(title)
            attempt.done = None
            process = self._idle.pop()
            self._busy[unit.number] = process
            try:
                process.give(Order(unit=unit, transaction_id=attempt.transaction_id))
            except CutterDied as death:
                self._bury(unit.number, process, death)

    def _next_attempt(self, feed: UnitFeed) -> _Attempt | None:
        if self._again and self._again[0].not_before_s <= time.monotonic():
            return self._again.popleft()
        unit = feed.take(0 if self._open else _LOOK_EVERY_S)
        if unit is None:
            return None
        attempt = self._open[unit.number] = _Attempt(unit)
        return attempt

    def _listen(self, feed: UnitFeed) -> None:
        if not self._busy:
            if self._open:
                time.sleep(_LOOK_EVERY_S / 10)
            return
        # Looked at more often while there may be work for an idle process.
        patience_s = _LOOK_EVERY_S / 10 if self._idle and not feed.has_ended else _LOOK_EVERY_S
        ready = set(wait([process.pipe for process in self._busy.values()], patience_s))
        for number, process in list(self._busy.items()):
            try:
                if process.pipe in ready:
                    self._hear(number, process)
                process.require_life(self._plan.options.limits)
            except CutterDied as death:
                self._bury(number, process, death)

    def _hear(self, number: int, process: CutterProcess) -> None:
        said = process.read()
        if isinstance(said, Hashed):
            self._open[number].digests[said.ds_index] = said.digest
            process.reply(Verdict(self._duplicate_of(said)))
        elif isinstance(said, Done):
            self._rest(number)
            self._open[number].done = said
        elif isinstance(said, Failed):
            self._rest(number)
            self._try_again(self._open[number], said.message)

    def _rest(self, number: int) -> None:
        self._idle.append(self._busy.pop(number))

    def _duplicate_of(self, said: Hashed) -> str | None:
        if self._plan.options.duplicates == "keep":
            return None
        first = self._taken.digests.get(said.digest)
        if first is not None and first < said.ds_index:
            return _source(first)
        # A later source may have come first, from another process; it is put right before its commit.
        self._taken.digests[said.digest] = said.ds_index
        return None

    def _bury(self, number: int, process: CutterProcess, death: CutterDied) -> None:
        """A process is gone: its source is tried once more, unless time was the reason, and then given up."""
        reason = str(death)
        attempt = self._open[number]
        self._rest(number)
        at = process.ds_index
        attempt.crashes[at] += 1
        known = any(task.ds_index == at for task in attempt.unit.tasks)
        if not known:
            self._try_again(attempt, reason)
            return
        if death.is_limit or attempt.crashes[at] >= _CRASHES:
            self._judge(attempt, at, (str(Outcome.FAILED), reason))
        self._repeat(attempt)

    def _judge(self, attempt: _Attempt, ds_index: int, verdict: tuple[str, str]) -> None:
        tasks = tuple(
            replace(task, verdict=verdict, digest=attempt.digests.get(ds_index, b""))
            if task.ds_index == ds_index
            else task
            for task in attempt.unit.tasks
        )
        attempt.unit = replace(attempt.unit, tasks=tasks)

    def _try_again(self, attempt: _Attempt, reason: str) -> None:
        attempt.failures += 1
        if attempt.failures >= _TRIES:
            raise UploadInterrupted(
                f"{self._plan.table}: rows could not be written, tried {_TRIES} times: {reason}. "
                "What was committed stays; the same command goes on from there."
            )
        self._repeat(attempt, wait_s=2.0 ** (attempt.failures - 1))

    def _repeat(self, attempt: _Attempt, wait_s: float = 0.0) -> None:
        self._transactions.abort(attempt.transaction_id)
        attempt.done = None
        attempt.not_before_s = time.monotonic() + wait_s
        self._again.append(attempt)

    def _commit_in_order(self, feed: UnitFeed) -> None:
        while True:
            attempt = self._open.get(self._next_commit)
            if attempt is None or attempt.done is None:
                return
            if attempt.commit is None:
                if self._has_late_duplicates(attempt):
                    self._repeat(attempt)
                    return
                attempt.commit = self._commits.submit(
                    self._committer.commit, attempt.transaction_id, attempt.done
                )
            if not attempt.commit.done():
                return
            self._after_commit(attempt)
            feed.forget(attempt.unit)
            del self._open[self._next_commit]
            self._next_commit += 1

    def _after_commit(self, attempt: _Attempt) -> None:
        import yt.wrapper as yt

        assert attempt.commit is not None
        assert attempt.done is not None
        try:
            attempt.commit.result()
        except yt.YtError as error:
            raise UploadInterrupted(
                f"{self._plan.table}: the cluster does not commit: {error}. "
                "What was committed stays; the same command goes on from there."
            ) from error
        self._transactions.forget(attempt.transaction_id)
        self._on_records(attempt.done.records)

    def _has_late_duplicates(self, attempt: _Attempt) -> bool:
        """Say whether an earlier source turned out to have the bytes of one that was cut before it.

        The process that does the unit again is told so as soon as it has read them.
        """
        assert attempt.done is not None
        if self._plan.options.duplicates == "keep":
            return False
        for record in attempt.done.records:
            if record.digest and record.outcome != Outcome.DUPLICATE:
                first = self._taken.digests.get(record.digest)
                if first is not None and first < record.ds_index:
                    return True
        return False

    def _stop(self) -> None:
        for process in [*self._busy.values(), *self._idle]:
            process.stop()
        self._commits.shutdown(wait=True, cancel_futures=True)


def _source(ds_index: int) -> str:
    return f"source {ds_index}"
