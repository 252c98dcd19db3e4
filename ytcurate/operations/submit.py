"""Run one map operation: submit, follow, and turn a failure into one readable error."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ytcurate.connection import setting
from ytcurate.errors import OperationFailed, YtcurateError

_HEAVY = frozenset(
    "av cv2 datasets llvmlite matplotlib numba numpy pandas PIL pyarrow scipy sympy torch torchvision"
    " transformers triton vllm xgrammar IPython".split()
)
"""Packages that a job takes from its image. The client would pack every module this process imported."""
_LOGGED_EXCEPTION = re.compile(r"\bERROR\b.*?\] ((?:\w+\.)*\w+(?:Error|Exception): .+)")
_POLL_S = 0.5
_LONGEST_POLL_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What can be said of an operation while it runs."""

    operation_id: str
    state: str
    jobs: Mapping[str, int] = field(default_factory=dict)
    """``running``, ``completed``, ``failed``, ``total``, ..."""
    statistics: Mapping[str, int] = field(default_factory=dict)
    """Sums of the jobs' custom statistics; they lag by a few seconds."""

    def __str__(self) -> str:
        return f"{self.state}, {self.jobs.get('running', 0)} of {self.jobs.get('total', 0)} jobs running"


@dataclass(frozen=True)
class ShippedFile:
    """A local file that jobs find in their sandbox."""

    path: Path
    name: str
    """Its path in the sandbox, with ``/``."""


def run(
    client: Any,
    mapper: Callable[..., Any],
    source: Any,
    destination: Any,
    *,
    spec: Mapping[str, Any],
    files: Sequence[ShippedFile] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Run a map operation to its end.

    Args:
        client: of the cluster.
        mapper: a callable as the YT client takes it.
        source: input table.
        destination: output table; published when the operation completes, or not at all.
        spec: from ``build_spec``.
        files: what jobs find in their sandbox besides the code.
        on_progress: called every few seconds.

    Returns:
        The last progress, with final statistics.

    Raises:
        OperationFailed: it ended as failed or aborted.
    """
    import yt.wrapper as yt

    local = [yt.LocalFile(str(file.path), file_name=file.name) for file in files] or None
    # A filter of the user's own stays.
    shipped = client.config["pickling"]["module_filter"] or _belongs_to_job
    with setting(client, "pickling", "module_filter", shipped):
        operation = client.run_map(
            mapper, source, destination, spec=dict(spec), local_files=local, sync=False
        )
    try:
        progress = _follow(client, operation, on_progress)
    except KeyboardInterrupt:
        operation.abort()
        raise
    if progress.state != "completed":
        raise _failure(operation, progress.state)
    return progress


def _belongs_to_job(module: ModuleType) -> bool:
    """Say whether a module is shipped to jobs."""
    return (getattr(module, "__name__", None) or "").partition(".")[0] not in _HEAVY


def _follow(client: Any, operation: Any, on_progress: Callable[[Progress], None]) -> Progress:
    pause = _POLL_S
    while True:
        attributes = client.get_operation(operation.id, attributes=["state", "brief_progress", "progress"])
        progress = Progress(
            operation_id=operation.id,
            state=str(attributes["state"]),
            jobs=_counts(attributes.get("brief_progress", {}).get("jobs", {})),
            statistics=_custom_sums(attributes.get("progress", {}).get("job_statistics_v2", {})),
        )
        on_progress(progress)
        if progress.state in ("completed", "failed", "aborted"):
            return progress
        time.sleep(pause)
        pause = min(pause * 1.2, _LONGEST_POLL_S)


def _counts(jobs: Mapping[str, Any]) -> dict[str, int]:
    """Job counts as plain numbers; a cluster may answer a map of reasons with a total."""
    return {
        str(name): int(value.get("total", 0) if isinstance(value, Mapping) else value)
        for name, value in jobs.items()
    }


def _custom_sums(statistics: Mapping[str, Any], prefix: str = "custom/") -> dict[str, int]:
    """Sum custom statistics over finished and running jobs, leaving out those whose work was lost."""
    sums: dict[str, int] = {}
    custom = statistics.get("custom", {})
    flat = {f"{prefix}{name}": value for name, value in custom.items()} | dict(statistics)
    for name, parts in flat.items():
        if not str(name).startswith(prefix) or not isinstance(parts, list):
            continue
        kept = [part for part in parts if part.get("tags", {}).get("job_state") in ("completed", "running")]
        sums[str(name).removeprefix(prefix)] = sum(int(part["summary"]["sum"]) for part in kept)
    return sums


def _failure(operation: Any, state: str) -> YtcurateError:
    import yt.wrapper as yt

    error = operation.get_error()
    stderrs = [str(job.get("stderr", "")) for job in _failed_jobs(operation)]
    stderr = next((text for text in stderrs if text.strip()), "")
    reason = _last_words(stderr) or (_innermost(error) if isinstance(error, yt.YtError) else state)
    return OperationFailed(
        f"operation {operation.id} {state}: {reason}",
        operation_id=operation.id,
        state=state,
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
    ours = [line for line in lines if line.startswith("ytcurate.errors.")]
    if ours:
        return ours[-1].partition(": ")[2] + _engine_cause(lines)
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b", line)]
    return (raised or lines or [""])[-1]


def _engine_cause(lines: Sequence[str]) -> str:
    """Add what an engine's own process died of: it writes that to its log and tells its parent nothing."""
    causes = [match[1] for line in lines if (match := _LOGGED_EXCEPTION.search(line))]
    return f" The engine's process ended with {causes[-1]}" if causes else ""


def _innermost(error: Any) -> str:
    while getattr(error, "inner_errors", None):
        inner = error.inner_errors[0]
        if not hasattr(inner, "inner_errors"):
            return _innermost_dict(inner)
        error = inner
    return str(getattr(error, "message", error))


def _innermost_dict(error: Mapping[str, Any]) -> str:
    while error.get("inner_errors"):
        error = error["inner_errors"][0]
    return str(error.get("message", error))
