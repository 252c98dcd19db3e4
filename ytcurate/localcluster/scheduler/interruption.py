"""Interruption: a running job gets no more input, ends well with what it has, and the rest goes elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.scheduler.user_job import UserJob

USER_REQUEST = "user_request"
PREEMPTION = "preemption"
UNKNOWN = "unknown"
"""Of a job that asked for its restart by its exit code."""
PREEMPTION_REASON = "Preempted on request: the local cluster was told to by a test"


@dataclass(frozen=True)
class Interruption:
    """What was asked of a job, and until when it has time."""

    reason: str
    timeout_ms: int
    """0 for no limit."""
    asked: str = field(default_factory=now)
    asked_s: float = field(default_factory=time.monotonic)

    @property
    def deadline_s(self) -> float:
        """On the monotonic clock."""
        return self.asked_s + self.timeout_ms / 1000 if self.timeout_ms else float("inf")

    def to_yson(self) -> dict[str, Any]:
        """`interruption_info` of `list_jobs`."""
        info: dict[str, Any] = {"time": self.asked, "interruption_reason": self.reason}
        if self.timeout_ms:
            info["interruption_timeout"] = self.timeout_ms
        if self.reason == PREEMPTION:
            info["preemption_reason"] = PREEMPTION_REASON
        return info

    def timed_out(self) -> YtError:
        """Why a job is aborted that did not end in time."""
        attributes = {"interruption_reason": self.reason, "abort_reason": "interruption_timeout"}
        error = YtError("Interruption is timed out", errors.INTERRUPTION_TIMEOUT, attributes)
        return preempted(error) if self.reason == PREEMPTION else error


def preempted(cause: YtError | None = None) -> YtError:
    """Why a job is aborted that had to make room."""
    if cause is None:
        cause = YtError(
            "Uninterruptible job aborted",
            errors.INTERRUPTION_UNSUPPORTED,
            {"interruption_reason": PREEMPTION, "abort_reason": "interruption_unsupported"},
        )
    attributes = {"preemption_reason": PREEMPTION_REASON, "abort_reason": PREEMPTION}
    return YtError("Job preempted", attributes=attributes, inner=[cause])


def aborted_by(user: str) -> YtError:
    """Why a job is aborted that somebody asked to abort."""
    return YtError("Job aborted by user request", attributes={"abort_reason": USER_REQUEST, "user": user})


def node_offline() -> YtError:
    """Why a job is aborted whose node is gone."""
    return YtError("Node offline", attributes={"abort_reason": "node_offline"})


def can_be_interrupted(kind: str, raw: dict[str, Any], job: UserJob) -> bool:
    """May a job of this operation be interrupted?

    Args:
        kind: type of the operation.
        raw: spec of the operation.
    """
    if kind == "vanilla":
        return job.interruption_signal is not None
    if kind != "map":
        return False
    # The number of jobs that was asked for would not be kept.
    return bool(raw.get("force_allow_job_interruption")) or (
        raw.get("job_count") is None and not raw.get("batch_row_count")
    )
