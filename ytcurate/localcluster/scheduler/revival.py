"""Operations after a restart of the server: each goes on from where its journal ends, or ends."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.store import NoSpace
from ytcurate.localcluster.scheduler import sandbox
from ytcurate.localcluster.scheduler.journal import Journal
from ytcurate.localcluster.scheduler.life import Life
from ytcurate.localcluster.scheduler.operation import Operation
from ytcurate.localcluster.scheduler.places import places_of
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.transactions import OperationTransactions

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.scheduler import Scheduler

log = logging.getLogger(__name__)

STATES = ("orphaned", "waiting_for_agent", "revive_initializing", "reviving")
"""What an operation goes through before it is prepared or its jobs are put in line again."""
ABORT_REASON = "revival_confirmation_timeout"
OPTION = "fail_on_job_restart"
FOUND_ABORTING = 'Operation aborted since it was found in "aborting" state during scheduler revival'


def revive_all(scheduler: Scheduler) -> None:
    """End what is left of the last process's jobs, and let its operations go on.

    Raises:
        YtError: the disk is full.
    """
    for folder in scheduler.sandboxes.iterdir():
        sandbox.kill_all(folder.name, None)
        sandbox.remove(folder)
    unfinished = scheduler.unfinished()
    scheduler.vaults.forget_all_but({record.id for record in unfinished})
    for record in unfinished:
        try:
            _revive(scheduler, record)
        except NoSpace:
            raise
        except YtError as error:
            _fail(scheduler, record, error)
        except Exception as error:
            log.exception("bug in the revival of operation %s", record.id)
            _fail(scheduler, record, errors.bug("revival", error))


def _revive(scheduler: Scheduler, record: OperationRecord) -> None:
    """
    Raises:
        YtError: its spec is refused by now: this server has other settings.
    """
    vault = scheduler.vaults.read(record.id) if record.has_vault else {}
    spec = scheduler.check(record.type, {**record.spec, "secure_vault": vault})
    operation = Operation(scheduler.cluster, scheduler, record, spec)
    before, error = record.state, record.error
    with scheduler.cluster.state.session():
        jobs = scheduler.jobs(record)
        running = [job for job in jobs if job.state == "running"]
        for job in running:
            _abort(scheduler, job)
        is_clean = not operation.course.take_up(operation.journal.read(), jobs)
        operation.life.change(*STATES)
        if before == "aborting":
            operation.abort(_as_it_was(error, FOUND_ABORTING))
        elif record.transaction_id and record.transaction_id not in scheduler.cluster.state.transactions:
            operation.abort(errors.user_transaction_aborted(record.transaction_id))
        elif before == "failing":
            operation.failure = _as_it_was(error, "Operation failed")
        else:
            operation.failure = _refusal(operation, running, is_clean=is_clean)
    scheduler.register(record, is_revived=True)
    scheduler.live[record.id] = operation
    operation.thread.start()
    log.info("operation %s goes on: it was %s", record.id, before)


def _abort(scheduler: Scheduler, job: JobRecord) -> None:
    """Its process did not survive the server."""
    job.state, job.finish_time = "aborted", now()
    job.error = YtError(
        "Job not confirmed after timeout", attributes={"abort_reason": ABORT_REASON}
    ).to_dict()
    stderr = places_of(scheduler.cluster.settings.data_dir, job.operation_id, job.id).stderr
    job.add_event(job.state, "finished")
    job.stderr_size = stderr.stat().st_size if stderr.exists() else 0
    scheduler.cluster.state.put("jobs", f"{job.operation_id}/{job.id}", job)


def _as_it_was(error: dict[str, object], otherwise: str) -> YtError:
    return YtError.from_dict(error) if error else YtError(otherwise)


def _refusal(operation: Operation, running: list[JobRecord], *, is_clean: bool) -> YtError | None:
    """Why an operation whose jobs may not run twice cannot go on."""
    spec = operation.spec
    if not spec.raw.get(OPTION) and not any(job.raw.get(OPTION) for job in spec.jobs):
        return None
    if is_clean:
        return _may_not_run_twice(
            f'Cannot use clean restart when spec option "{OPTION}" is set',
            {"reason": "revival_with_clean_start"},
        )
    if spec.kind != "vanilla":
        return _may_not_run_twice(
            f'Cannot revive operation when "{OPTION}" spec option is set', {"reason": "revival_is_forbidden"}
        )
    expected = sum(job.job_count or 1 for job in spec.jobs)
    if expected != len(running):
        return _may_not_run_twice(
            f'Cannot revive operation when "{OPTION}" option is set in operation spec or user job spec '
            "and not all jobs have already been started according to the operation snapshot "
            "(i.e. not all jobs are running or completed)",
            {
                "reason": "job_count_mismatch_after_revival",
                "operation_type": spec.kind,
                "expected_job_count": expected,
                "started_job_count": len(running) + operation.counts["completed"],
            },
        )
    return YtError(
        f'Job aborted; failing operation since "{OPTION}" spec option is set',
        errors.OPERATION_FAILED_ON_JOB_RESTART,
        {"job_id": running[0].id, "reason": "job_aborted", "abort_reason": ABORT_REASON},
    )


def _may_not_run_twice(message: str, attributes: dict[str, object]) -> YtError:
    error = YtError(message, errors.OPERATION_FAILED_ON_JOB_RESTART, attributes)
    return YtError("Operation has failed to revive", inner=[error])


def _fail(scheduler: Scheduler, record: OperationRecord, error: YtError) -> None:
    """End an operation that cannot even be made from its record."""
    cluster = scheduler.cluster
    journal = Journal(cluster.state, cluster.files, record.id)
    transactions = OperationTransactions(cluster, record)

    def forget() -> None:
        for job in scheduler.jobs(record):
            if job.state == "running":
                _abort(scheduler, job)
        transactions.abort()
        journal.forget_unread()

    failed = YtError("Operation has failed to revive", inner=[error])
    Life(cluster, record, threading.RLock()).end("failed", failed, dict, forget)
    scheduler.vaults.forget(record.id)
