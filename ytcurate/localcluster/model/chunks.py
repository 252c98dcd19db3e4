"""Chunk files: immutable, referenced from the store, complete from the moment they have their name.

A chunk of a table is an Arrow IPC file, read through a memory map: a column that was not asked for is
never read from the disk, and a reader holds one batch at a time. A chunk of a file is its bytes.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from ytcurate.localcluster.model.ids import new_id

TEMPORARY = ".tmp"
RESIDENT_BYTES = 64 * 1024 * 1024
"""Pages of a chunk that may stay in memory while it is read; a sixteenth of it may stay afterwards."""
OPEN_CHUNKS = 64


class ChunkFiles:
    """The folder of chunk files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._unfinished: dict[str, threading.Thread] = {}
        """Begun and neither finished nor discarded, and who began it."""

    def path(self, chunk_id: str) -> Path:
        return self.folder / chunk_id[-2:].rjust(2, "0") / chunk_id

    def begin(self) -> tuple[str, Path]:
        """A new id, and where to write before `finish`."""
        chunk_id = new_id("chunk")
        path = self.path(chunk_id)
        path.parent.mkdir(exist_ok=True)
        self._unfinished[chunk_id] = threading.current_thread()
        return chunk_id, path.with_name(path.name + TEMPORARY)

    def finish(self, chunk_id: str) -> int:
        """Make the written file durable and give it its name; returns its size."""
        self._unfinished.pop(chunk_id, None)
        path = self.path(chunk_id)
        temporary = path.with_name(path.name + TEMPORARY)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o444)
        temporary.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path.stat().st_size

    def discard(self, chunk_id: str) -> None:
        self._unfinished.pop(chunk_id, None)
        path = self.path(chunk_id)
        path.unlink(missing_ok=True)
        temporary = path.with_name(path.name + TEMPORARY)
        with contextlib.suppress(FileNotFoundError):
            # A file that somebody still has open would keep its space on the disk.
            os.truncate(temporary, 0)
            temporary.unlink()
        open_table_chunk.cache_clear()

    def discard_abandoned(self) -> int:
        """Delete what was begun and will never be finished; returns how many files went.

        That is what this thread began (call this only once its command is over), and what a thread began
        that has ended, unless the file is open. A writer that meets a full disk cannot always close its
        file, and its rows would keep the disk full.
        """
        here, gone = threading.current_thread(), 0
        others = [each for each, thread in list(self._unfinished.items()) if thread is not here]
        ended = [each for each in others if not self._unfinished.get(each, here).is_alive()]
        open_paths = _open_paths() if ended else set()
        for chunk_id, thread in list(self._unfinished.items()):
            path = self.path(chunk_id)
            temporary = str(path.with_name(path.name + TEMPORARY).resolve())
            if thread is here or (chunk_id in ended and temporary not in open_paths):
                self.discard(chunk_id)
                gone += 1
        return gone

    def collect(self, known: set[str]) -> int:
        """At start: delete what no record names; returns how many files went."""
        gone = 0
        for path in self.folder.glob("*/*"):
            if path.name not in known and path.is_file():
                path.unlink(missing_ok=True)
                gone += 1
        return gone


def _open_paths() -> set[str]:
    """Files this process has open."""
    found = set()
    for path in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            found.add(str(path.readlink()))
    return found


class TableChunk:
    """An open chunk of rows."""

    def __init__(self, path: str) -> None:
        # Not Arrow's own map: of that the system reads every batch whole, whatever columns are used.
        with Path(path).open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # A touched page brings no others along; what is wanted is asked for by `_fetch`.
        self._map.madvise(mmap.MADV_RANDOM)
        mapped = pa.py_buffer(self._map)
        self._address = mapped.address
        self._reader = pa.ipc.open_file(pa.BufferReader(mapped))
        self._touched = 0
        self.schema: pa.Schema = self._reader.schema
        self.names: list[str] = list(self.schema.names)
        ends, total = [], 0
        for index in range(self._reader.num_record_batches):
            total += self._reader.get_batch(index).num_rows
            ends.append(total)
        self.ends = ends
        """Row number after the last row of each batch."""

    def batches(self, start: int, end: int, columns: list[str] | None) -> Any:
        """Record batches of rows [start, end) with the named columns (those it has), in order."""
        index = bisect_right(self.ends, start)
        row = self.ends[index - 1] if index else 0
        while index < len(self.ends) and row < end:
            batch = self._reader.get_batch(index)
            if columns is not None:
                batch = batch.select([name for name in columns if name in self.names])
            self._fetch(batch)
            low, high = max(start - row, 0), min(end - row, self.ends[index] - row)
            yield batch.slice(low, high - low), high - low
            self._touched += batch.nbytes
            row = self.ends[index]
            index += 1
            is_last = row >= end or index == len(self.ends)
            if self._touched >= (RESIDENT_BYTES // 16 if is_last else RESIDENT_BYTES):
                self._let_go()

    def _let_go(self) -> None:
        """Give pages that were read back to the system, which keeps them as long as it has room.

        They would count as this process's memory otherwise, up to whole tables. Whoever still looks at one
        gets it again.
        """
        self._touched = 0
        self._map.madvise(mmap.MADV_DONTNEED)

    def _fetch(self, batch: pa.RecordBatch) -> None:
        """Have the system read a batch from the disk, in one go."""
        for column in batch.columns:
            for buffer in column.buffers():
                if buffer is not None and buffer.size:
                    first = (buffer.address - self._address) // mmap.PAGESIZE * mmap.PAGESIZE
                    size = buffer.address + buffer.size - self._address - first
                    self._map.madvise(mmap.MADV_WILLNEED, first, size)


@lru_cache(maxsize=OPEN_CHUNKS)
def open_table_chunk(path: str) -> TableChunk:
    """Open chunks are kept for a while: parallel readers come back with many small ranges."""
    return TableChunk(path)
