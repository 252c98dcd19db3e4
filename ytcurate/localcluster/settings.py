"""What can be set when the local cluster starts."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1024 * 1024

ROW_WEIGHT_CAPS = {"tracto": 1024 * MIB, "ytsaurus": 128 * MIB}
"""Profile to the highest `max_row_weight` it accepts. Upstream's is a compiled constant; Tracto's own
video notebooks ask for 800 MiB and run."""

POOL_TREES = ("default", "cpu", "gpu_h100", "gpu_h200")
DEFAULT_PORT = 8000


def default_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "root"


def default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "ytcurate" / "cluster"


@dataclass(frozen=True, kw_only=True)
class Settings:
    data_dir: Path
    host: str = "127.0.0.1"
    port: int | None = None
    """0 takes any free port; None the port used last time, or 8000, or any free one."""
    profile: str = "tracto"
    pool_trees: tuple[str, ...] = POOL_TREES
    """Those whose name holds "gpu" offer GPUs."""
    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Jobs without a GPU that may run at once."""
    user: str = field(default_factory=default_user)
    token_file: Path | None = None
    """Holds the token every request must carry; None lets everybody in who reaches the port."""

    @property
    def row_weight_cap(self) -> int:
        return ROW_WEIGHT_CAPS[self.profile]
