"""A job's stderr on disk: all of it up to a size, then its head and its tail."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import IO

SKIPPED = b"\n...skipped...\n"


class StderrKeeper:
    """Takes what a job writes to descriptor 2; half of the limit is for its head, half for its tail."""

    def __init__(self, path: Path, limit: int, whole: Path | None = None) -> None:
        """
        Args:
            whole: a second file, which gets everything.
        """
        self.path = path
        self._half = limit // 2
        self._lock = threading.Lock()
        self._file = _open(path)
        self._whole = None if whole is None else _open(whole)
        self._head_size = 0
        self._tail = bytearray()
        self._skipped = False

    def add(self, data: bytes) -> None:
        with self._lock:
            if self._whole is not None:
                self._whole.write(data)
            room = self._half - self._head_size
            if room > 0:
                self._head_size += self._file.write(data[:room])
            self._tail += data[max(room, 0) :]
            # Not after every few bytes: each cut copies the tail.
            if len(self._tail) > 2 * self._half:
                self._cut()

    def _cut(self) -> None:
        over = len(self._tail) - self._half
        if over > 0:
            del self._tail[:over]
            self._skipped = True

    def tail(self) -> bytes:
        """What comes after the bytes in the file."""
        with self._lock:
            self._cut()
            return (SKIPPED if self._skipped else b"") + bytes(self._tail)

    @property
    def size(self) -> int:
        with self._lock:
            self._cut()
            return self._head_size + len(self._tail) + (len(SKIPPED) if self._skipped else 0)

    def close(self) -> int:
        """Write the tail; returns the size of the whole file."""
        self._file.write(self.tail())
        self._file.close()
        if self._whole is not None:
            self._whole.close()
        return self.path.stat().st_size


def _open(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb", buffering=0)
