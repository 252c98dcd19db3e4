"""Untrusted videos, cut side by side in processes of their own: one that kills its process is a row.

Memory here is that of one row: videos come as files, and their rows go through files.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import IO

from ytcurate.config import SourceLimits
from ytcurate.describers.base import Outcome
from ytcurate.mappers.clips import Row, SourceRecord, problem_row
from ytcurate.mappers.cut_messages import CutTask, Hashed, Setup, Sign, read_rows, write_rows

_CRASHES = 2
"""After so many a video that ends its process is given up."""
_LOOK_EVERY_S = 0.5


class CutterDied(Exception):
    """A process ended, or was stopped, over a video; the message says why."""

    def __init__(self, message: str, *, is_limit: bool = False) -> None:
        super().__init__(message)
        self.is_limit = is_limit
        """Whether the video took longer than one may; it would do so again."""


class CutChild:
    """One process, used by one thread at a time; it is started again when it is gone."""

    def __init__(self, setup: Setup, limits: SourceLimits) -> None:
        self._setup = setup
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._errors: IO[bytes] | None = None
        self._is_closed = False
        self.digest = b""
        """Of the video it is at, once that is known."""

    def cut(self, task: CutTask) -> SourceRecord:
        """Cut one video; its rows are in the task's file afterwards.

        Raises:
            CutterDied: the process ended, or took longer than a video may.
        """
        self.digest = b""
        began_s = heard_s = time.monotonic()
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            assert self._pipe is not None
            self._pipe.send(task)
            while True:
                if self._pipe.poll(_LOOK_EVERY_S):
                    said = self._pipe.recv()
                    heard_s = time.monotonic()
                    if isinstance(said, SourceRecord):
                        return said
                    if isinstance(said, Hashed):
                        self.digest = said.digest
                    else:
                        assert isinstance(said, Sign)
                self._require_life(began_s, heard_s)
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            raise CutterDied(self._why_it_ended()) from error

    def end(self) -> None:
        """End the process for good; another thread may be at it, and is left with what it holds."""
        self._is_closed = True
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        if self._errors is not None:
            self._errors.close()
        self._process = self._pipe = self._errors = None

    def _require_life(self, began_s: float, heard_s: float) -> None:
        now, limits = time.monotonic(), self._limits
        if now - heard_s > limits.stall_seconds:
            self.stop()
            reason = f"reading it stood still for {limits.stall_seconds:g} s (--stall-seconds)"
            raise CutterDied(reason, is_limit=True)
        if now - began_s > limits.max_seconds:
            self.stop()
            reason = f"cutting it took more than {limits.max_seconds:g} s (--max-source-seconds)"
            raise CutterDied(reason, is_limit=True)

    def _start(self) -> None:
        self.stop()
        ours, theirs = Pipe()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ytcurate.mappers.cut_child", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            # In a job the code lies where only this interpreter was told to look.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        theirs.close()
        self._pipe = ours
        # Looked at when there is a process that ``end`` may have missed.
        if self._is_closed:
            self.stop()
            raise RuntimeError("the processes that cut were ended")
        self._pipe.send(self._setup)

    def _why_it_ended(self) -> str:
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.stop()
        if code < 0:
            return f"its process was killed by signal {-code}"
        return f"its process ended with code {code}: {said[-1] if said else 'it said nothing'}"


class GuardedCutter:
    """Cuts videos side by side; a context manager, which stops the processes.

    Args:
        setup: how to cut.
        limits: of one video.
        processes: that cut side by side.
    """

    def __init__(self, setup: Setup, limits: SourceLimits, processes: int) -> None:
        self._processes = [CutChild(setup, limits) for _ in range(processes)]
        self._idle: SimpleQueue[CutChild] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="cut")

    def __enter__(self) -> GuardedCutter:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.end()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for process in self._processes:
            process.stop()

    def cut(self, tasks: Iterable[CutTask]) -> Iterator[tuple[SourceRecord, Iterator[Row]]]:
        """Cut videos, and give what became of each in the order of the tasks.

        A task is taken when a process is free for it. Its files are removed once its rows were given.
        """
        waiting: deque[tuple[CutTask, Future[SourceRecord]]] = deque()
        for task in tasks:
            waiting.append((task, self._threads.submit(self._cut, task)))
            while waiting and (len(waiting) > len(self._processes) or waiting[0][1].done()):
                yield from _result(*waiting.popleft())
        while waiting:
            yield from _result(*waiting.popleft())

    def _cut(self, task: CutTask) -> SourceRecord:
        if task.video is None:
            write_rows(task, _rows_without_video(task.record))
            return task.record
        process = self._idle.get()
        try:
            return _cut_or_judge(process, task)
        finally:
            self._idle.put(process)


def _cut_or_judge(process: CutChild, task: CutTask) -> SourceRecord:
    """Cut a video; one that ends its process is tried once more, unless time was the reason."""
    crashes = 0
    while True:
        try:
            return process.cut(task)
        except CutterDied as death:
            crashes += 1
            if death.is_limit or crashes >= _CRASHES:
                record = replace(task.record, digest=process.digest)
                write_rows(task, [problem_row(record, 0, Outcome.FAILED, str(death))])
                return record


def _rows_without_video(record: SourceRecord) -> Iterator[Row]:
    if record.outcome != Outcome.DUPLICATE:
        yield problem_row(record, 0, Outcome(record.outcome), record.detail or "it came with no reason")


def _result(task: CutTask, cut: Future[SourceRecord]) -> Iterator[tuple[SourceRecord, Iterator[Row]]]:
    yield cut.result(), read_rows(task.rows)
    task.rows.unlink(missing_ok=True)
    if task.video is not None and task.is_temporary:
        task.video.unlink(missing_ok=True)
