"""A failed operation → one readable error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ytcurate.errors import OperationFailed
from ytcurate.operations.follow import Progress
from ytcurate.operations.remedies import remedy_for

_OURS = "ytcurate.errors."
_LOGGED_EXCEPTION = re.compile(r"\bERROR\b.*?\] ((?:\w+\.)*\w+(?:Error|Exception): .+)")


def require_completed(client: Any, progress: Progress) -> None:
    """Raise unless an operation completed.

    Args:
        client: of the cluster.
        progress: the last of the operation, from ``follow``.

    Raises:
        OperationFailed: it failed or was aborted; the message says why and, where that is known, what to do.
    """
    if progress.state == "completed":
        return
    import yt.wrapper as yt

    operation = yt.Operation(progress.operation_id, client=client)
    error = operation.get_error()
    failed = _failed_jobs(operation)
    stderr = next((text for job in failed if (text := str(job.get("stderr", ""))).strip()), "")
    reason = _last_words(stderr) or (_innermost(error) if isinstance(error, yt.YtError) else progress.state)
    # Not the whole stderr: an engine's log is full of warnings that sound like errors.
    told = [reason, *_messages(error), *(str(job.get("error", "")) for job in failed)]
    remedy = remedy_for(reason if _OURS in stderr else "\n".join(told))
    raise OperationFailed(
        f"operation {operation.id} {progress.state}: {reason}" + (f" {remedy}" if remedy else ""),
        operation_id=str(operation.id),
        state=progress.state,
        stderr=stderr,
    )


def _failed_jobs(operation: Any) -> list[Any]:
    import yt.wrapper as yt

    try:
        return list(operation.get_jobs_with_error_or_stderr(only_failed_jobs=True))
    except yt.YtError:  # the report of a failure must not fail for want of a job's log
        return []


def _last_words(stderr: str) -> str:
    """Find the sentence a Python traceback ends with; ours are written for users and come whole."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith(_OURS)]
    if ours:
        return ours[-1].partition(": ")[2] + _engine_cause(lines)
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return (raised or lines or [""])[-1]


def _engine_cause(lines: Sequence[str]) -> str:
    """Add what an engine's own process died of: it writes that to its log and tells its parent nothing."""
    causes = [match[1] for line in lines if (match := _LOGGED_EXCEPTION.search(line))]
    return f" The engine's process ended with {causes[-1]}" if causes else ""


def _messages(error: Any) -> list[str]:
    """All messages of an error, outermost first."""
    if error is None:
        return []
    fields = error if isinstance(error, Mapping) else vars(error)
    inner = [text for each in fields.get("inner_errors") or () for text in _messages(each)]
    return [str(fields.get("message", error)), *inner]


def _innermost(error: Any) -> str:
    """Follow the first inner error down to the one that has none."""
    while inner := (error if isinstance(error, Mapping) else vars(error)).get("inner_errors"):
        error = inner[0]
    return str(error.get("message", error) if isinstance(error, Mapping) else error.message)
