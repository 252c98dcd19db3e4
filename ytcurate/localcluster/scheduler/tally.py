"""What became of jobs: counters by task, as the progress of an operation shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

INTERRUPTION_REASONS = ("preemption", "user_request", "job_split", "unknown", "jobs_disabled_on_node")
ABORT_REASONS = (
    "user_request", "preemption", "node_offline", "interruption_timeout", "interruption_unsupported",
    "operation_suspended", "operation_completed", "operation_aborted", "operation_failed",
    "revival_confirmation_timeout", "other",
)  # fmt: skip
"""Those that happen here, with the names of a real cluster, and the one for the rest."""


def abort_reason(error: dict[str, Any]) -> str:
    """Why a job was aborted, as its error says; "" if it does not."""
    return str((error.get("attributes") or {}).get("abort_reason") or "")


@dataclass
class Counters:
    """Of one task, or of all."""

    completed: Counter[str] = field(default_factory=Counter)
    """By the reason of an interruption, "" for none."""
    aborted: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    lost: int = 0

    def add(self, other: Counters) -> None:
        self.completed.update(other.completed)
        self.aborted.update(other.aborted)
        self.failed += other.failed
        self.lost += other.lost

    def to_yson(self, running: int, pending: int) -> dict[str, Any]:
        completed, aborted = sum(self.completed.values()), sum(self.aborted.values())
        return {
            "total": running + pending + completed,
            "running": running,
            "completed": {
                "interrupted": {reason: self.completed[reason] for reason in INTERRUPTION_REASONS},
                "non-interrupted": self.completed[""],
                "total": completed,
            },
            "failed": self.failed,
            "pending": pending,
            "suspended": 0,
            "aborted": {
                "total": aborted,
                "non_scheduled": {},
                "scheduled": {reason: self.aborted[reason] for reason in ABORT_REASONS},
            },
            "lost": self.lost,
            "invalidated": 0,
            "blocked": 0,
            "uncategorized": 0,
        }


class Tally:
    """Counters of an operation; its lock guards them."""

    def __init__(self) -> None:
        self._by_task: dict[str, Counters] = {}

    def _of(self, task: str) -> Counters:
        return self._by_task.setdefault(task, Counters())

    def count(self, task: str, state: str, reason: str) -> None:
        """A job is over.

        Args:
            reason: why it was interrupted or aborted; "" for none.
        """
        counters = self._of(task)
        if state == "completed":
            counters.completed[reason] += 1
        elif state == "failed":
            counters.failed += 1
        else:
            counters.aborted[reason if reason in ABORT_REASONS else "other"] += 1

    def lost(self, task: str, reason: str) -> None:
        """A completed job is not completed any more.

        Args:
            reason: it was counted with.
        """
        counters = self._of(task)
        counters.completed[reason] -= 1
        counters.lost += 1

    def total(self, running: Iterable[str], pending: Iterable[str]) -> dict[str, Any]:
        """All tasks together.

        Args:
            running: name of its task for each job that runs.
            pending: and for each that waits.
        """
        together = Counters()
        for each in self._by_task.values():
            together.add(each)
        return together.to_yson(len(list(running)), len(list(pending)))

    def tasks(
        self, job_types: dict[str, str], running: Iterable[str], pending: Iterable[str]
    ) -> list[dict[str, Any]]:
        """The `tasks` of the progress.

        Args:
            job_types: of each task, in order.
        """
        runs, waits = Counter(running), Counter(pending)
        shown = []
        for task, job_type in job_types.items():
            counters = self._of(task)
            is_over = not runs[task] and not waits[task]
            shown.append(
                {
                    "task_name": task,
                    "job_type": job_type,
                    "has_user_job": True,
                    "job_counter": counters.to_yson(runs[task], waits[task]),
                    "completed": is_over and bool(sum(counters.completed.values())),
                }
            )
        return shown
