"""The descriptors of a job: which number carries what, and how a shell puts them there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import termios
from pathlib import Path

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


def make_pipe(size: int = PIPE_BYTES) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(write, F_SETPIPE_SZ, size)
    return read, write


def unread_bytes(descriptor: int) -> int:
    """How much lies in a pipe, written and not yet read."""
    (count,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))
    return int(count)


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
