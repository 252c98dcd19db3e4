"""The process that cuts: source videos in, rows straight to the cluster.

``python -m ytcurate.uploading.cutter`` is started by pool.py with the descriptors of a pipe, over which it
gets orders, and of a heartbeat. It ends when the pipe does, or when the process that started it is gone.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ytcurate.describers.base import Outcome
from ytcurate.errors import VideoError
from ytcurate.mappers.child_process import end_with_parent, limit_memory
from ytcurate.mappers.clips import Row, SourceRecord, clip_rows, problem_row
from ytcurate.mappers.heavy_clips import refuse
from ytcurate.media.probe import VideoLike
from ytcurate.media.progress import listen_to_progress
from ytcurate.sources.base import Remote, digest_of
from ytcurate.tables.stream_rows import stream_rows
from ytcurate.uploading.heartbeat import Heartbeat
from ytcurate.uploading.messages import Done, Failed, Hashed, Order, Setup, Task, Unit, Verdict
from ytcurate.uploading.whole import as_video_row, whole_rows

_SIGN_EVERY_S = 1.0
_NICENESS = 5
_ADVICE = "Cut shorter clips with --clip-seconds, or keep such clips as files with --store file"


class Cutter:
    """Writes one unit after the other."""

    def __init__(self, setup: Setup, pipe: Connection, heartbeat: Heartbeat) -> None:
        import yt.wrapper as yt

        self._setup = setup
        self._pipe = pipe
        self._heartbeat = heartbeat
        self._client = yt.YtClient(config=setup.client_config)
        self._phase = "writing"
        self._next_sign_s = 0.0
        self._now: SourceRecord | None = None
        """Of the source that is being cut."""
        listen_to_progress(self._sign_of_life)

    def write(self, order: Order) -> Done:
        """Write the rows of a unit, and the rows of its sources, under the order's transaction."""
        setup, client = self._setup, self._client
        records: list[SourceRecord] = []
        where: dict[str, Any] = {"transaction_id": order.transaction_id, "cap": setup.row_cap}
        rows = self._rows(order.unit, records)
        written = stream_rows(client, setup.clips_table, rows, lighten=self._keep_apart, **where)
        ledger = (record.row() for record in records)
        stream_rows(client, setup.sources_table, ledger, lighten=_never, **where)
        return Done(
            records=records,
            row_weights_mib=written.row_weights_mib,
            max_row_weight=written.max_row_weight,
        )

    def _rows(self, unit: Unit, records: list[SourceRecord]) -> Iterator[Row]:
        for task in unit.tasks:
            video = task.video
            record = SourceRecord(
                ds_index=task.ds_index,
                source=printable(video.name),
                title=None if video.title is None else printable(video.title),
                extra=video.extra,
            )
            self._now = record
            self._sign("cutting", task.ds_index)
            for row in self._rows_of(task, record):
                self._sign("writing")
                yield as_video_row(row, record) if self._setup.whole else row
                self._sign("cutting")
            records.append(record)
        self._sign("writing", -1)

    def _rows_of(self, task: Task, record: SourceRecord) -> Iterator[Row]:
        if task.verdict is not None:
            outcome, detail = task.verdict
            record.digest = task.digest
            yield problem_row(record, 0, Outcome(outcome), detail)
            return
        with tempfile.TemporaryDirectory(prefix="ytcurate-source-") as folder:
            try:
                video = self._fetch(task, Path(folder))
                record.source_bytes = _size(video)
                self._sign("cutting")
                record.digest = digest_of(video)
            except (VideoError, OSError, MemoryError) as error:
                yield problem_row(record, 0, Outcome.UNREADABLE, _sentence(error))
                return
            duplicate = self._ask(record)
            if duplicate is not None:
                record.outcome, record.detail = str(Outcome.DUPLICATE), f"same bytes as {duplicate}"
                if self._setup.whole:
                    yield problem_row(record, 0, Outcome.DUPLICATE, record.detail)
                return
            if self._setup.whole:
                yield from whole_rows(video, record, self._setup.row_cap, self._keep_whole)
                return
            setup = self._setup
            yield from clip_rows(
                video, record, setup.segmenting, preview=setup.preview, scoring=setup.scoring
            )

    def _fetch(self, task: Task, folder: Path) -> VideoLike:
        video = task.video.video
        if not isinstance(video, Remote):
            return video
        self._sign("fetching")
        return video.fetch(folder)

    def _ask(self, record: SourceRecord) -> str | None:
        self._pipe.send(Hashed(record.ds_index, record.digest))
        verdict = receive(self._pipe)
        assert isinstance(verdict, Verdict)
        return verdict.duplicate

    def _keep_apart(self, row: Row, cap: int) -> Row:
        """What is written for a clip that no row takes: where its file lies, or why there is none."""
        if self._setup.files_folder is None:
            assert self._now is not None
            return refuse(row, self._now, cap, advice=_ADVICE)
        path = f"{self._setup.files_folder}/{row['clip_id']}.{row['file_type']}"
        self._client.write_file(path, row["video"])
        return {name: value for name, value in row.items() if name != "video"} | {"video_path": path}

    def _keep_whole(self, video: VideoLike, name: str) -> str:
        path = f"{self._setup.files_folder}/{name}"
        self._sign("writing")
        with io.BytesIO(video) if isinstance(video, bytes) else Path(video).open("rb") as file:
            self._client.write_file(path, file)
        return path

    def _sign(self, phase: str, ds_index: int | None = None) -> None:
        self._phase = phase
        self._heartbeat.give(phase, ds_index)
        self._next_sign_s = time.monotonic() + _SIGN_EVERY_S

    def _sign_of_life(self) -> None:
        if time.monotonic() >= self._next_sign_s:
            self._sign(self._phase)


def receive(pipe: Connection) -> Any:
    """Read what the uploading process says."""
    import dill

    return dill.loads(pipe.recv_bytes())


def printable(name: str) -> str:
    """Spell out what is not UTF-8 in a file's name: a column of text takes nothing else."""
    return name.encode("utf-8", "backslashreplace").decode()


def _never(row: Row, cap: int) -> Row:
    raise AssertionError(f"a row of the table of sources weighs more than {cap} bytes: {row['source']}")


def _size(video: VideoLike) -> int:
    return len(video) if isinstance(video, bytes) else Path(video).stat().st_size


def _sentence(error: Exception) -> str:
    """What an error says, without the number that operating systems put before it."""
    if isinstance(error, MemoryError):
        return "fetching it takes more memory than a source video may take (--max-memory-gib)"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def main() -> None:
    """Serve orders until the pipe ends."""
    end_with_parent()
    pipe: Connection = Connection(int(sys.argv[1]))
    heartbeat = Heartbeat(int(sys.argv[2]))
    # What takes the rows goes first: a cluster on this machine, the wire, whoever works at it.
    os.nice(_NICENESS)
    try:
        _import_early()
        setup = receive(pipe)
        cutter = Cutter(setup, pipe, heartbeat)
        limit_memory(setup.limits.max_memory_bytes)
        while True:
            pipe.send(_answer(cutter, receive(pipe)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _answer(cutter: Cutter, order: Order) -> Done | Failed:
    import yt.wrapper as yt
    from yt.packages import requests

    try:
        return cutter.write(order)
    except (yt.YtError, requests.RequestException) as error:
        return Failed(message=str(error))


def _import_early() -> None:
    """Load what cutting loads: before there is work, and not counted among what a video takes."""
    import av.codec
    import dill
    import yt.wrapper as yt

    import ytcurate.media.copy_cut

    assert av.codec
    assert dill
    assert yt
    assert ytcurate.media.copy_cut


if __name__ == "__main__":
    main()
