"""The descriptors of a job: which number carries what, and how a shell puts them there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from pathlib import Path
from typing import IO

FIRST_FREE = 600
"""Ends for the child are moved to numbers from here on, clear of those they are to get."""
STATISTICS = 5
PROFILE = 8
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031


def output_descriptors(count: int, *, redirect_stdout: bool, yamr: bool) -> list[int]:
    """Descriptor of each output table."""
    if yamr:
        return [3 + index for index in range(count)]
    first = 4 if redirect_stdout else 1
    return [first + 3 * index for index in range(count)]


def make_pipe() -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(write, F_SETPIPE_SZ, PIPE_BYTES)
    return read, write


def spawn(
    command: str, folder: Path, environment: dict[str, str], stdin: int, wanted: dict[int, int]
) -> subprocess.Popen[bytes]:
    """Start `bash -c command` in a session of its own with exactly the descriptors of `wanted`.

    `wanted` maps the number in the job to our end; all our ends are closed here. A little shell in
    front puts them in place: doing it between fork and exec in Python is unsafe with threads.
    """
    moved: dict[int, int] = {}
    try:
        for number, ours in wanted.items():
            moved[number] = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE)
        places = " ".join(f"{number}>&{high}" for number, high in moved.items())
        closes = " ".join(f"{high}>&-" for high in moved.values())
        script = f'exec {places}\nexec {closes}\nexec bash -c "$1"\n'
        return subprocess.Popen(
            ["bash", "-c", script, "job", command],
            cwd=folder,
            env=environment,
            stdin=stdin,
            pass_fds=tuple(moved.values()),
            start_new_session=True,
        )
    finally:
        for descriptor in {stdin, *moved.values(), *wanted.values()}:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def wait(process: subprocess.Popen[bytes]) -> tuple[int, int, int]:
    """Its exit code, and milliseconds of user and system time of it and all it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, int(usage.ru_utime * 1000), int(usage.ru_stime * 1000)


class StderrKeeper:
    """A job's stderr on disk: all of it up to a size, then its head and its tail."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._head = max(limit // 2, 1)
        self._limit = limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("wb", buffering=0)
        self._written = 0
        self._tail = b""
        self._skipped = 0

    def add(self, data: bytes) -> None:
        room = max(self._head - self._written, 0)
        if room:
            self._file.write(data[:room])
            self._written += len(data[:room])
        self._tail += data[room:]
        over = len(self._tail) - (self._limit - self._head)
        if over > self._limit:
            self._tail = self._tail[over:]
            self._skipped += over

    def close(self) -> int:
        """Write the tail; returns the size of the whole file."""
        over = len(self._tail) - (self._limit - self._head)
        if over > 0:
            self._tail = self._tail[over:]
            self._skipped += over
        if self._skipped:
            self._file.write(f"\n...skipped {self._skipped} bytes...\n".encode())
        self._file.write(self._tail)
        self._file.close()
        return self.path.stat().st_size
