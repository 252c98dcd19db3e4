"""What a job and the processes that cut for it say to each other, and the files that rows go through."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ytcurate.config import Scoring, Segmenting
from ytcurate.mappers.clips import Row, SourceRecord


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Once, to a process that starts."""

    segmenting: Segmenting
    preview: str
    max_row_bytes: int | None
    """What a row may weigh; None: any weight."""
    max_memory_bytes: int
    scoring: Scoring | None = None


@dataclass(frozen=True, kw_only=True)
class CutTask:
    """One video to cut."""

    record: SourceRecord
    """Of the video, before it is cut."""
    video: Path | None
    """None: there is none, and the record says why."""
    is_temporary: bool = True
    """Whether the file with the video is removed afterwards."""
    rows: Path
    """File to write the rows to, as one pickle after the other."""


@dataclass(frozen=True)
class Sign:
    """From a process: it goes on."""


@dataclass(frozen=True)
class Hashed:
    """From a process: the digest of the video it is at."""

    digest: bytes


def read_rows(path: Path) -> Iterator[Row]:
    """Read rows that a process wrote, one at a time."""
    with path.open("rb") as file:
        while True:
            try:
                row: Row = pickle.load(file)
            except EOFError:
                return
            yield row


def write_rows(task: CutTask, rows: Iterable[Row]) -> None:
    """Write a task's rows."""
    with task.rows.open("wb") as file:
        for row in rows:
            pickle.dump(row, file, protocol=pickle.HIGHEST_PROTOCOL)
