"""Where a job's files are in the cluster's data directory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ytcurate.localcluster.scheduler.record import OperationRecord


@dataclass(frozen=True)
class JobPlaces:
    sandbox: Path
    stderr: Path
    """As much as is kept for `get_job_stderr`."""
    fail_context: Path
    """There if the job failed and was given input."""
    whole_stderr: Path | None = None
    """All of it, while a table of the operation waits for it."""


def places_of(data_dir: Path, operation_id: str, job_id: str, *, whole_stderr: bool = False) -> JobPlaces:
    return JobPlaces(
        data_dir / "sandboxes" / job_id,
        data_dir / "stderr" / operation_id / job_id,
        data_dir / "fail_contexts" / operation_id / job_id,
        whole_stderr_folder(data_dir, operation_id) / job_id if whole_stderr else None,
    )


def whole_stderr_folder(data_dir: Path, operation_id: str) -> Path:
    """Of an operation with a stderr table; gone when it is over."""
    return data_dir / "whole_stderr" / operation_id


def remove_leftovers(data_dir: Path, operations: Mapping[str, OperationRecord]) -> None:
    """After a kill: delete what waits for a table that nobody will write."""
    for folder in (data_dir / "whole_stderr").glob("*"):
        if folder.name not in operations or operations[folder.name].is_over:
            shutil.rmtree(folder, ignore_errors=True)
