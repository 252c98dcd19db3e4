"""The jobs of one operation: those that wait, those that run, and what became of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler import ending, progress
from ytcurate.localcluster.scheduler.job import JobProcess, JobResult
from ytcurate.localcluster.scheduler.journal import Finished
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.statistics import OperationStatistics
from ytcurate.localcluster.scheduler.tally import Tally, abort_reason


@dataclass(frozen=True)
class Ended:
    """What follows from the end of a job."""

    is_enough: bool
    """Has a table now all the rows that were asked for?"""
    waits: JobPlan | None
    """What was put in line: the same job again, or a new one for what it did not read."""


class JobBook:
    """Its operation's lock guards it."""

    def __init__(self, spec: Spec, outputs: Outputs) -> None:
        self._spec = spec
        self._outputs = outputs
        self._tally = Tally()
        self._statistics = OperationStatistics()
        self._plans: dict[str, JobPlan] = {}
        """By job id."""
        self._losable: list[JobPlan] = []
        """Of completed jobs whose output nobody has read yet."""
        self._next_cookie = 0
        self._stderrs = 0
        """How many jobs have one that is kept."""
        self.jobs: dict[str, JobRecord] = {}
        self.live: dict[str, JobProcess] = {}
        self.pending: deque[JobPlan] = deque()
        self.counts = dict.fromkeys(
            ("running", "completed", "pending", "failed", "aborted", "lost", "total"), 0
        )

    def planned(self, plans: Sequence[JobPlan], done: Collection[int]) -> None:
        """Put the jobs of a phase in line, without those whose cookies are `done`."""
        self.counts["total"] += len(plans)
        self._next_cookie = max([self._next_cookie, *(plan.cookie + 1 for plan in plans)])
        for plan in plans:
            if plan.cookie not in done:
                self._wait(plan)

    def take_up(self, jobs: Iterable[JobRecord], finished: Iterable[Finished]) -> bool:
        """Count what was done before a restart of the server; none of the jobs is running.

        Returns whether a table has all the rows that were asked for.
        """
        ends = {each.job_id: each for each in finished}
        for job in jobs:
            self.jobs[job.id] = job
            self.counts[job.state] += 1
            self._stderrs += bool(job.stderr_size)
            reason = ends[job.id].reason if job.id in ends else abort_reason(job.error)
            self._tally.count(job.task_name, job.state, reason)
        is_enough = False
        for job_id, end in ends.items():
            job = self.jobs[job_id]
            self._statistics.add(end.statistics, job.state, job.type, job.pool_tree)
            if end.outputs is not None:
                is_enough = self._outputs.hold(end.first_output, end.place, end.outputs) or is_enough
            if job.state == "completed" and not end.counts:
                self._uncount(job, end.reason)
        return is_enough

    def started(self, plan: JobPlan, record: JobRecord, process: JobProcess) -> None:
        self.jobs[record.id] = record
        self._plans[record.id] = plan
        self.live[record.id] = process

    def finished(self, plan: JobPlan, record: JobRecord, process: JobProcess, result: JobResult) -> Ended:
        """A job is over: count it, keep its output or its error, run it again if need be."""
        self.live.pop(record.id, None)
        ending.describe(record, process, result)
        self.counts["running"] -= 1
        self.counts[result.state] += 1
        self._tally.count(record.task_name, result.state, result.reason)
        self._statistics.add(process.statistics, result.state, record.type, record.pool_tree)
        ending.drop_stderr(self._spec, record, process, self._stderrs)
        self._stderrs += bool(record.stderr_size)
        is_enough = result.state == "completed" and self._outputs.keep(plan, result.outputs)
        return Ended(is_enough, self._repeat(plan, record, result))

    def _repeat(self, plan: JobPlan, record: JobRecord, result: JobResult) -> JobPlan | None:
        """Put in line what is to run because a job is over."""
        repeats = ending.repeats(self._spec, plan, result, self._next_cookie)
        if repeats.rest is not None:
            self.planned([repeats.rest], ())
            return repeats.rest
        if repeats.is_lost:
            self._uncount(record, result.reason)
        if repeats.again:
            self._wait(plan)
            return plan
        if not result.is_abandoned:
            self._losable.append(plan)
        return None

    def _wait(self, plan: JobPlan) -> None:
        self.pending.append(plan)
        self.counts["pending"] += 1

    def _uncount(self, record: JobRecord, reason: str) -> None:
        """A completed job counts as such no longer."""
        self._tally.lost(record.task_name, reason)
        self.counts["completed"] -= 1
        self.counts["lost"] += 1

    def lose(self, job_id: str) -> None:
        """Lose the output of a completed job, as with the node it was on: the job is run again.

        Raises:
            YtError: what it wrote is beyond losing.
        """
        plan, record = self._plans.get(job_id), self.jobs[job_id]
        if record.state != "completed":
            raise YtError(f"Job {job_id} is {record.state}: it has no output to be lost")
        if plan is None or plan not in self._losable:
            raise YtError(f"Output of job {job_id} cannot be lost any more: it was used already")
        self._losable.remove(plan)
        self._outputs.lose(plan)
        self._uncount(record, "")
        self._wait(plan)

    def used(self) -> None:
        """What jobs wrote so far is read now, and cannot be lost any more."""
        self._losable.clear()

    def records(self) -> list[JobRecord]:
        """Of all jobs so far, those that run as they are now."""
        for job_id, process in self.live.items():
            process.show(self.jobs[job_id])
        return list(self.jobs.values())

    def progress(self) -> dict[str, Any]:
        running = [(self.jobs[job_id], process) for job_id, process in self.live.items()]
        return progress.build(self._spec, self._tally, self._statistics, running, self.pending)
