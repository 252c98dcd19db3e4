"""How many jobs may run at once: CPU slots, and the machine's GPUs."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading

log = logging.getLogger(__name__)

SIMULATED = "simulated"


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


class Slots:
    """Handed out to jobs, first come first served. `changed` is notified when some come back."""

    def __init__(self, cpu: int, gpus: list[str]) -> None:
        self.changed = threading.Condition()
        self.simulated = not gpus
        self._cpu = max(cpu, 1)
        self._gpus = list(gpus) or [SIMULATED]
        self.gpu_count = len(self._gpus)
        self._told = False

    def tell_once(self) -> bool:
        """True the first time a GPU is asked for on a machine that has none."""
        if not self.simulated or self._told:
            return False
        self._told = True
        log.warning("this machine has no GPU: GPU pool trees offer one simulated device, without CUDA")
        return True

    def take(self, gpu_limit: int) -> list[str] | None:
        """Devices for a job ([] for one without GPUs), or None when it has to wait."""
        with self.changed:
            if not gpu_limit:
                if self._cpu <= 0:
                    return None
                self._cpu -= 1
                return []
            wanted = 1 if self.simulated else gpu_limit
            if len(self._gpus) < wanted:
                return None
            taken, self._gpus = self._gpus[:wanted], self._gpus[wanted:]
            return taken

    def give_back(self, devices: list[str]) -> None:
        with self.changed:
            if devices:
                self._gpus = sorted(self._gpus + devices)
            else:
                self._cpu += 1
            self.changed.notify_all()
