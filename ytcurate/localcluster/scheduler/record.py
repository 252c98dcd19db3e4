"""What is remembered of an operation: the part that is written to the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

TERMINAL = frozenset({"completed", "failed", "aborted"})
ENDING = frozenset({"failing", "aborting"})


@dataclass
class OperationRecord:
    id: str
    type: str
    state: str
    spec: dict[str, Any]
    """Without the secure vault."""
    user: str
    start_time: str
    transaction_id: str
    pool_trees: list[str]
    finish_time: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)
    alerts: dict[str, Any] = field(default_factory=dict)
    unrecognized_spec: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    """Kept when the operation ends."""
    suspended: bool = False
    runtime_parameters: dict[str, Any] = field(default_factory=dict)
    """What `update_operation_parameters` changes."""
    transactions: list[str] = field(default_factory=list)
    """Of its inputs and of its outputs; [] before they are started."""
    mutation_id: str = ""
    """Of the request that started it."""
    complete_asked: bool = False
    """Is it to end with what has finished so far?"""
    has_vault: bool = False

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL

    @property
    def pools(self) -> list[str]:
        """Names of the pools it is in, each once."""
        options = self.runtime_parameters.get("scheduling_options_per_pool_tree") or {}
        return list(dict.fromkeys(str(each["pool"]) for each in options.values()))

    @property
    def is_ending(self) -> bool:
        """Will it end without publishing anything, if it has not ended already?"""
        return self.is_over or self.state in ENDING

    @property
    def alias(self) -> str:
        return str(self.spec.get("alias") or "")


@dataclass
class JobRecord:
    id: str
    operation_id: str
    type: str
    task_name: str
    cookie: int
    index: int
    pool_tree: str
    address: str
    state: str = "running"
    start_time: str = ""
    finish_time: str = ""
    error: dict[str, Any] = field(default_factory=dict)
    stderr_size: int = 0
    statistics: dict[str, Any] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def abort_reason(self) -> str:
        """As the error says it; "" for a job that was not aborted, or by somebody who gave none."""
        if self.state != "aborted":
            return ""
        return str(self.error.get("attributes", {}).get("abort_reason") or "")

    def to_yson(self) -> dict[str, Any]:
        """As `list_jobs` shows it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "address": self.address,
            "state": self.state,
            "type": self.type,
            "task_name": self.task_name,
            "job_cookie": self.cookie,
            "pool_tree": self.pool_tree,
            "start_time": self.start_time,
            "stderr_size": self.stderr_size,
            "is_stale": False,
            **({"abort_reason": self.abort_reason} if self.abort_reason else {}),
            "progress": 1.0 if self.state == "completed" else 0.0,
            "brief_statistics": self.statistics,
        }
        if self.finish_time:
            shown["finish_time"] = self.finish_time
        if self.error:
            shown["error"] = self.error
            if self.state == "aborted" and "abort_reason" in self.error["attributes"]:
                shown["abort_reason"] = self.error["attributes"]["abort_reason"]
        return shown
