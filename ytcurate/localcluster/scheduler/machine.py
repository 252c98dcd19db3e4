"""What this machine has for jobs: CPU slots, memory, GPUs; and places where it is handed out."""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import resources
from ytcurate.localcluster.model.resources import Resources

log = logging.getLogger(__name__)

SIMULATED = "simulated"
USER_SLOTS = 100
"""Jobs at once in a configured tree that does not say."""


def find_gpus() -> list[str]:
    """Devices this process may use, as CUDA names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip()]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        listed = subprocess.run(
            [tool, "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().isdigit()]


@dataclass
class Machine:
    """`free_gpus` are the devices no job has; on a machine without GPUs they are simulated."""

    slots: int
    gpus: list[str]
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory: int = field(default_factory=lambda: int(psutil.virtual_memory().total))

    def __post_init__(self) -> None:
        self.slots = max(self.slots, 1)
        self.free_gpus = list(self.gpus)
        self._told = False

    @property
    def simulated(self) -> bool:
        return not self.gpus

    def tell_once(self) -> bool:
        """True the first time a GPU is asked for on a machine that has none."""
        if not self.simulated or self._told:
            return False
        self._told = True
        log.warning("this machine has no GPU: GPU pool trees offer one simulated device, without CUDA")
        return True

    def part(self, name: str, given: Mapping[str, Any]) -> Resources:
        """What a configured tree has: CPUs and memory as the machine, GPUs only if it is named after them.

        Raises:
            YtError: more GPUs than there are.
        """
        gpus = self.resources().gpu if "gpu" in name else 0
        part = resources.parse(given, f"/{name}", Resources(USER_SLOTS, self.cores, self.memory, gpus))
        if part.gpu > len(self.gpus) and not self.simulated:
            raise YtError(f"Pool tree {name} is to have {part.gpu:g} GPUs; this machine has {len(self.gpus)}")
        return part

    def resources(self) -> Resources:
        """All it has, and one GPU if it has none."""
        return Resources(self.slots, self.cores, self.memory, len(self.gpus) or 1)


class Place:
    """A part of the machine that jobs take from."""

    def __init__(self, machine: Machine, total: Resources) -> None:
        self.machine = machine
        self.total = total
        self.used = Resources()

    def fits(self, wanted: Resources) -> bool:
        enough = self.machine.simulated or wanted.gpu <= len(self.machine.free_gpus)
        return enough and (self.used + wanted).fits(self.total)

    def take(self, wanted: Resources) -> list[str]:
        """Devices, [] for a job without GPUs. The caller has seen that it fits."""
        self.used += wanted
        count = int(wanted.gpu)
        if self.machine.simulated:
            return [SIMULATED] * min(count, 1)
        free = self.machine.free_gpus
        taken, self.machine.free_gpus = free[:count], free[count:]
        return taken

    def give_back(self, taken: Resources, devices: list[str]) -> None:
        self.used -= taken
        if not self.machine.simulated:
            self.machine.free_gpus = sorted(self.machine.free_gpus + devices)


def slots_of(machine: Machine) -> Place:
    """For jobs without GPUs, in trees that nobody configured: only slots are counted."""
    return Place(machine, Resources(machine.slots, math.inf, math.inf, 0))


def gpus_of(machine: Machine) -> Place:
    """For jobs with GPUs, in trees that nobody configured: only devices are counted."""
    return Place(machine, Resources(math.inf, math.inf, math.inf, machine.resources().gpu))
