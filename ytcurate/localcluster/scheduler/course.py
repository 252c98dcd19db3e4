"""The course of an operation: lock its tables, go through its phases, publish or forget."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import plan
from ytcurate.localcluster.scheduler.admission import wait_for_pool
from ytcurate.localcluster.scheduler.debug_tables import DebugTables
from ytcurate.localcluster.scheduler.journal import Past
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.phases import Phases
from ytcurate.localcluster.scheduler.plan import Input, JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.transactions import OperationTransactions

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.operation import Operation

log = logging.getLogger(__name__)

ORDERED_KINDS = ("vanilla", "reduce", "join_reduce", "map_reduce")
"""Their outputs are published in the order of their jobs, asked for or not."""
ROOM_WAIT_S = 1.0
"""Between attempts to write down the end of an operation."""


class Stopped(Exception):
    """The operation was told to end before its jobs did, or the server ends."""


class Course:
    """What the operation's own thread does."""

    def __init__(
        self,
        operation: Operation,
        transactions: OperationTransactions,
        debug: DebugTables,
        outputs: Outputs,
        phases: Phases,
    ) -> None:
        self._operation = operation
        self._cluster = operation.cluster
        self._transactions = transactions
        self._debug = debug
        self._outputs = outputs
        self._phases = phases
        self._past: Past | None = None
        """What was done before the server started; None for an operation that began after that, or anew."""

    def take_up(self, past: Past, jobs: list[JobRecord]) -> bool:
        """Go on from there once the thread is started; False if the operation has to begin anew.

        Args:
            jobs: all that there were, none of them running.
        """
        operation = self._operation
        if past.targets is None or not self._transactions.are_alive:
            operation.journal.forget()
            operation.jobs.update({job.id: job for job in jobs})
            return False
        self._past = past
        is_enough = operation.book.take_up(jobs, past.finished)
        operation.is_complete = operation.is_complete or is_enough
        self._phases.take_up(past)
        return True

    def planned_before(self, phase: int, jobs: list[JobPlan]) -> tuple[list[JobPlan] | None, set[int]]:
        """The jobs of a phase as they were cut before a restart, and the cookies of those that are done.

        Args:
            jobs: as they would be cut now.
        """
        past, spec = self._past, self._operation.spec
        user_jobs = [*spec.jobs, *(job.user_job for job in jobs)]
        planned = past.plans_of(phase, user_jobs, self._cluster.state) if past is not None else None
        return planned, past.completed(phase) if past is not None and planned is not None else set()

    def run(self) -> None:
        """To the end of the operation, or of the server."""
        operation = self._operation
        try:
            self._work()
        except Stopped:
            if operation.stop_reason is not None:
                self._finish("aborted", operation.stop_reason)
        except YtError as error:
            self._finish("failed", error)
        except Exception as error:
            log.exception("bug in operation %s", operation.record.id)
            self._finish("failed", errors.bug("operation", error))
        operation.scheduler.slots.unregister(operation.record.id)
        if operation.record.is_over:
            operation.scheduler.vaults.forget(operation.record.id)
        # From here everything is read from the store.
        operation.scheduler.live.pop(operation.record.id, None)

    def _work(self) -> None:
        operation, spec = self._operation, self._operation.spec
        operation.check_stopped()
        wait_for_pool(operation)
        inputs, targets = self._open_tables()
        self._phases.check_tables(inputs, targets)
        if self._past is None:
            operation.set_state("materializing")
        pieces = self._phases.run(inputs, targets)
        operation.check_stopped()
        operation.set_state("completing")
        self._debug.write(list(operation.jobs.values()))
        ordered = bool(spec.raw.get("ordered")) or spec.kind in ORDERED_KINDS

        def publish() -> None:
            operation.check_stopped()
            plan.publish_outputs(self._cluster, spec, targets, pieces, ordered=ordered)
            self._transactions.commit()
            operation.journal.forget()
            self._leave_pools()

        # In one write: whoever sees the outputs sees the state, and a kill leaves all of it or nothing.
        operation.life.end("completed", None, operation.progress, publish)
        self._debug.release()
        self._phases.release()
        self._outputs.release(discard=False)

    def _leave_pools(self) -> None:
        """Before anybody sees the end: a pool with one place takes the next operation then."""
        scheduler, record = self._operation.scheduler, self._operation.record
        record.alerts = scheduler.alerts_of(record)
        scheduler.slots.unregister(record.id)

    def _open_tables(self) -> tuple[list[Input], list[Target]]:
        """Take the locks, or find them as they were taken before a restart."""
        operation, spec = self._operation, self._operation.spec
        past, transactions = self._past, self._transactions
        self._debug.open()
        if past is not None and past.targets is not None:
            inputs = plan.open_inputs(self._cluster, spec, transactions.input, past.input_ids)
            return inputs, past.targets
        operation.set_state("preparing")
        transactions.start()
        inputs = plan.open_inputs(self._cluster, spec, transactions.input)
        plan.lock_files(self._cluster, spec, transactions.input)
        targets = plan.open_outputs(self._cluster, spec, transactions.output)
        with self._cluster.state.session():
            operation.record.input_schemas = [each.schema.to_yson() for each in inputs]
            operation.journal.open_tables(inputs, targets)
        return inputs, targets

    def _finish(self, state: str, error: YtError) -> None:
        """End without publishing anything.

        While the disk has no room for that, the operation is seen to be ending.
        """
        operation = self._operation
        try:
            with self._cluster.state.session(), operation.lock:
                if operation.stop_reason is not None:
                    state, error = "aborted", operation.stop_reason
                if not operation.record.is_ending:
                    operation.life.change("failing", error=error)
        except Exception:
            log.exception("operation %s cannot be written to be %s", operation.record.id, state)
        try:
            self._debug.write(list(operation.jobs.values()))
        except YtError:
            # The error that ends the operation matters more.
            log.exception("debug tables of operation %s could not be written", operation.record.id)
        # Before the end is written down: it makes room.
        self._phases.release()
        self._outputs.release(discard=True)

        def forget() -> None:
            self._transactions.abort()
            self._debug.release()
            operation.journal.forget()
            self._leave_pools()

        while True:
            try:
                operation.life.end(state, error, operation.progress, forget)
                return
            except Exception:
                # Whatever it is: nobody else would end the operation.
                log.exception("operation %s could not be ended", operation.record.id)
            if operation.left.wait(ROOM_WAIT_S):
                return
