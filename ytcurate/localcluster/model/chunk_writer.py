"""Batches of rows into chunk files, a new one where the columns change or a chunk is full."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.columns import arrow_field
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Column

CHUNK_BYTES = 512 * 1024 * 1024
FLUSH_BYTES = 32 * 1024 * 1024
SYNC_FILE_RANGE_WRITE = 2
"""Of sync_file_range(2): begin to write, and do not wait."""
_libc, _Offset = ctypes.CDLL(None), ctypes.c_int64


@dataclass(frozen=True)
class Batch:
    """Some rows, checked and in columns."""

    row_count: int
    weight: int
    columns: list[pa.Array]
    weights: list[int]
    """Of each column."""
    first_key: list[Any]
    """Of a sorted table; [] otherwise."""
    last_key: list[Any]


class ChunkWriter:
    """Writes batches; `finish` returns their chunks in order. After an error call `discard`."""

    def __init__(self, files: ChunkFiles) -> None:
        self._files = files
        self._done: list[Chunk] = []
        self._sink: Any = None
        self._file: Any = None
        """The chunk being written; None between two. What follows is about it."""
        self._id = ""
        self._schema = pa.schema([])
        self._rows = self._weight = self._unflushed = 0
        self._weights: list[int] = []
        self._first_key: list[Any] = []
        self._last_key: list[Any] = []

    def add(self, columns: Sequence[Column], batch: Batch) -> None:
        # An Arrow file has one schema; columns are only ever added.
        if self._file is not None and len(columns) != len(self._schema):
            self._finish_chunk()
        if self._file is None:
            self._begin_chunk(columns, batch.first_key)
        # The rows of a batch without columns are only a number.
        self._file.write_batch(
            pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
            if batch.columns
            else pa.RecordBatch.from_struct_array(pa.array([{}] * batch.row_count, type=pa.struct([])))
        )
        self._rows += batch.row_count
        self._weight += batch.weight
        self._start_flushing(batch.weight)
        self._weights = [ours + new for ours, new in zip(self._weights, batch.weights, strict=True)]
        self._last_key = batch.last_key
        if self._weight >= CHUNK_BYTES:
            self._finish_chunk()

    def _begin_chunk(self, columns: Sequence[Column], first_key: list[Any]) -> None:
        self._schema = pa.schema([arrow_field(column) for column in columns])
        self._id, path = self._files.begin()
        self._sink = pa.OSFile(str(path), "wb")
        self._file = pa.ipc.new_file(self._sink, self._schema)
        self._first_key, self._last_key = first_key, first_key
        self._rows = self._weight = self._unflushed = 0
        self._weights = [0] * len(columns)

    def _start_flushing(self, size: int) -> None:
        """Have the system write to the disk what it has, so that little is left to wait for at the end."""
        self._unflushed += size
        if self._unflushed >= FLUSH_BYTES:
            self._unflushed = 0
            with suppress(AttributeError, OSError):  # of systems that have no such call
                _libc.sync_file_range(self._sink.fileno(), _Offset(0), _Offset(0), SYNC_FILE_RANGE_WRITE)

    def _finish_chunk(self) -> None:
        self._file.close()
        self._sink.close()
        self._file = None
        self._done.append(
            Chunk(
                self._id,
                "table",
                self._rows,
                self._weight,
                self._weight,
                self._files.finish(self._id),
                dict(zip(self._schema.names, self._weights, strict=True)),
                self._first_key,
                self._last_key,
            )
        )

    def finish(self) -> list[Chunk]:
        """The chunks of all that was added."""
        if self._file is not None:
            self._finish_chunk()
        return self._done

    def discard(self) -> None:
        """Delete everything written."""
        if self._file is not None:
            with suppress(OSError):  # of a full disk
                self._file.close()
            with suppress(OSError):
                self._sink.close()
            self._file = None
            self._files.discard(self._id)
        for chunk in self._done:
            self._files.discard(chunk.id)
        self._done = []
