"""The process that cuts videos inside a job: a file with a video in, a file with its rows out.

``python -m ytcurate.mappers.cut_child`` is started by guarded_cut.py and speaks over the pipe whose
descriptor it is given. It ends when the pipe does, or when the process that started it is gone.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from ytcurate.describers.base import Outcome
from ytcurate.mappers.child_process import end_with_parent, limit_memory
from ytcurate.mappers.clips import Row, SourceRecord, clip_rows, problem_row
from ytcurate.mappers.cut_messages import CutTask, Hashed, Setup, Sign, write_rows
from ytcurate.mappers.heavy_clips import refuse, row_weight
from ytcurate.media.progress import listen_to_progress

_SIGN_EVERY_S = 1.0
_ADVICE = "Cut shorter clips with --clip-seconds, or upload from here with --store file"


class _Child:
    def __init__(self, setup: Setup, pipe: Connection) -> None:
        self._setup = setup
        self._pipe = pipe
        self._next_sign_s = 0.0
        listen_to_progress(self._sign)

    def cut(self, task: CutTask) -> SourceRecord:
        """Write a video's rows; its record is complete afterwards."""
        write_rows(task, self._rows(task))
        return task.record

    def _rows(self, task: CutTask) -> Iterator[Row]:
        record, video = task.record, task.video
        assert video is not None
        try:
            record.source_bytes = video.stat().st_size
            with video.open("rb") as file:
                record.digest = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            yield problem_row(record, 0, Outcome.UNREADABLE, error.strerror or str(error))
            return
        self._pipe.send(Hashed(record.digest))
        setup = self._setup
        cap = setup.max_row_bytes
        rows = clip_rows(video, record, setup.segmenting, preview=setup.preview, scoring=setup.scoring)
        for row in rows:
            self._sign()
            heavy = cap is not None and row_weight(row) >= cap
            yield refuse(row, record, cap or 0, advice=_ADVICE) if heavy else row

    def _sign(self) -> None:
        if time.monotonic() >= self._next_sign_s:
            self._pipe.send(Sign())
            self._next_sign_s = time.monotonic() + _SIGN_EVERY_S


def main() -> None:
    """Cut what is asked until the pipe ends."""
    end_with_parent()
    pipe: Connection = Connection(int(sys.argv[1]))
    try:
        setup: Setup = pipe.recv()
        child = _Child(setup, pipe)
        # Loaded before the limit, so that it is not counted among what a video takes.
        import av.codec

        assert av.codec
        limit_memory(setup.max_memory_bytes)
        while True:
            pipe.send(child.cut(pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
