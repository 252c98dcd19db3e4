"""What the uploading process and the processes that cut say to each other, in pickles over a pipe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ytcurate.config import Scoring, Segmenting, SourceLimits
from ytcurate.mappers.clips import SourceRecord
from ytcurate.sources.base import SourceVideo


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Once, to a process that starts."""

    client_config: Any
    """Of the YT client, as ``client.config``."""
    clips_table: str
    sources_table: str
    files_folder: str | None
    """Cypress folder for clips that are too heavy for a row; None: such clips are refused."""
    row_cap: int
    """What a row of this cluster may weigh, bytes."""
    segmenting: Segmenting
    preview: str
    limits: SourceLimits
    scoring: Scoring | None = None
    whole: bool = False
    """Write source videos as they are, into a table of whole videos."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One source video of a unit."""

    ds_index: int
    video: SourceVideo
    verdict: tuple[str, str] | None = None
    """Outcome and detail where they are known already: a process came to its end over this video."""
    digest: bytes = b""
    """With a verdict: of the video's bytes, if they could be read."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Source videos whose rows are written in one transaction."""

    number: int
    tasks: tuple[Task, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """To a process: write this unit under this transaction."""

    unit: Unit
    transaction_id: str


@dataclass(frozen=True)
class Hashed:
    """From a process: the bytes of a source. It waits for a ``Verdict``."""

    ds_index: int
    digest: bytes


@dataclass(frozen=True)
class Verdict:
    """To a process: whether the bytes were taken before."""

    duplicate: str | None
    """Of what; None: they are new."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """From a process: all rows of a unit are written, and wait for the commit."""

    records: list[SourceRecord]
    row_weights_mib: Counter[str] = field(default_factory=Counter)
    """Rows by the power of two, in MiB, that their weight is below; at least 1."""
    max_row_weight: int = 0
    """The heaviest limit that was needed, bytes; 0: the cluster's default was enough."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """From a process: the cluster did not take the rows. Not the fault of a video."""

    message: str
