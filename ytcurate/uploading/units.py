"""Source videos → units, in the order of the source, made ahead of the processes that cut them."""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from ytcurate.config import MIB
from ytcurate.sources.base import Remote, Source, SourceVideo
from ytcurate.uploading.messages import Task, Unit

_LARGEST_UNIT_BYTES = 512 * MIB
"""Each unit becomes a chunk of the table; a cluster wants few and large ones, of half a gigabyte."""
_SMALLEST_UNIT_BYTES = 24 * MIB
_UNITS_PER_PROCESS = 6
"""So many, where there is little to do, that no process ends long before the others."""
_MOST_SOURCES = 512
_UNKNOWN_BYTES = 64 * MIB
"""What a video of unknown size counts as."""


def unit_bytes(total_bytes: int | None, processes: int) -> int:
    """Choose how much source video makes a unit."""
    if total_bytes is None:
        return _LARGEST_UNIT_BYTES // 4
    share = total_bytes // (processes * _UNITS_PER_PROCESS)
    return min(max(share, _SMALLEST_UNIT_BYTES), _LARGEST_UNIT_BYTES)


@dataclass
class _End:
    error: BaseException | None = None


class UnitFeed:
    """Reads the source in a thread of its own and holds a bounded number of units ready.

    A context manager. Videos that a source gives as bytes are put into files, so that memory does not grow
    with what is held; ``forget`` removes those of a unit that is done.
    """

    def __init__(
        self,
        source: Source,
        *,
        first_index: int,
        is_done: Callable[[SourceVideo], bool],
        on_done: Callable[[], None],
        size: int,
        ahead: int,
    ) -> None:
        """Prepare.

        Args:
            source: iterated once.
            first_index: ``ds_index`` of the first video that is taken.
            is_done: says of a video whether it was taken before; such a video is left out.
            on_done: called for each that is left out.
            size: bytes of source video that make a unit.
            ahead: units made and not forgotten yet; no more are made until one is.
        """
        self._source, self._next = source, first_index
        self._is_done, self._on_done = is_done, on_done
        self._size = size
        self._ready: queue.Queue[Unit | _End] = queue.Queue()
        self._room = threading.Semaphore(ahead)
        self._stopping = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="ytcurate-upload-")
        self._thread = threading.Thread(target=self._run, name="read source", daemon=True)
        self._ended = False

    def __enter__(self) -> UnitFeed:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._room.release()
        self._thread.join(timeout=5)
        self._folder.cleanup()

    @property
    def has_ended(self) -> bool:
        """Whether the last unit was taken."""
        return self._ended

    def take(self, timeout_s: float) -> Unit | None:
        """Take the next unit; None if there is none yet, or none any more.

        Raises:
            Exception: what the source raised.
        """
        if self._ended:
            return None
        try:
            got = self._ready.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(got, Unit):
            return got
        self._ended = True
        if got.error is not None:
            raise got.error
        return None

    def forget(self, unit: Unit) -> None:
        """Remove what was kept for a unit, and let another one be made."""
        for task in unit.tasks:
            self._file(task.ds_index).unlink(missing_ok=True)
        self._room.release()

    def _run(self) -> None:
        try:
            for number, tasks in enumerate(self._groups()):
                self._ready.put(Unit(number=number, tasks=tasks))
            self._ready.put(_End())
        # Whatever it is: it is raised where the units are taken.
        except BaseException as error:  # noqa: BLE001
            self._ready.put(_End(error))

    def _groups(self) -> Iterator[tuple[Task, ...]]:
        tasks: list[Task] = []
        gathered = 0
        for video in self._source:
            if self._stopping.is_set():
                return
            if self._is_done(video):
                self._on_done()
                continue
            if not tasks:
                self._room.acquire()
                if self._stopping.is_set():
                    return
            tasks.append(Task(ds_index=self._next, video=self._put_away(video)))
            self._next += 1
            gathered += _bytes_of(video)
            if gathered >= self._size or len(tasks) >= _MOST_SOURCES:
                yield tuple(tasks)
                tasks, gathered = [], 0
        if tasks:
            yield tuple(tasks)

    def _put_away(self, video: SourceVideo) -> SourceVideo:
        if not isinstance(video.video, bytes):
            return video
        path = self._file(self._next)
        path.write_bytes(video.video)
        return replace(video, video=path, size=len(video.video))

    def _file(self, ds_index: int) -> Path:
        return Path(self._folder.name) / str(ds_index)


def _bytes_of(video: SourceVideo) -> int:
    if isinstance(video.video, bytes):
        return len(video.video)
    if video.size is not None:
        return video.size
    if isinstance(video.video, Remote):
        return _UNKNOWN_BYTES
    try:
        return Path(video.video).stat().st_size
    except OSError:
        return 0
