"""Rows → decoded pictures, ahead of the engine and within bounds of clips and bytes."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from ytcurate.config import Buffering
from ytcurate.describers.base import Description, Outcome
from ytcurate.mappers.room import Room
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.media.frames import Frames

Row = TypeVar("Row")

_AHEAD_OF_EACH_THREAD = 3
"""Decoded clips in store for each thread that decodes: enough for the clips that take long."""


@dataclass(frozen=True)
class Prepared(Generic[Row]):
    """A row after decoding: with pictures for the engine, or with what became of it already."""

    row: Row
    result: Frames | Description


@dataclass
class Taken(Generic[Row]):
    """A prepared row in the hands of whoever took it; what it weighs counts until ``ReadAhead.finish``."""

    place: int
    """Place of the row in the input, from 0."""
    prepared: Prepared[Row]
    held_bytes: int
    """Encoded video and pictures, as counted."""


class ReadAhead(Generic[Row]):
    """Reads and decodes rows ahead of whoever takes them.

    Bytes of a row are counted from its reading to ``finish``, its pictures until ``let_go_of_pictures``;
    clips are counted until they are taken.

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
        # Soft by the clips being decoded: a clip's pictures are counted when they exist.
        self._room = Room(limits.max_ahead_clips or _AHEAD_OF_EACH_THREAD * threads, limits.max_ahead_bytes)
        self._statistics = statistics
        self._ready: queue.SimpleQueue[Taken[Row] | BaseException | None] = queue.SimpleQueue()
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        # A daemon: it may be blocked reading the job's input when the job has already failed.
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self.ended = False
        self._reader.start()

    def take(self, *, wait: bool) -> Taken[Row] | None:
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
        self._room.change(clips=-1)
        return item

    def prepare_again(self, taken: Iterable[Taken[Row]]) -> Iterator[Prepared[Row]]:
        """Decode rows once more, whose pictures were let go of; in their order, as many ahead as threads."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode-again") as pool:
            ahead: deque[Future[Prepared[Row]]] = deque()
            for each in taken:
                ahead.append(pool.submit(self._timed, each.prepared.row))
                if len(ahead) >= self._threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def let_go_of_pictures(self, taken: Taken[Row]) -> None:
        """Say that the engine has the pictures now."""
        pictures = _pictures_bytes(taken.prepared)
        taken.prepared = Prepared(taken.prepared.row, _HANDED_OVER)
        taken.held_bytes -= pictures
        self._room.change(size=-pictures)

    def finish(self, taken: Taken[Row]) -> None:
        """Say that nothing of this row is held any more."""
        self._room.change(size=-taken.held_bytes)
        taken.held_bytes = 0

    def close(self) -> None:
        """Stop reading; rows already read are dropped."""
        self._room.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> None:
        try:
            for place, row in enumerate(self._rows):
                size = self._size(row)
                if not self._room.admit(size):
                    return
                self._statistics.clips_read += 1
                self._pool.submit(self._run, place, row, size).add_done_callback(self._put)
                del row  # held by the pool alone, or a large clip would outlive its decoding
            self._pool.shutdown(wait=True)
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are taken
            self._ready.put(error)
        else:
            self._ready.put(None)

    def _run(self, place: int, row: Row, size: int) -> Taken[Row]:
        prepared = self._timed(row)
        held = self._size(prepared.row) + _pictures_bytes(prepared)
        self._room.change(size=held - size)
        return Taken(place, prepared, held)

    def _timed(self, row: Row) -> Prepared[Row]:
        started = time.monotonic()
        prepared = self._prepare(row)
        self._statistics.add_decode(time.monotonic() - started)
        return prepared

    def _put(self, future: Future[Taken[Row]]) -> None:
        if future.cancelled():
            return
        self._ready.put(future.exception() or future.result())


def _pictures_bytes(prepared: Prepared[Row]) -> int:
    return prepared.result.pixels.nbytes if isinstance(prepared.result, Frames) else 0


_HANDED_OVER = Description(key=-1, outcome=Outcome.OK)
"""Stands where pictures were that the engine has now."""
