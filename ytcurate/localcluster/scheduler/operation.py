"""One operation from start to end: prepare, run its jobs, publish or forget."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import ending, launch, plan
from ytcurate.localcluster.scheduler.debug_tables import DebugTables
from ytcurate.localcluster.scheduler.job import JobProcess, JobResult
from ytcurate.localcluster.scheduler.job_book import JobBook
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.phases import Phases
from ytcurate.localcluster.scheduler.plan import Input, JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.transactions import OperationTransactions

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.scheduler import Scheduler

log = logging.getLogger(__name__)

WAIT_S = 0.5


class Stopped(Exception):
    """The operation was told to end before its jobs did."""


class Operation:
    """A thread of its own drives it; everybody else reads it under `lock` or asks it to stop."""

    def __init__(self, cluster: Cluster, scheduler: Scheduler, record: OperationRecord, spec: Spec) -> None:
        self.cluster = cluster
        self.scheduler = scheduler
        self.record = record
        self.spec = spec
        self.lock = threading.RLock()
        self._outputs = Outputs(cluster, spec)
        self.book = JobBook(spec, self._outputs)
        self.jobs, self.counts = self.book.jobs, self.book.counts
        self._live, self._pending = self.book.live, self.book.pending
        # What a sort leaves in this folder when the server is killed goes at the next start.
        self._phases = Phases(self, self._outputs, scheduler.sandboxes / f"sort-{record.id}")
        self._deadline = time.monotonic() + int(spec.raw.get("time_limit") or 10**12) / 1000
        self._stop: YtError | None = None
        self.is_complete = False
        self._failure: YtError | None = None
        self._transactions = OperationTransactions(cluster, record)
        self._debug = DebugTables(cluster, record)
        self._indices = 0
        self.thread = threading.Thread(target=self._run, name=f"operation {record.id}", daemon=True)

    # ---- from outside

    def abort(self, reason: YtError) -> None:
        """Ask for the end; the state becomes `aborted` once the jobs are gone."""
        with self.lock:
            self._stop = self._stop or reason
        self._wake()

    def complete(self) -> None:
        """Publish what finished so far and end well."""
        with self.lock:
            self.is_complete = True
        self._wake()

    def suspend(self, suspended: bool, *, abort_jobs: bool = False) -> None:
        with self.lock:
            self.record.suspended = suspended
            if abort_jobs:
                for job in self._live.values():
                    job.abort(_aborted("Job aborted: operation suspended", "operation_suspended"))
        self._wake()

    def uses(self, transaction_id: str) -> bool:
        return self._transactions.uses(transaction_id)

    def _wake(self) -> None:
        with self.scheduler.slots.changed:
            self.scheduler.slots.changed.notify_all()

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
        self._wake()

    # ---- the life of an operation

    def set_state(self, state: str) -> None:
        with self.cluster.state.session(), self.lock:
            self.record.state = state
            self.record.events.append({"time": now(), "state": state})
            self.cluster.state.put("operations", self.record.id, self.record)

    def _run(self) -> None:
        try:
            self._work()
        except Stopped:
            self._finish("aborted", self._stop)
        except YtError as error:
            self._finish("failed", error)
        except Exception as error:
            log.exception("bug in operation %s", self.record.id)
            self._finish("failed", errors.bug("operation", error))
        # From here everything is read from the store.
        self.scheduler.live.pop(self.record.id, None)

    def _work(self) -> None:
        spec = self.spec
        if spec.raw.get("reduce_combiner"):
            self.record.alerts["reduce_combiner_not_run"] = YtError(
                '"reduce_combiner" is not run: the local cluster hands all rows of a key to the reducer'
            ).to_dict()
        self.set_state("preparing")
        self._transactions.start()
        self._debug.open()
        inputs = plan.open_inputs(self.cluster, spec, self._transactions.input)
        plan.lock_files(self.cluster, spec, self._transactions.input)
        self.record.input_schemas = [each.schema.to_yson() for each in inputs]
        targets = plan.open_outputs(self.cluster, spec, self._transactions.output)
        self._phases.check_tables(inputs, targets)
        self.set_state("materializing")
        pieces = self._phases.run(inputs, targets)
        self.check_stopped()
        self.set_state("completing")
        self._debug.write(list(self.jobs.values()))
        ordered = bool(spec.raw.get("ordered")) or spec.kind in ("vanilla", "reduce", "map_reduce")
        plan.publish_outputs(self.cluster, spec, targets, pieces, ordered=ordered)
        with self.cluster.state.session():
            self._transactions.commit()
            # In the same write as the commit: whoever sees the outputs sees the state, also after a kill.
            self._end("completed", None)

    def check_stopped(self) -> None:
        """
        Raises:
            Stopped: the operation was aborted.
            YtError: its time is over.
        """
        if self._stop is not None:
            raise Stopped
        if time.monotonic() > self._deadline:
            limit = int(self.spec.raw["time_limit"])
            raise YtError("Operation is running for too long, aborted", attributes={"time_limit": limit})

    def run_jobs(self, jobs: list[JobPlan], inputs: list[Input], targets: list[Target]) -> None:
        """Run all of them to the end, or until the operation is told to complete.

        Raises:
            Stopped, YtError: the operation ends here; no job is running any more.
        """
        with self.lock:
            self.counts["total"] += len(jobs)
            self.counts["pending"] += len(jobs)
            self._pending.extend(jobs)
        if self.record.state != "running":
            self.set_state("pending")
        slots = self.scheduler.slots
        try:
            while True:
                self.check_stopped()
                if self._failure is not None:
                    raise self._failure
                with self.lock:
                    if self.is_complete or (not self._pending and not self._live):
                        self.book.used()
                        return
                if not self._start_next(inputs, targets):
                    with slots.changed:
                        slots.changed.wait(WAIT_S)
        finally:
            self._end_live_jobs()

    def _start_next(self, inputs: list[Input], targets: list[Target]) -> bool:
        """Start one pending job if there is one and a slot for it."""
        with self.lock:
            limit = self.spec.user_slots
            full = limit is not None and len(self._live) >= limit
            if not self._pending or full or self.record.suspended:
                return False
            job = self._pending[0]
            devices = self.scheduler.slots.take(job.user_job.gpu_limit)
            if devices is None:
                return False
            self._pending.popleft()
            record, process = self._make_job(job, devices)
            self.counts["pending"] -= 1
            self.counts["running"] += 1
        if self.record.state == "pending":
            self.set_state("running")
        thread = threading.Thread(
            target=self._run_job, args=(job, record, process, devices, inputs, targets), daemon=True
        )
        thread.start()
        return True

    def _make_job(self, job: JobPlan, devices: list[str]) -> tuple[JobRecord, JobProcess]:
        record, process = launch.make_job(self.scheduler, self.record, self.spec, job, self._indices, devices)
        self._indices += 1
        self.book.started(job, record, process)
        return record, process

    def _run_job(
        self, job: JobPlan, record: JobRecord, process: JobProcess, devices: list[str],
        inputs: list[Input], targets: list[Target],
    ) -> None:  # fmt: skip
        own = targets[job.first_output : job.first_output + len(job.user_job.outputs)]
        try:
            writers = plan.writers_for(self.cluster, own, job.user_job.limits)
            process.source = launch.source_of(job, inputs)
            result = process.run(self.cluster, self.scheduler.watch, self._transactions.input, writers)
            self._take(job, record, process, result)
        except Exception as error:
            log.exception("bug in a job of operation %s", self.record.id)
            with self.lock:
                self._failure = self._failure or errors.bug("job", error)
                self._live.pop(record.id, None)
        finally:
            self.scheduler.slots.give_back(devices)

    def _take(self, job: JobPlan, record: JobRecord, process: JobProcess, result: JobResult) -> None:
        """A job is over: count it, keep its output or its error, run it again if need be."""
        with self.cluster.state.session(), self.lock:
            if self.book.finished(job, record, process, result):
                self.is_complete = True
            self._failure = self._failure or ending.failure(
                self.spec, job, record, result, self.counts["failed"]
            )
            self.cluster.state.put("jobs", f"{self.record.id}/{record.id}", record)

    def _end_live_jobs(self) -> None:
        with self.lock:
            self._pending.clear()
            self.counts["pending"] = 0
            live = list(self._live.values())
        for job in live:
            job.abort(_aborted("Job aborted: operation ended", self._end_reason()))
        while True:
            with self.lock:
                if not self._live:
                    self.book.used()
                    self._pending.clear()
                    self.counts["pending"] = 0
                    return
            with self.scheduler.slots.changed:
                self.scheduler.slots.changed.wait(WAIT_S)

    def _finish(self, state: str, error: YtError | None) -> None:
        """End without publishing anything."""
        try:
            self.set_state("aborting" if state == "aborted" else "failing")
            self._write_debug_tables()
            with self.cluster.state.session():
                self._transactions.abort()
                self._end(state, error)
        except Exception:
            # Whatever it is: this thread must still leave `live`, and nobody above would take the error.
            log.exception("operation %s could not be ended", self.record.id)

    def _write_debug_tables(self) -> None:
        try:
            self._debug.write(list(self.jobs.values()))
        except YtError:
            # The error that ends the operation matters more.
            log.exception("debug tables of operation %s could not be written", self.record.id)

    def _end_reason(self) -> str:
        if self._failure is not None:
            return "operation_failed"
        return "operation_completed" if self.is_complete else "operation_aborted"

    def _end(self, state: str, error: YtError | None) -> None:
        self._phases.release()
        self._debug.release()
        self._outputs.release(discard=state != "completed")
        with self.lock:
            progress = {**self.progress(), "state": state}
            self.record.progress = progress
            self.record.error = error.to_dict() if error is not None else {}
            self.record.finish_time = now()
        self.set_state(state)


def _aborted(message: str, reason: str) -> YtError:
    return YtError(message, attributes={"abort_reason": reason})
