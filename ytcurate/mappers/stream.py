"""Rows → decoded pictures → descriptions, all at once, in bounded memory.

``rows → admit (bounded by count and bytes) → decode pool → engine → rows``: a thread reads rows, a pool
decodes them, and the calling thread feeds the engine and hands out what is finished. The engine starts
while the first clips are decoding, and is never waiting while a decoded clip is there.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ytcurate.config import Buffering
from ytcurate.describers.base import Describer, Description
from ytcurate.media.frames import Frames

Row = TypeVar("Row")


@dataclass(kw_only=True)
class StreamStatistics:
    """Running totals of one stream."""

    clips_read: int = 0
    clips_done: int = 0
    decode_s: float = 0.0
    """Seconds spent decoding, summed over threads."""
    engine_waited_s: float = 0.0
    """Seconds the engine stood idle for want of decoded clips."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_decode(self, seconds: float) -> None:
        """Count time from any thread."""
        with self._lock:
            self.decode_s += seconds


@dataclass(frozen=True)
class Prepared(Generic[Row]):
    """A row after decoding: with pictures for the engine, or with what became of it already."""

    row: Row
    result: Frames | Description


class _Budget:
    """Counts clips and bytes held ahead of the engine; the reader waits here while there are too many.

    The limit on bytes is soft by the clips being decoded: a clip's pictures are counted when they exist.
    """

    def __init__(self, limits: Buffering) -> None:
        self._limits = limits
        self._clips = 0
        self._bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def admit(self, size: int) -> bool:
        """Wait for room, then count one clip in; False when the stream was closed meanwhile."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._closed
                    or self._clips == 0
                    or (
                        self._clips < self._limits.max_ahead_clips
                        and self._bytes < self._limits.max_ahead_bytes
                    )
                )
            )
            self._clips += 1
            self._bytes += size
            return not self._closed

    def resize(self, change: int) -> None:
        with self._changed:
            self._bytes += change
            self._changed.notify()

    def release(self, size: int) -> None:
        with self._changed:
            self._clips -= 1
            self._bytes -= size
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class ReadAhead(Generic[Row]):
    """Reads and decodes rows ahead of whoever takes them.

    Args:
        rows: driven by one thread; may end at any time.
        prepare: row → Prepared; called from several threads. An exception of it ends the stream, so
            what is the fault of one video must come back as a Description.
        size: bytes of encoded video in a row.
        limits: how far to run ahead.
        threads: rows prepared at once.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        prepare: Callable[[Row], Prepared[Row]],
        *,
        size: Callable[[Row], int],
        limits: Buffering,
        threads: int,
        statistics: StreamStatistics,
    ) -> None:
        self._rows = rows
        self._prepare = prepare
        self._size = size
        self._budget = _Budget(limits)
        self._statistics = statistics
        self._ready: queue.SimpleQueue[tuple[Prepared[Row], int] | BaseException | None] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        # A daemon: it may be blocked reading the job's input when the job has already failed.
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self.ended = False
        self._reader.start()

    def take(self, *, wait: bool) -> Prepared[Row] | None:
        """Take the next prepared row, in order of completion; None if none is ready, or at the end.

        Raises:
            Exception: what ``rows`` or ``prepare`` raised.
        """
        if self.ended:
            return None
        try:
            item = self._ready.get(block=wait)
        except queue.Empty:
            return None
        if item is None:  # the reader's last word
            self.ended = True
            return None
        if isinstance(item, BaseException):
            raise item
        prepared, size = item
        self._budget.release(size)
        return prepared

    def close(self) -> None:
        """Stop reading; rows already read are dropped."""
        self._budget.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> None:
        try:
            for row in self._rows:
                size = self._size(row)
                if not self._budget.admit(size):
                    return
                self._statistics.clips_read += 1
                self._pool.submit(self._run, row, size).add_done_callback(self._put)
                del row  # held by the pool alone, or a large clip would outlive its decoding
            self._pool.shutdown(wait=True)
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are taken
            self._ready.put(error)
        else:
            self._ready.put(None)

    def _run(self, row: Row, size: int) -> tuple[Prepared[Row], int]:
        started = time.monotonic()
        prepared = self._prepare(row)
        self._statistics.add_decode(time.monotonic() - started)
        pictures = prepared.result.pixels.nbytes if isinstance(prepared.result, Frames) else 0
        change = self._size(prepared.row) + pictures - size
        self._budget.resize(change)
        return prepared, size + change

    def _put(self, future: Future[tuple[Prepared[Row], int]]) -> None:
        if future.cancelled():
            return
        self._ready.put(future.exception() or future.result())


def describe_stream(
    rows: ReadAhead[Row],
    start_describer: Callable[[], Describer],
    statistics: StreamStatistics,
) -> Iterator[tuple[Row, Description]]:
    """Describe every row; yields each exactly once, as soon as it is finished.

    Args:
        rows: already reading and decoding when this is called.
        start_describer: called once, before the first row is taken.
        statistics: kept up to date while running.
    """
    try:
        describer = start_describer()
    except BaseException:
        rows.close()
        raise
    held: dict[int, Row] = {}
    key = 0
    try:
        while not (rows.ended and not describer.in_flight):
            while describer.room > 0 and not rows.ended:
                idle_since = time.monotonic()
                idle = describer.in_flight == 0
                prepared = rows.take(wait=idle)
                if idle:
                    statistics.engine_waited_s += time.monotonic() - idle_since
                if prepared is None:
                    break
                if isinstance(prepared.result, Description):
                    statistics.clips_done += 1
                    yield prepared.row, prepared.result
                    continue
                held[key] = prepared.row
                describer.submit(key, prepared.result)
                key += 1
            if describer.in_flight:
                for description in describer.collect():
                    statistics.clips_done += 1
                    yield held.pop(description.key), description
    finally:
        rows.close()
        describer.close()
