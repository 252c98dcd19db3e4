"""Runs a command and says what it cost: time, processor time of all its processes, memory."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.harness import ROOT

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_S = 0.05
_STUCK_S = 60.0


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """Of the process and of all it started, to their ends."""
    output: str
    """What it printed."""
    peak_bytes: int = 0
    """The most memory that all its processes held at once, shared pages counted once (the sum of their
    PSS, looked at every 50 ms); 0 if it was not watched."""


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent has ended, so that their time is counted here.

    To be called once, after what must outlive this process is started.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run_command(command: Sequence[str], *, watch_memory: bool = False) -> Cost:
    """Run a program to its end, and to the end of all that it started.

    Args:
        command: of the program.
        watch_memory: also look at memory; that takes a few hundredths of a core.

    Raises:
        RuntimeError: it failed; its last words are in the message. Or something it started did not end.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    peak = _Peak(process.pid)
    if watch_memory:
        peak.start()
    output, errors = process.communicate()
    wall_s = time.perf_counter() - started
    peak.stop()
    _reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {errors[-2000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s, cpu_s, output, peak.bytes)


def _reap() -> None:
    """Wait for orphans, as multiprocessing leaves them for a moment."""
    deadline = time.monotonic() + _STUCK_S
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        raise RuntimeError(f"a process that a measured command started still runs after {_STUCK_S:.0f} s")


class _Peak(threading.Thread):
    """Looks at the memory of a process and of those below it until it is stopped."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.bytes = 0

    def run(self) -> None:
        """Be the thread."""
        while not self._over.wait(_SAMPLE_S):
            with suppress(psutil.Error):
                root = psutil.Process(self._pid)
                family = [root, *root.children(recursive=True)]
                self.bytes = max(self.bytes, sum(map(_pss_bytes, family)))

    def stop(self) -> None:
        """End the thread, if it was started."""
        self._over.set()
        if self.is_alive():
            self.join()


def _pss_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
