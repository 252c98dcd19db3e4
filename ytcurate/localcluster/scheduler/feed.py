"""What a job is given to read: how many rows so far, what was written to it last, and the writing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler import pipes

log = logging.getLogger(__name__)

CONTEXT_BYTES = 1 << 20
"""A job's input context is the last one or two pieces of this size."""
LOOK_BYTES = 1 << 20
"""Of input between two looks whether to stop."""


class Meter:
    """Counts the rows that were written to a job; told to stop, its input ends after the rows begun.

    At least the first rows are always written: a job that was given nothing would do nothing.
    """

    def __init__(self, rows: int, data_weight: int, buffer_row_count: int) -> None:
        """
        Args:
            rows: how many there are.
            data_weight: of all of them, in bytes.
            buffer_row_count: at most so many are written without a look whether to stop.
        """
        self.total = rows
        mean = data_weight // max(rows, 1)
        self.rows_at_once = max(min(buffer_row_count, LOOK_BYTES // max(mean, 1)), 1)
        self.rows = 0
        self._stop = False

    def stop(self) -> None:
        self._stop = True

    def passed(self, count: int) -> bool:
        """So many more rows were written; says whether to end here."""
        self.rows += count
        return self.is_stopped

    @property
    def is_stopped(self) -> bool:
        return self._stop and self.rows > 0

    @property
    def progress(self) -> float:
        return self.rows / self.total if self.total else 0.0


class InputContext:
    """The end of what was written to a job, as a node keeps it: for whoever asks what broke it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before = b""
        self._current = bytearray()
        self.size = 0
        """Of all that was written, in bytes."""

    def add(self, data: bytes) -> None:
        with self._lock:
            self.size += len(data)
            self._current += data
            if len(self._current) > CONTEXT_BYTES:
                self._before, self._current = bytes(self._current), bytearray()

    def read(self) -> bytes:
        with self._lock:
            return self._before + bytes(self._current)


class Feeder:
    """Writes a job's input into a pipe, in a thread of its own."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        context: InputContext,
        pipe_capacity: int,
        broke: Callable[[YtError], None],
    ) -> None:
        """
        Args:
            broke: told of what went wrong on our side.
        """
        self.stdin, self._write_end = pipes.make_pipe(pipe_capacity)
        """The job's end of the pipe: for who starts the job to close."""
        self._held = os.dup(self.stdin)
        """A second one of those, which shows what the job left."""
        self._pieces = pieces
        self._context = context
        self._broke = broke
        self._is_written = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> bool:
        """The job is gone: let go of the pipe. Says whether the job has read everything."""
        left = pipes.unread_bytes(self._held)
        while not left and self._thread.is_alive():
            # It will be done, or have written what nobody reads.
            self._thread.join(0.01)
            left = pipes.unread_bytes(self._held)
        os.close(self._held)
        self._thread.join()
        return self._is_written and not left

    def _run(self) -> None:
        try:
            with contextlib.closing(self._pieces):  # type: ignore[type-var]
                for piece in self._pieces:
                    self._context.add(piece)
                    view = memoryview(piece)
                    while view:
                        view = view[os.write(self._write_end, view) :]
            self._is_written = True
        except BrokenPipeError:
            pass  # A job may stop reading when it has seen enough.
        except YtError as error:
            self._broke(error)
        except Exception as error:
            log.exception("bug while feeding a job")
            self._broke(errors.bug("job input", error))
        finally:
            os.close(self._write_end)
