"""Clip → a small JPEG of its first picture, for tables and pages that cannot play video."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ytcurate.media.probe import VideoLike, open_video

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_SIDE_PX = 320
"""The longer side; a picture that is smaller is not enlarged."""
_QUANTISER = 4
"""FFmpeg's scale for JPEG, 2 (best) to 31. At this size and 4 even pure noise stays below 75 KB."""


def make_poster(video: VideoLike) -> bytes | None:
    """Make a JPEG of at most 100 KB from the first picture; only that picture is decoded.

    Returns:
        None if the first picture cannot be decoded or converted.

    Raises:
        UnreadableVideo: no video stream can be opened.
    """
    import av

    with open_video(video) as (container, stream):
        stream.thread_type = "NONE"
        try:
            frame = next(container.decode(stream), None)
            return None if frame is None else _encode(_reduce(frame))
        except (av.error.FFmpegError, ValueError):
            # Damaged, or in a pixel format that cannot be converted: the clip is kept without a preview.
            return None


def _reduce(frame: VideoFrame) -> VideoFrame:
    scale = min(1.0, _SIDE_PX / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return frame.reformat(width=width, height=height, format="yuvj420p")


def _encode(picture: VideoFrame) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, mode="w", format="image2pipe") as output:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuvj420p"
        stream.options = {"qmin": str(_QUANTISER), "qmax": str(_QUANTISER)}
        picture.pts = 0
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return file.getvalue()
