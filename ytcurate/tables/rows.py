"""The columns of each table, in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One typed column."""

    name: str
    type: str
    """A YT type: ``int64``, ``double``, ``string`` (bytes), ``utf8``, ``boolean``, ``list<float>``, ..."""
    required: bool = False
    tag: str | None = None
    """What the bytes are, for whoever shows the table: ``video``, ``image/jpeg``."""


VIDEO_TAG = "video"
"""The tag that Tracto's table view plays. Stock YTsaurus UI knows ``video/mp4`` instead."""

CLIPS = (
    Column("ds_index", "int64", required=True),  # place of the source video in the upload, from 0
    Column("segment_index", "int64", required=True),  # place of the clip in its source, from 0
    Column("video", "string", tag=VIDEO_TAG),  # the whole clip; none where outcome is not ok
    Column("file_type", "utf8"),  # container: mp4, webm
    Column("clip_id", "utf8"),  # the same for the same cut of the same bytes, in every run
    Column("source", "utf8"),  # file or data-set row it was cut from
    Column("title", "utf8"),  # of the source: its data set's title column
    Column("preview", "string", tag="image/jpeg"),  # the first picture, at most 320 px and 100 KB
    Column("start_s", "double"),  # when its first picture is displayed in the source
    Column("length", "double"),  # seconds
    Column("width", "int64"),  # px
    Column("height", "int64"),  # px
    Column("fps", "double"),  # average pictures per second
    Column("codec", "utf8"),  # FFmpeg's name
    Column("frame_count", "int64"),
    Column("bytes", "int64"),  # of video
    Column("video_path", "utf8"),  # of the Cypress file that holds the clip, if it is too heavy for a row
    Column("outcome", "utf8", required=True),
    Column("detail", "utf8"),  # why outcome is not ok
)

SOURCES = (
    Column("ds_index", "int64", required=True),  # as in the clips
    Column("source", "utf8", required=True),  # as in the clips
    Column("sha256", "utf8"),  # of the source's bytes; none if they could not be read
    Column("source_bytes", "int64"),
    Column("clips", "int64", required=True),  # with a video
    Column("seconds", "double", required=True),  # of video in those clips
    Column("bytes", "int64", required=True),  # of video in those clips
    Column("outcome", "utf8", required=True),
    Column("detail", "utf8"),  # why outcome is not ok
)
"""One row for each source video that was taken, whatever became of it: the ledger of an upload."""

KEPT_VIDEO = (Column("video", "string", tag=VIDEO_TAG), Column("file_type", "utf8"))
"""What ``--keep-video`` adds to the descriptions."""
