"""What is remembered of an operation: the part that is written to the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ytcurate.localcluster.model.ids import now

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
    debug_transaction: str = ""
    """Of its debug tables."""
    mutation_id: str = ""
    """Of the request that started it."""
    complete_asked: bool = False
    """Is it to end with what has finished so far?"""
    has_vault: bool = False
    task_names: list[str] = field(default_factory=list)
    input_schemas: list[Any] = field(default_factory=list)
    """Of its input tables, as they were at start."""

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
    """In brief."""
    pool: str = ""
    progress: float = 0.0
    fail_context_size: int = 0
    interruption: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)
    all_statistics: dict[str, Any] = field(default_factory=dict)
    exec_attributes: dict[str, Any] = field(default_factory=dict)
    input: list[list[Any]] = field(default_factory=list)
    """Table, chunk, first row, end, row of the table and range of each segment of its input."""
    is_intermediate: bool = False
    """Its input is no table's."""

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    def add_event(self, state: str, phase: str) -> None:
        self.events.append({"state": state, "phase": phase, "time": now()})
