"""The cut mapper: a stream of whole videos → rows of their clips, and a row for each video."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from yt.wrapper import aggregator, create_table_switch
from yt.yson import get_bytes

from ytcurate.config import PREVIEWS, Scoring, Segmenting, SourceLimits
from ytcurate.describers.base import Outcome
from ytcurate.errors import EngineUnavailable, SchemaMismatch, UsageError
from ytcurate.mappers.clip_files import clip_file
from ytcurate.mappers.clips import Row, SourceRecord
from ytcurate.mappers.cut_messages import CutTask, Setup
from ytcurate.mappers.guarded_cut import GuardedCutter
from ytcurate.mappers.in_jobs import import_parts
from ytcurate.mappers.score import require_scoring
from ytcurate.mappers.statistics import JobCounts, runs_in_map_job

_MOST_PROCESSES = 16
"""Unless told otherwise: a job sees all cores of its host, and may use few of them."""


@aggregator
class CutMapper:
    """Cuts each video of a table into clips: the rows, and the clip ids, of an upload from outside.

    To import into any operation with two outputs, a table of clips and one of sources::

        spec = {"job_io": {"control_attributes": {"enable_row_index": True}}, "ordered": True, ...}
        yt.run_map(CutMapper(Segmenting()), videos, [clips, sources], spec=spec)

    A row that brings an ``outcome`` other than ``ok`` passes it on with its ``detail``; one of ``duplicate``
    gives no clip. A row without a video may bring ``video_path``: the video is then the file of that name in
    the job's sandbox. A video that kills its process, stalls, or takes more than the limits is a row like
    any other that cannot be read. Rows leave in the order of the input.

    Jobs do not know of each other's videos: of two with the same bytes both are cut.

    Args:
        segmenting: where to cut, and how.
        preview: which clips get a poster: ``every``, ``first`` (of each video) or ``none``.
        video_column: with the whole videos.
        name_column: with what each is called; without, and for names in ``shared_names``, it is called by
            the number of its row.
        title_column: its text becomes the clips' ``title``.
        columns: to carry into the clips; ``a.b`` is the field b of a nested column a, carried as ``b``.
        first_index: ``ds_index`` of row 0 of the table; a column ``ds_index`` wins over it.
        numbers: instead: the ``ds_index`` of the first row of each run of rows, as pairs of row and index.
        row_words: in front of a row's number where that is part of a name.
        shared_names: what more than one row is called.
        limits: of one video.
        processes: that cut side by side. 0: as many as there are cores, at most 16.
        max_row_bytes: clips whose row would weigh that much or more are refused. None: any weight.
        ledger: give the rows of the sources, too, as a second output.
        scoring: also score the clips, and take their keyframes; see ``ScoreMapper``. None: not.
    """

    def __init__(
        self,
        segmenting: Segmenting | None = None,
        *,
        preview: str = "every",
        video_column: str = "video",
        name_column: str | None = None,
        title_column: str | None = None,
        columns: Sequence[str] = (),
        first_index: int = 0,
        numbers: Sequence[tuple[int, int]] = (),
        row_words: str = "row ",
        shared_names: Collection[str] = (),
        limits: SourceLimits | None = None,
        processes: int = 0,
        max_row_bytes: int | None = None,
        ledger: bool = True,
        scoring: Scoring | None = None,
    ) -> None:
        if preview not in PREVIEWS:
            raise UsageError(f"preview {preview!r}: there are {', '.join(PREVIEWS)}.")
        self.segmenting = segmenting or Segmenting()
        self.preview = preview
        self.video_column = video_column
        self.name_column = name_column
        self.title_column = title_column
        self.columns = tuple(columns)
        self.first_index = first_index
        self.numbers = tuple(numbers)
        self.row_words = row_words
        self.shared_names = frozenset(shared_names)
        self.limits = limits or SourceLimits()
        self.processes = processes
        self.max_row_bytes = max_row_bytes
        self.ledger = ledger
        self.scoring = scoring

    def __getstate__(self) -> dict[str, Any]:
        """Before it is sent to jobs: import the parts that are imported late, so that they are sent, too."""
        import ytcurate.mappers
        import ytcurate.media

        import_parts(ytcurate.mappers, ytcurate.media)
        return self.__dict__

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Cut videos as they come. The iterator may end at any time (an interrupted job).

        Yields:
            Rows of clips, and of sources after a switch to the second table.

        Raises:
            EngineUnavailable, UsageError: the image lacks what cutting needs; raised before the first row.
            SchemaMismatch: a row has not the columns that are needed, or its number is not known.
        """
        is_job = runs_in_map_job()
        _require_tools(self.segmenting)
        if self.scoring is not None:
            require_scoring()
        setup = Setup(
            segmenting=self.segmenting,
            preview=self.preview,
            max_row_bytes=self.max_row_bytes,
            max_memory_bytes=self.limits.max_memory_bytes,
            scoring=self.scoring,
        )
        counts = JobCounts("cut_ms", is_job=is_job)
        # In a job the working directory is the sandbox, which is where a job may write.
        folder = tempfile.TemporaryDirectory(prefix="ytcurate-cut-", dir=Path.cwd() if is_job else None)
        with folder as place, GuardedCutter(setup, self.limits, self.processes or _cores()) as cutter:
            for record, clips in cutter.cut(self._tasks(rows, Path(place))):
                yield from clips
                if self.ledger:
                    yield create_table_switch(1)
                    yield record.row()
                    yield create_table_switch(0)
                counts.add(
                    record.outcome,
                    sources_done=1,
                    source_bytes=record.source_bytes or 0,
                    clips_done=record.clips,
                )
        counts.write()

    def _tasks(self, rows: Iterable[Row], folder: Path) -> Iterator[CutTask]:
        for number, row in enumerate(rows):
            at: int = number
            if runs_in_map_job():
                at = getattr(rows, "row_index", None)  # type: ignore[assignment]
            record = SourceRecord(
                ds_index=self._ds_index(row, at),
                source=self._name(row, at),
                title=_text(_dig(row, self.title_column)) or None if self.title_column else None,
                extra={name.rpartition(".")[2]: _dig(row, name) for name in self.columns},
            )
            video, is_temporary = self._video(row, record, folder / f"{number}.video")
            yield CutTask(
                record=record, video=video, is_temporary=is_temporary, rows=folder / f"{number}.rows"
            )

    def _video(self, row: Row, record: SourceRecord, path: Path) -> tuple[Path | None, bool]:
        """Put a row's video into a file, or note in its record why there is none."""
        brought = str(row.get("outcome") or Outcome.OK)
        if brought != Outcome.OK:
            _take_over(record, row, brought)
            return None, False
        video = row.get(self.video_column)
        if video is not None:
            path.write_bytes(get_bytes(video))
            return path, True
        if row.get("video_path"):
            file = clip_file({"video_path": row["video_path"]})
            assert file is not None
            if file.is_file():
                return file, False
            path_there = _text(row["video_path"])
            record.detail = f"the job has no file {file.name}: give it {path_there} in file_paths"
        elif self.video_column not in row and "video_path" not in row:
            raise SchemaMismatch(
                f'cut reads the column "{self.video_column}"; this row has {", ".join(sorted(row))}.'
            )
        else:
            record.detail = "this row has no video"
        record.outcome = str(Outcome.UNREADABLE)
        return None, False

    def _ds_index(self, row: Row, at: int | None) -> int:
        if not self.numbers and row.get("ds_index") is not None:
            return int(row["ds_index"])
        if at is None:
            raise SchemaMismatch(
                "cut numbers videos by the rows of their table: give the operation "
                "job_io.control_attributes.enable_row_index, or the table a column ds_index."
            )
        if not self.numbers:
            return self.first_index + at
        first, index = self.numbers[bisect_right(self.numbers, at, key=lambda pair: pair[0]) - 1]
        return index + at - first

    def _name(self, row: Row, at: int | None) -> str:
        name = _text(row.get(self.name_column)) if self.name_column else ""
        if name and name not in self.shared_names:
            return name
        number = at if at is not None else self._ds_index(row, at)
        return f"{self.row_words}{number}" + (f" ({name})" if name else "")


def _take_over(record: SourceRecord, row: Row, outcome: str) -> None:
    """Keep what a row says of a video that could not be had."""
    known = outcome in list(Outcome)
    detail = _text(row["detail"]) if row.get("detail") else None
    record.outcome = outcome if known else str(Outcome.FAILED)
    record.detail = detail if known else f"the row came with outcome {outcome!r}: {detail or 'no detail'}"
    record.digest = bytes.fromhex(_text(row.get("sha256")))
    record.source_bytes = row.get("source_bytes")


def _dig(row: Row, path: str) -> Any:
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        value = value.get(part) if hasattr(value, "get") else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else None
    return text if text is not None else get_bytes(value).decode("utf-8", "backslashreplace")


def _cores() -> int:
    return min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))


def _require_tools(segmenting: Segmenting) -> None:
    """See to what every video needs, so that an image without it fails with one sentence."""
    try:
        import_module("av")
    except ImportError as error:
        raise EngineUnavailable(
            f"the job's image cannot import av ({error}); cutting needs PyAV (pip install av)."
        ) from error
    if segmenting.split == "scenes":
        from ytcurate.media.scenes import require_scene_detector

        require_scene_detector(segmenting)
    if segmenting.cutting != "copy" or segmenting.codec is not None:
        from ytcurate.media.encoders import require_encoder

        require_encoder(segmenting)
