"""What can be set when the local cluster starts."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import resources
from ytcurate.localcluster.model.pools import check_name

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


def parse_pool_tree(text: str) -> tuple[str, dict[str, Any]]:
    """A tree with resources of its own, from `NAME={cpu=8;memory=...;gpu=2;user_slots=8}`.

    Raises:
        YtError: it is written in another way.
    """
    name, found, written = text.partition("=")
    try:
        given = yson.loads(written.encode(), encoding="utf-8") if found else None
    except yson.YsonError:
        given = None
    if not isinstance(given, dict):
        raise YtError(f"expected NAME={{cpu=8;memory=17179869184;gpu=2;user_slots=8}}, found {text}")
    unknown = sorted(set(given) - set(resources.NAMES))
    if unknown:
        raise YtError(f"a pool tree has {', '.join(resources.NAMES)}, not {', '.join(unknown)}")
    check_name(name)
    resources.parse(given, f"/{name}", resources.UNLIMITED)
    return name, {str(key): value for key, value in given.items()}


@dataclass(frozen=True, kw_only=True)
class Settings:
    data_dir: Path
    host: str = "127.0.0.1"
    port: int | None = None
    """0 takes any free port; None the port used last time, or 8000, or any free one."""
    profile: str = "tracto"
    pool_trees: tuple[str, ...] = POOL_TREES
    """The first is the default one."""
    tree_resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name, for trees that do not share the whole machine."""
    slots: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Jobs without a GPU that may run at once."""
    user: str = field(default_factory=default_user)
    token_file: Path | None = None
    """Holds the token every request must carry; None lets everybody in who reaches the port."""

    @property
    def row_weight_cap(self) -> int:
        return ROW_WEIGHT_CAPS[self.profile]
