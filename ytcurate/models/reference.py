"""What is known of a model before a job starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ytcurate.describers.weights import FileDigest
from ytcurate.operations.submit import CypressFile, ShippedFile

SANDBOX_FOLDER = "model"
"""Where a checkpoint that travels with the operation lies in a job's sandbox."""


class Secrets(Mapping[str, str]):
    """Secrets by name, for an operation's ``secure_vault`` and for nothing else.

    Its repr shows names only, and it refuses to be pickled or copied deeply: in a closure, a mapper or a
    record it would be readable by everyone who sees the operation.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(f'{name}=***' for name in self._values)})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("secrets are not pickled: put them into secure_vault of the spec that is submitted")


@dataclass(frozen=True)
class ModelReference:
    """A model as jobs find it."""

    name: str
    """What rows and reports call it."""
    job_path: str
    """A hub id, a directory on the job's machine, or one in its sandbox."""
    files: tuple[ShippedFile, ...] = ()
    """Local files that must be put into the sandbox for that."""
    cypress_files: tuple[CypressFile, ...] = ()
    """Files of the cluster that must be put into the sandbox for that."""
    revision: str | None = None
    """Commit on the hub; or, if ``is_resolved`` is false, what was asked for (None: its main branch)."""
    is_resolved: bool = True
    """False: the hub was not asked, so ``revision`` may mean another commit when the job starts."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the job's environment must hold."""
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)
    """What its ``secure_vault`` must hold. Never in a spec that is shown, a record or a mapper."""
    manifest: Mapping[str, FileDigest] = field(default_factory=dict)
    """Files of the sandbox folder to verify before the engine starts (``verify_files``); empty: none."""
    bytes: int | None = None
    """Room that the checkpoint takes in the job's sandbox or cache; None if unknown."""
    weight_bytes: int | None = None
    """Bytes of the files that hold weights; None if they cannot be counted from here."""
    weights: str | None = None
    """The Cypress directory that the files come from."""

    def doubt(self) -> str | None:
        """Say what is odd about it and no error; None: nothing is."""
        if self.is_resolved:
            return None
        return (
            f"the hub does not answer here, so {self.name} is not pinned to a commit: jobs take "
            f"{self.revision or 'the main branch'} as it is when they start."
        )

    def to_json(self) -> dict[str, Any]:
        """What a plan and a run's record say of the model; no secret is in it."""
        return {
            "name": self.name,
            "job_path": self.job_path,
            "revision": self.revision,
            "revision_is_resolved": self.is_resolved,
            "weights": self.weights,
            "bytes": self.bytes,
            "environment": dict(self.environment),
            "secrets": sorted(self.secrets),
        }
