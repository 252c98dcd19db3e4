"""One source video → a row for each of its clips, and one row that says what became of it.

The same on this machine and inside a job of a cluster, so that both give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ytcurate.config import Scoring, Segmenting
from ytcurate.describers.base import Outcome
from ytcurate.errors import VideoError
from ytcurate.mappers.score import score_columns
from ytcurate.media.cut import Clip, clip_id, cut_clips
from ytcurate.media.probe import VideoLike

Row = dict[str, Any]


@dataclass(kw_only=True)
class SourceRecord:
    """What became of one source video; it grows while the video is cut."""

    ds_index: int
    source: str
    title: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Columns of its own, carried into each row of its clips."""
    digest: bytes = b""
    """SHA-256 of its bytes; empty while they could not be read."""
    source_bytes: int | None = None
    clips: int = 0
    """Clips with a video."""
    seconds: float = 0.0
    """Of video, in those clips."""
    bytes: int = 0
    """Of video, in those clips."""
    outcome: str = str(Outcome.OK)
    detail: str | None = None

    def row(self) -> Row:
        """As a row of the table of sources."""
        return {
            "ds_index": self.ds_index,
            "source": self.source,
            "sha256": self.digest.hex() or None,
            "source_bytes": self.source_bytes,
            "clips": self.clips,
            "seconds": self.seconds,
            "bytes": self.bytes,
            "outcome": self.outcome,
            "detail": self.detail,
        }


def clip_rows(
    video: VideoLike,
    record: SourceRecord,
    segmenting: Segmenting,
    *,
    preview: str = "every",
    scoring: Scoring | None = None,
) -> Iterator[Row]:
    """Cut a video and give a row of the clips table for each clip, in the order of time.

    A video that cannot be read, or breaks off, gives a last row without a video that says why.

    Args:
        video: at hand.
        record: of the video; counts what is given, and keeps the reason of a failure.
        segmenting: where to cut, and how.
        preview: which clips get a poster: ``every``, ``first`` or ``none``.
        scoring: also score the clips, and take their keyframes; see ``mappers.score``. None: not.
    """
    segment_index = 0
    try:
        for clip in cut_clips(video, segmenting, preview=preview):
            row = _clip_row(clip, record, segmenting)
            segment_index = clip.segment_index + 1
            record.clips += 1
            record.seconds += row["length"]
            record.bytes += row["bytes"]
            yield row if scoring is None else row | score_columns(row, scoring)
    except (VideoError, OSError, MemoryError) as error:
        reason = str(error) or "cutting it needs more memory than a source video may take"
        yield problem_row(record, segment_index, Outcome.UNREADABLE, reason)


def problem_row(record: SourceRecord, segment_index: int, outcome: Outcome, detail: str) -> Row:
    """Give the row that stands where a clip cannot; the record keeps the reason, too."""
    record.outcome, record.detail = str(outcome), detail
    return {
        **record.extra,
        "ds_index": record.ds_index,
        "segment_index": segment_index,
        "source": record.source,
        "title": record.title,
        "outcome": str(outcome),
        "detail": detail,
    }


def _clip_row(clip: Clip, record: SourceRecord, segmenting: Segmenting) -> Row:
    return {
        **record.extra,
        "ds_index": record.ds_index,
        "segment_index": clip.segment_index,
        "video": clip.video,
        "file_type": clip.file_type,
        "clip_id": clip_id(record.digest, clip.start_s, clip.length_s, segmenting.way()),
        "source": record.source,
        "title": record.title,
        "preview": clip.preview,
        "start_s": float(clip.start_s),
        "length": float(clip.length_s),
        "width": clip.info.width,
        "height": clip.info.height,
        "fps": float(clip.info.fps),
        "codec": clip.info.codec,
        "frame_count": clip.info.frame_count,
        "bytes": len(clip.video),
        "outcome": str(Outcome.OK),
        "detail": None,
    }
