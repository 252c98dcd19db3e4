"""The jobs of one operation: those that wait, those that run, and what became of the others."""

from __future__ import annotations

from collections import deque
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler import ending, progress
from ytcurate.localcluster.scheduler.job import JobProcess, JobResult
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import Spec
from ytcurate.localcluster.scheduler.statistics import OperationStatistics
from ytcurate.localcluster.scheduler.tally import Tally


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
        self.jobs: dict[str, JobRecord] = {}
        self.live: dict[str, JobProcess] = {}
        self.pending: deque[JobPlan] = deque()
        self.counts = dict.fromkeys(
            ("running", "completed", "pending", "failed", "aborted", "lost", "total"), 0
        )

    def started(self, plan: JobPlan, record: JobRecord, process: JobProcess) -> None:
        self.jobs[record.id] = record
        self._plans[record.id] = plan
        self.live[record.id] = process

    def finished(self, plan: JobPlan, record: JobRecord, process: JobProcess, result: JobResult) -> bool:
        """A job is over: count it, keep its output or its error, run it again if need be.

        Returns whether a table has now all the rows that were asked for.
        """
        self.live.pop(record.id, None)
        ending.describe(record, process, result)
        self.counts["running"] -= 1
        self.counts[result.state] += 1
        self._tally.count(record.task_name, result)
        self._statistics.add(process.statistics, result.state, record.type, record.pool_tree)
        others = (each for each in self.jobs.values() if each is not record)
        kept = sum(1 for each in others if each.finish_time and each.stderr_size)
        ending.drop_stderr(self._spec, record, process, kept)
        is_enough = result.state == "completed" and self._outputs.keep(plan, result.outputs)
        self._repeat(plan, record, result)
        return is_enough

    def _repeat(self, plan: JobPlan, record: JobRecord, result: JobResult) -> None:
        repeats = ending.repeats(self._spec, plan, result, len(self._plans) + len(self.pending))
        if repeats.is_lost:
            self._lost(plan, record, result.reason)
        elif repeats.again:
            self._wait(plan)
        elif repeats.rest is not None:
            self._wait(repeats.rest)
            self.counts["total"] += 1
        elif not result.is_abandoned:
            self._losable.append(plan)

    def _wait(self, plan: JobPlan) -> None:
        self.pending.append(plan)
        self.counts["pending"] += 1

    def _lost(self, plan: JobPlan, record: JobRecord, reason: str) -> None:
        """A completed job counts as such no longer."""
        self._tally.lost(record.task_name, reason)
        self.counts["completed"] -= 1
        self.counts["lost"] += 1
        self._wait(plan)

    def lose(self, job_id: str) -> None:
        """Lose the output of a completed job, as with the node it was on: the job is run again.

        Raises:
            YtError: what it wrote is beyond losing.
        """
        plan, record = self._plans[job_id], self.jobs[job_id]
        if record.state != "completed":
            raise YtError(f"Job {job_id} is {record.state}: it has no output to be lost")
        if plan not in self._losable:
            raise YtError(f"Output of job {job_id} cannot be lost any more: it was used already")
        self._losable.remove(plan)
        self._outputs.lose(plan)
        self._lost(plan, record, "")

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
