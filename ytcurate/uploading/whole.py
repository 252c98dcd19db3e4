"""Source videos as rows of their own, not cut: what goes to the cluster to be cut there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ytcurate.config import MIB
from ytcurate.describers.base import Outcome
from ytcurate.errors import UsageError
from ytcurate.mappers.clips import Row, SourceRecord, problem_row
from ytcurate.media.probe import VideoLike
from ytcurate.tables.rows import VIDEO_TAG, Column

MOST_ROW_BYTES = 512 * MIB
"""Larger videos go as files, whatever a row may weigh: a row is in memory several times, here and in jobs."""
MOST_FILE_BYTES = 10 * 10**9
"""Of a file that a job is given; the cluster's limit."""
_BESIDE_VIDEO_BYTES = MIB
"""Room in a row for all but the video."""

VIDEOS = (
    Column("ds_index", "int64", required=True),  # of the source, as in the clips if nothing comes between
    Column("video", "string", tag=VIDEO_TAG),  # the whole file
    Column("video_path", "utf8"),  # of the Cypress file that holds it, if it is too heavy for a row
    Column("source", "utf8"),  # as in the clips
    Column("title", "utf8"),  # as in the clips
    Column("sha256", "utf8"),  # of its bytes
    Column("source_bytes", "int64"),
    Column("outcome", "utf8", required=True),
    Column("detail", "utf8"),  # why there is no video
)


def video_columns(extra: Mapping[str, str]) -> tuple[Column, ...]:
    """The columns of a table of whole videos, with those that a source brings.

    Raises:
        UsageError: a source's column has the name of one of ours.
    """
    ours = {column.name for column in VIDEOS}
    if clash := sorted(ours.intersection(extra)):
        raise UsageError(
            f'the source\'s column "{clash[0]}" has the name of a column of the table of whole videos. '
            f"Such columns cannot be carried along on the cluster: {', '.join(sorted(ours))}."
        )
    return (*VIDEOS, *(Column(name, kind) for name, kind in extra.items()))


def whole_rows(
    video: VideoLike, record: SourceRecord, cap: int, keep_file: Callable[[VideoLike, str], str]
) -> Iterator[Row]:
    """Give the row of a whole video.

    Args:
        video: at hand.
        record: of it; says how large it is.
        cap: what a row may weigh, bytes.
        keep_file: writes a video that is heavier to a Cypress file, given its digest, and gives the path.
    """
    size = record.source_bytes or 0
    row: Row = {
        **record.extra,
        "ds_index": record.ds_index,
        "source": record.source,
        "title": record.title,
        "outcome": str(Outcome.OK),
    }
    if size > MOST_FILE_BYTES:
        reason = (
            f"it has {size / 1e9:.1f} GB; a job is given files of {MOST_FILE_BYTES / 1e9:.0f} GB at most. "
            "Upload it without --on-cluster"
        )
        yield problem_row(record, 0, Outcome.REFUSED, reason)
        return
    if size >= cap - _BESIDE_VIDEO_BYTES:
        row["video_path"] = keep_file(video, record.digest.hex())
    else:
        row["video"] = video if isinstance(video, bytes) else Path(video).read_bytes()
    record.clips, record.bytes = 1, size
    yield row


def as_video_row(row: Row, record: SourceRecord) -> Row:
    """Make a row of the table of whole videos of any row that a source gives."""
    kept = {name: value for name, value in row.items() if name != "segment_index"}
    return kept | {"sha256": record.digest.hex() or None, "source_bytes": record.source_bytes}
