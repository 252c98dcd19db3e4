"""One operation: its jobs, what is told of it, and what it may be asked."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import seconds_of
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import ending, launch, plan
from ytcurate.localcluster.scheduler.alerts import Alerts
from ytcurate.localcluster.scheduler.course import Course, Stopped
from ytcurate.localcluster.scheduler.debug_tables import DebugTables
from ytcurate.localcluster.scheduler.job import JobProcess, JobResult
from ytcurate.localcluster.scheduler.job_book import JobBook
from ytcurate.localcluster.scheduler.journal import Journal
from ytcurate.localcluster.scheduler.life import Life
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.phases import Phases
from ytcurate.localcluster.scheduler.plan import Input, JobPlan
from ytcurate.localcluster.scheduler.pool_tree import Slot
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.transactions import OperationTransactions

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.scheduler import Scheduler

log = logging.getLogger(__name__)

WAIT_S = 0.5


class Operation:
    """A thread of its own drives it; everybody else reads it under `lock` or asks it to stop."""

    def __init__(self, cluster: Cluster, scheduler: Scheduler, record: OperationRecord, spec: Spec) -> None:
        self.cluster = cluster
        self.scheduler = scheduler
        self.record = record
        self.spec = spec
        self.lock = threading.RLock()
        self.alerts = Alerts(spec.kind)
        self.life = Life(cluster, record, self.lock)
        self.journal = Journal(cluster.state, cluster.files, record.id)
        self.phase = -1
        self._outputs = Outputs(cluster, spec)
        self.book = JobBook(spec, self._outputs)
        self.jobs, self.counts = self.book.jobs, self.book.counts
        self._live, self._pending = self.book.live, self.book.pending
        # What a sort leaves in this folder when the server is killed goes at the next start.
        self._phases = Phases(self, self._outputs, scheduler.sandboxes / f"sort-{record.id}")
        self._deadline = seconds_of(record.start_time) + int(spec.raw.get("time_limit") or 10**12) / 1000
        self.stop_reason: YtError | None = None
        """Why it is to be aborted."""
        self.left = threading.Event()
        """Set when the server ends."""
        self.is_complete = record.complete_asked
        self.failure: YtError | None = None
        self._transactions = OperationTransactions(cluster, record)
        debug = DebugTables(cluster, record)
        self.course = Course(self, self._transactions, debug, self._outputs, self._phases)
        self.thread = threading.Thread(target=self.course.run, name=f"operation {record.id}", daemon=True)

    # ---- from outside

    def abort(self, reason: YtError) -> None:
        """Ask for the end; the state becomes `aborted` once the jobs are gone.

        Raises:
            YtError: it cannot be written down; it happens all the same, unless the server is killed before.
        """
        try:
            with self.cluster.state.session(), self.lock:
                if self.stop_reason is None and not self.record.is_ending:
                    self.stop_reason = reason
                    # Before anybody is told: a kill must not bring the operation back.
                    self.life.change("aborting", error=reason)
        finally:
            self._wake()

    def complete(self) -> None:
        """Publish what finished so far and end well."""
        with self.cluster.state.session(), self.lock:
            self.is_complete = self.record.complete_asked = True
            self._save()
        self._wake()

    def suspend(self, suspended: bool, *, abort_jobs: bool = False) -> None:
        with self.cluster.state.session(), self.lock:
            self.record.suspended = suspended
            self._save()
            if abort_jobs:
                for job in self._live.values():
                    job.abort(_aborted("Job aborted: operation suspended", "operation_suspended"))
        self._wake()

    def leave(self) -> None:
        """End the jobs and the thread, and nothing else: the operation goes on when the server is back."""
        self.left.set()
        self._wake()

    def _save(self) -> None:
        self.cluster.state.put("operations", self.record.id, self.record)

    def uses(self, transaction_id: str) -> bool:
        return self._transactions.uses(transaction_id)

    def _wake(self) -> None:
        self.scheduler.slots.tell()

    def progress(self) -> dict[str, Any]:
        """Counters and statistics as of now; `build_time` grows with every call."""
        with self.lock:
            if self.record.is_over and self.record.progress:
                return self.record.progress
            return {**self.book.progress(), "state": self.record.state}

    def job_records(self) -> list[JobRecord]:
        """Of all jobs so far, those that run as they are now."""
        with self.lock:
            return self.book.records()

    def running_job(self, job_id: str) -> JobProcess | None:
        """None if it does not run."""
        with self.lock:
            return self._live.get(job_id)

    def lose_job(self, job_id: str) -> None:
        """Lose the output of a completed job: it is run again.

        Raises:
            YtError: what it wrote is beyond losing.
        """
        with self.cluster.state.session(), self.lock:
            self.book.lose(job_id)
            self.journal.lose(job_id)
        self._wake()

    # ---- its course

    def set_state(self, *states: str) -> None:
        """Go through these states.

        Raises:
            Stopped: the operation was aborted.
        """
        with self.cluster.state.session(), self.lock:
            if self.stop_reason is not None:
                raise Stopped
            self.life.change(*states)

    def check_stopped(self) -> None:
        """
        Raises:
            Stopped: the operation was aborted, or the server ends.
            YtError: something failed, or its time is over.
        """
        if self.stop_reason is not None or self.left.is_set():
            raise Stopped
        if self.failure is not None:
            raise self.failure
        if time.time() > self._deadline:
            limit = int(self.spec.raw["time_limit"])
            raise YtError("Operation is running for too long, aborted", attributes={"time_limit": limit})

    def run_jobs(self, jobs: list[JobPlan], inputs: list[Input], targets: list[Target]) -> None:
        """Run all of them to the end, or until the operation is told to complete.

        Raises:
            Stopped, YtError: the operation ends here; no job is running any more.
        """
        self._begin_phase(jobs)
        slots = self.scheduler.slots
        try:
            while True:
                self.check_stopped()
                with self.lock:
                    if self.is_complete or (not self._pending and not self._live):
                        self.book.used()
                        return
                seen = slots.version
                if not self._start_next(inputs, targets):
                    slots.wait(seen, WAIT_S)
        finally:
            self._end_live_jobs()

    def _begin_phase(self, jobs: list[JobPlan]) -> None:
        """Put the jobs of a phase in line, without those that were done before a restart."""
        with self.cluster.state.session(), self.lock:
            self.phase += 1
            planned, done = self.course.planned_before(self.phase, jobs)
            if planned is None:
                self.journal.plan(self.phase, jobs)
            self.book.planned(jobs if planned is None else planned, done)
        if self.record.state != "running":
            self.set_state("pending", *(() if planned is None else ("reviving_jobs", "running")))

    def _start_next(self, inputs: list[Input], targets: list[Target]) -> bool:
        """Start one pending job if there is a slot for one."""
        slots = self.scheduler.slots
        with self.lock:
            if not self._pending or self.record.suspended:
                slots.rest(self.record.id)
                return False
            for index in plan.first_of_each_task(self._pending, len(self.spec.jobs)):
                job = self._pending[index]
                slot = slots.take(self.record.id, job.user_job)
                if slot is not None:
                    break
            else:
                return False
            del self._pending[index]
            record, process = self._make_job(job, slot)
            self.counts["pending"] -= 1
            self.counts["running"] += 1
        arguments = (job, record, process, slot, inputs, targets)
        threading.Thread(target=self._run_job, args=arguments, daemon=True).start()
        # After the start: when it is refused, the thread ends the job and gives its slot back.
        if self.record.state == "pending":
            self.set_state("running")
        return True

    def _make_job(self, job: JobPlan, slot: Slot) -> tuple[JobRecord, JobProcess]:
        record, process = launch.make_job(self.scheduler, self.record, self.spec, job, len(self.jobs), slot)
        self.book.started(job, record, process)
        return record, process

    def _run_job(
        self, job: JobPlan, record: JobRecord, process: JobProcess, slot: Slot,
        inputs: list[Input], targets: list[Target],
    ) -> None:  # fmt: skip
        own = targets[job.first_output : job.first_output + len(job.user_job.outputs)]
        try:
            with self.cluster.state.session():
                # A job that somebody has seen does not disappear when the server is killed.
                self._put_job(record)
            writers = plan.writers_for(self.cluster, own, job.user_job.limits)
            process.source = launch.source_of(job, inputs)
            result = process.run(self.cluster, self.scheduler.watch, self._transactions.input, writers)
            self._take(job, record, process, result)
        except Exception as error:
            if not isinstance(error, YtError):
                log.exception("bug in a job of operation %s", self.record.id)
                error = errors.bug("job", error)
            with self.lock:
                self.failure = self.failure or error
                self._live.pop(record.id, None)
        finally:
            self.scheduler.slots.give_back(slot)

    def _take(self, job: JobPlan, record: JobRecord, process: JobProcess, result: JobResult) -> None:
        """A job is over: count it, keep its output or its error, run it again if need be."""
        with self.cluster.state.session(), self.lock:
            if self.left.is_set() and result.state == "aborted":
                # It was not its time: it is run again when the server is back.
                self._live.pop(record.id, None)
                return
            ended = self.book.finished(job, record, process, result)
            self.alerts.add(job.user_job, process.statistics, result.state)
            self.is_complete = self.is_complete or ended.is_enough
            self.failure = self.failure or ending.failure(
                self.spec, job, record, result, self.counts["failed"]
            )
            self.journal.finish(
                record.id, self.phase, job, process.statistics, result, is_done=ended.waits is not job
            )
            if ended.waits is not None:
                # What runs again is planned already; a new job for what this one left unread is not.
                self.journal.plan(self.phase, [ended.waits])
            self._put_job(record)

    def _put_job(self, record: JobRecord) -> None:
        self.cluster.state.put("jobs", f"{self.record.id}/{record.id}", record)

    def _end_live_jobs(self) -> None:
        with self.lock:
            self._pending.clear()
            self.counts["pending"] = 0
            self.scheduler.slots.rest(self.record.id)
            live = list(self._live.values())
        for job in live:
            job.abort(_aborted("Job aborted: operation ended", self._end_reason()))
        while True:
            seen = self.scheduler.slots.version
            with self.lock:
                if not self._live:
                    self.book.used()
                    self._pending.clear()
                    self.counts["pending"] = 0
                    return
            self.scheduler.slots.wait(seen, WAIT_S)

    def _end_reason(self) -> str:
        if self.failure is not None:
            return "operation_failed"
        return "operation_completed" if self.is_complete else "operation_aborted"


def _aborted(message: str, reason: str) -> YtError:
    return YtError(message, attributes={"abort_reason": reason})
