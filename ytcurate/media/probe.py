"""Video → VideoInfo: codec, size, rate, and every packet of its video stream, without decoding."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.errors import UnreadableVideo

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

VideoLike = bytes | str | Path
"""A whole container file: its bytes, or the path of it."""


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video stream is, read from its container's header and packets."""

    codec: str
    """FFmpeg's name: ``h264``, ``hevc``, ``vp9``, ..."""
    width: int
    height: int
    fps: Fraction
    """Average frame rate of the stream, pictures per second."""
    frame_count: int
    """Packets of the stream that carry a displayed picture."""
    duration_s: Fraction
    """From the first displayed picture to the end of the last."""


@contextmanager
def open_video(video: VideoLike) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and find its video stream: the one FFmpeg calls best, and never a cover picture.

    Raises:
        UnreadableVideo: the container cannot be opened, or holds no video stream.
    """
    import av
    from av.stream import Disposition

    source = io.BytesIO(video) if isinstance(video, bytes) else str(video)
    size = len(video) if isinstance(video, bytes) else _size_of(Path(video))
    if size == 0:
        raise UnreadableVideo("the file is empty (0 bytes)")
    try:
        # Titles in another encoding than UTF-8 are no reason to refuse a video.
        container = av.open(source, mode="r", metadata_errors="replace")
    except (av.error.FFmpegError, OSError) as error:
        raise UnreadableVideo(
            f"not a video: FFmpeg finds no container in {size} bytes ({_reason(error)})"
        ) from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            held = (
                ", ".join(f"{s.type}/{s.codec.name if s.codec else '?'}" for s in container.streams)
                or "nothing"
            )
            raise UnreadableVideo(
                f"no video stream in {size} bytes of {container.format.name}; it holds {held} only"
            )
        best = container.streams.best("video")
        stream = next((s for s in streams if s is best), streams[0])
        if stream.codec_context is None or not stream.width or not stream.height:
            raise UnreadableVideo(
                f"the video stream of this {container.format.name} has no known codec or size"
            )
        yield container, stream


def probe(video: VideoLike) -> VideoInfo:
    """Read what a video is. Packets are read to the end, no picture is decoded.

    Raises:
        UnreadableVideo: no video stream can be opened, or it has no packets.
    """
    import av

    with open_video(video) as (container, stream):
        count, first, end = 0, None, None
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                count += 1
                if packet.pts is not None:
                    first = packet.pts if first is None else min(first, packet.pts)
                    stop = packet.pts + (packet.duration or 0)
                    end = stop if end is None else max(end, stop)
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"reading stops after {count} packets ({_reason(error)})") from error
        if count == 0:
            raise UnreadableVideo(f"the video stream of this {container.format.name} has no packets")
        duration = (
            Fraction(0) if first is None or end is None else (end - first) * Fraction(stream.time_base or 0)
        )
        return describe_stream(stream, frame_count=count, duration_s=duration)


def describe_stream(stream: VideoStream, *, frame_count: int, duration_s: Fraction) -> VideoInfo:
    """Put together what the stream's header says with what its packets showed."""
    rate = stream.average_rate or stream.guessed_rate
    if not rate and duration_s:
        rate = frame_count / duration_s
    return VideoInfo(
        codec=stream.codec_context.codec.canonical_name,
        width=stream.width,
        height=stream.height,
        # A single picture has no rate; 1 keeps every later division defined.
        fps=Fraction(rate) if rate else Fraction(1),
        frame_count=frame_count,
        duration_s=duration_s,
    )


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise UnreadableVideo(f"cannot read {path}: {error.strerror}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
