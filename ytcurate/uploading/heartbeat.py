"""What a cutting process is at, in memory that the uploading process sees: nobody is woken to hear of it."""

from __future__ import annotations

import mmap
import struct
import tempfile
import time
from typing import IO, NamedTuple

PHASES = ("writing", "cutting", "fetching")
_LAYOUT = struct.Struct("@qqdd")  # native and aligned: each value is stored in one piece


class Sign(NamedTuple):
    """The last sign of life."""

    phase: str
    ds_index: int
    """Of the source that is being cut; -1: none."""
    at_s: float
    """When it was given, on the clock that all processes of a machine share (``time.monotonic``)."""
    source_s: float
    """When its source was begun."""


class Heartbeat:
    """A few bytes in a file without a name; one process writes, another reads.

    Args:
        descriptor: of the file, where another process made it.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._file: IO[bytes] | None = None
        if descriptor is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
            self._file.truncate(mmap.PAGESIZE)
            descriptor = self._file.fileno()
        self._memory = mmap.mmap(descriptor, mmap.PAGESIZE)
        self._ds_index = -1
        self._source_s = time.monotonic()

    @property
    def descriptor(self) -> int:
        """For the other process to inherit."""
        assert self._file is not None
        return self._file.fileno()

    def give(self, phase: str, ds_index: int | None = None) -> None:
        """Say that something goes on.

        Args:
            phase: one of ``PHASES``.
            ds_index: of the source that is begun; None: the one before.
        """
        now = time.monotonic()
        if ds_index is not None:
            self._ds_index, self._source_s = ds_index, now
        _LAYOUT.pack_into(self._memory, 0, PHASES.index(phase), self._ds_index, now, self._source_s)

    def read(self) -> Sign:
        """Look at the last sign."""
        phase, ds_index, at_s, source_s = _LAYOUT.unpack_from(self._memory)
        return Sign(PHASES[phase], ds_index, at_s, source_s)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        if self._file is not None:
            self._file.close()
