"""What one job gets, and where jobs may run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ytcurate.config import GIB
from ytcurate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class JobResources:
    """What one job gets."""

    cpu: float = 1.0
    """Cores; a scheduling quantity."""
    gpu: int = 0
    """Whole devices."""
    memory_bytes: int = 4 * GIB
    """The limit of everything in memory, tmpfs included: what the cluster is asked for, to the byte."""
    tmpfs_bytes: int = 0
    """Of that, the part mounted as ``.`` (the sandbox) for files; 0 leaves the sandbox on disk."""

    def __post_init__(self) -> None:
        if self.cpu <= 0 or self.gpu < 0:
            raise UsageError(f"cpu must be above 0 and gpu 0 or more, they are {self.cpu} and {self.gpu}.")
        if not 0 <= self.tmpfs_bytes < self.memory_bytes:
            raise UsageError(
                "tmpfs is part of the memory limit and must be smaller: "
                f"tmpfs {self.tmpfs_bytes / GIB:g} GiB, memory {self.memory_bytes / GIB:g} GiB."
            )


@dataclass(frozen=True, kw_only=True)
class ResourceChanges:
    """Some of a job's resources; what is None stays as it is. Fields are those of ``JobResources``."""

    cpu: float | None = None
    gpu: int | None = None
    memory_bytes: int | None = None
    tmpfs_bytes: int | None = None

    def applied_to(self, resources: JobResources) -> JobResources:
        """Return ``resources`` with these changes.

        Raises:
            UsageError: the result makes no sense, such as a tmpfs that fills the memory.
        """
        return replace(resources, **{name: value for name, value in vars(self).items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where jobs may run and how many at once."""

    pool: str | None = None
    """None: the pool named after the user."""
    pool_trees: tuple[str, ...] = ()
    """Wishes such as ``h100``, or full names of trees; see trees.py. Empty: the cluster's default tree."""
    max_gpus: int | None = None
    """Devices in use at once, over all jobs. None: as many as the pool gives."""

    def __post_init__(self) -> None:
        if self.max_gpus is not None and self.max_gpus < 1:
            raise UsageError(f"max_gpus must be 1 or more, it is {self.max_gpus}.")

    def slots(self, resources: JobResources) -> int | None:
        """Say how many jobs may run at once; None if that is not limited, or jobs need no device.

        Raises:
            UsageError: not even one job fits.
        """
        if self.max_gpus is None or not resources.gpu:
            return None
        if self.max_gpus < resources.gpu:
            raise UsageError(
                f"a job needs {resources.gpu} GPUs, max_gpus is {self.max_gpus}: "
                "raise --max-gpus, or choose a preset of fewer GPUs per job."
            )
        return self.max_gpus // resources.gpu
