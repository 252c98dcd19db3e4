"""Rows with pictures → rows with vectors, in the background: a future for each row."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from yt.yson import get_bytes

from ytcurate.config import GIB, ClipLimits
from ytcurate.describers.base import Outcome
from ytcurate.embedders.base import Embedder
from ytcurate.embedders.pictures import decode_keyframes, sample_pictures
from ytcurate.errors import EngineUnavailable, UnreadableVideo, UsageError, VideoError
from ytcurate.mappers.clip_files import clip_file, name_of_bytes
from ytcurate.mappers.embed_rows import (
    Row,
    embedded,
    empty_row,
    encoded_bytes,
    passed_on,
    require_columns,
)
from ytcurate.mappers.room import Room

if TYPE_CHECKING:
    import numpy as np

_BATCHES_AHEAD = 3
"""One in the model, one that is full, one that fills."""
_MOST_AHEAD_BYTES = GIB
_FILL_S = 0.05
"""How long a batch that is not full waits for more."""


@dataclass(frozen=True)
class _Waiting:
    """A row whose pictures are ready."""

    output: Row
    pictures: np.ndarray
    future: Future[Row]


class EmbedWorker:
    """Embeds rows in the background, several at a time; used from one thread or from many.

    What is read and not embedded is bounded: ``submit`` waits while there is too much of it.

    Args:
        embedder: used by this worker alone.
        batch_clips: most clips that the model gets at once.
        decode_threads: rows decoded at once.
        pictures: taken from the video of a row without keyframes.
        limits: what one picture, or one video, may cost.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        batch_clips: int = 32,
        decode_threads: int = 2,
        pictures: int = 3,
        limits: ClipLimits | None = None,
    ) -> None:
        for name, value in (
            ("batch_clips", batch_clips),
            ("decode_threads", decode_threads),
            ("pictures", pictures),
        ):
            if value < 1:
                raise UsageError(f"{name} must be 1 or more, it is {value}.")
        self._embedder = embedder
        self._batch_clips = batch_clips
        self._pictures = pictures
        self._limits = limits or ClipLimits()
        self._room = Room(_BATCHES_AHEAD * batch_clips + decode_threads, _MOST_AHEAD_BYTES)
        self._ready: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._error: EngineUnavailable | None = None
        self._closing = threading.Event()
        self._embed_s = self._waited_s = 0.0
        self._undone: set[Future[Row]] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode-pictures")
        # A daemon: a job that fails elsewhere must not wait for it.
        self._thread = threading.Thread(target=self._work, name="embed", daemon=True)
        self._thread.start()

    def __enter__(self) -> EmbedWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, row: Row) -> Future[Row]:
        """Take a row; its future gives the row of ``EMBED_COLUMNS``.

        Args:
            row: ``ds_index``, ``segment_index``, and ``keyframes`` (JPEG, PNG or WebP) or ``video`` or
                ``video_path``; ``clip_id``, ``outcome`` and ``detail`` are used when they are there.

        Raises:
            SchemaMismatch: the first two are missing, or ``keyframes`` is no list.
            EngineUnavailable: the model failed; the futures of rows that it was to embed raise the same.
        """
        require_columns(row)
        future: Future[Row] = Future()
        future.set_running_or_notify_cancel()
        output = empty_row(row, self._embedder.name)
        brought = str(row.get("outcome") or Outcome.OK)
        if brought != Outcome.OK:
            future.set_result(output | passed_on(brought, row.get("detail")))
            return future
        size = encoded_bytes(row)
        if not self._room.admit(size):
            raise self._error or RuntimeError("the worker was closed")
        with self._lock:
            self._undone.add(future)
        try:
            self._pool.submit(self._decode, row, output, size, future)
        except RuntimeError as error:  # closed meanwhile
            self._give_error(future, self._error or error)
        return future

    def statistics(self) -> dict[str, int]:
        """Milliseconds so far in which the model worked, and in which it waited for pictures."""
        return {
            "embed_ms": round(self._embed_s * 1000),
            "decode_wait_ms": round(self._waited_s * 1000),
        }

    def close(self) -> None:
        """Stop; futures of rows that are not embedded yet raise. May be called twice."""
        self._closing.set()
        self._room.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ready.put(None)
        self._thread.join()
        with self._lock:
            undone = list(self._undone)
        for future in undone:
            self._give_error(future, self._error or RuntimeError("the worker was closed"))

    def _decode(self, row: Row, output: Row, size: int, future: Future[Row]) -> None:
        """Make a row's pictures ready, or say why there are none; runs in the pool."""
        try:
            pictures = self._embedder.prepare(self._pictures_of(row, output))
        except VideoError as error:
            outcome, detail = Outcome.UNREADABLE, str(error)
        except MemoryError:
            outcome, detail = Outcome.FAILED, "its pictures do not fit into memory"
        except Exception as error:  # noqa: BLE001 - decoders meet hostile bytes; it stays this clip's affair
            outcome, detail = Outcome.FAILED, f"decoding failed ({type(error).__name__}: {error})"
        else:
            self._room.change(size=pictures.nbytes - size)
            self._ready.put(_Waiting(output, pictures, future))
            return
        self._room.change(clips=-1, size=-size)
        self._give(future, output | {"outcome": str(outcome), "detail": detail})

    def _pictures_of(self, row: Row, output: Row) -> Iterator[np.ndarray]:
        if keyframes := row.get("keyframes"):
            return decode_keyframes([get_bytes(each) for each in keyframes], self._limits)
        file = clip_file(row)
        if file is not None and not file.is_file():
            raise UnreadableVideo(
                f"the job has no file {file.name}: give it {row['video_path']} in file_paths"
            )
        if file is None and row.get("video") is None:
            raise UnreadableVideo("the row has neither keyframes nor a video")
        video = file or get_bytes(row["video"])
        output["clip_id"] = output["clip_id"] or name_of_bytes(video)
        return sample_pictures(video, self._pictures, self._limits)

    def _work(self) -> None:
        """Embed batches until the worker is closed or the model fails; runs on the worker's thread."""
        while batch := self._next_batch():
            started = time.monotonic()
            try:
                vectors = self._embedder.embed_prepared([each.pictures for each in batch])
            except Exception as error:  # noqa: BLE001 - the model met pictures of its own size: it is not the clips'
                self._fail(batch, error)
                return
            self._embed_s += time.monotonic() - started
            self._room.change(clips=-len(batch), size=-sum(each.pictures.nbytes for each in batch))
            for each, vector in zip(batch, vectors, strict=True):
                self._give(each.future, each.output | embedded(vector))

    def _next_batch(self) -> list[_Waiting]:
        """Wait for a row, then a moment for more; empty when the worker is closed."""
        started = time.monotonic()
        first = self._ready.get()
        batch = [] if first is None else [first]
        end = time.monotonic() + _FILL_S
        while batch and len(batch) < self._batch_clips and not self._closing.is_set():
            try:
                item = self._ready.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if item is not None:
                batch.append(item)
        self._waited_s += time.monotonic() - started
        return [] if self._closing.is_set() else batch

    def _fail(self, batch: list[_Waiting], error: Exception) -> None:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:500]
        self._error = EngineUnavailable(
            f"model {self._embedder.name}: it failed on {len(batch)} clips at once ({type(error).__name__}: "
            f"{reason}). If that is memory, take a smaller batch_clips."
        )
        self._error.__cause__ = error
        self._room.close()
        for each in batch:
            self._give_error(each.future, self._error)
        while (item := self._ready.get()) is not None:
            self._give_error(item.future, self._error)

    def _give(self, future: Future[Row], row: Row) -> None:
        if self._take(future):
            future.set_result(row)

    def _give_error(self, future: Future[Row], error: BaseException) -> None:
        if self._take(future):
            future.set_exception(error)

    def _take(self, future: Future[Row]) -> bool:
        """Whoever gets True, and nobody else, may say what became of it."""
        with self._lock:
            is_undone = future in self._undone
            self._undone.discard(future)
        return is_undone
