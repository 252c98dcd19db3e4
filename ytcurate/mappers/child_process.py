"""What a process needs that cuts untrusted videos for another one: limits, and an end."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

_LOOK_FOR_PARENT_EVERY_S = 2.0


def limit_memory(more_bytes: int) -> None:
    """Let this process take so much more than it has: a hostile header must not take the machine's.

    Done on Linux, as jobs run there; elsewhere address space is not limited.
    """
    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def end_with_parent() -> None:
    """End this process when the one that started it is gone, and leave Ctrl-C to that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_EVERY_S)
    os._exit(1)
