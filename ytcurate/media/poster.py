"""Clip → a small JPEG of its first picture, for tables and pages that cannot play video."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from ytcurate.config import ClipLimits
from ytcurate.media.probe import VideoLike, open_video

if TYPE_CHECKING:
    import numpy as np
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

_SIDE_PX = 320
"""The longer side; a picture that is smaller is not enlarged."""
_QUANTISER = 4
"""FFmpeg's scale for JPEG, 2 (best) to 31. At this size and 4 even pure noise stays below 75 KB."""


class TimedPacket(Protocol):
    """A packet with its time in the source."""

    @property
    def packet(self) -> Packet[Any]:
        """The packet; its own times may be others."""

    @property
    def pts(self) -> int:
        """When its picture is displayed, ticks."""


def make_poster(video: VideoLike) -> bytes | None:
    """Make a JPEG of at most 100 KB from the first picture; only that picture is decoded.

    Returns:
        None if the first picture cannot be decoded or converted.

    Raises:
        UnreadableVideo: no video stream can be opened.
    """
    import av

    with open_video(video) as (container, stream):
        decoder = _prepare_decoder(stream)
        try:
            # The decoder itself leaves out what an edit list hides.
            packets = itertools.chain((p for p in container.demux(stream) if p.size), [None])
            frame = next((frame for packet in packets for frame in decoder.decode(packet)), None)
        except (av.error.FFmpegError, ValueError, IndexError):
            return None
        return None if frame is None else poster_of(frame)


class PosterMaker:
    """Makes the posters of all clips of a source with one decoder, which is kept between them."""

    def __init__(self, stream: VideoStream) -> None:
        """Take over the stream's decoder; nothing else may use it."""
        from av.video.reformatter import VideoReformatter

        self._decoder = _prepare_decoder(stream)
        self._reformatter = VideoReformatter()

    def make(self, held: Sequence[TimedPacket], first_pts: int) -> bytes | None:
        """Make the poster of one clip.

        Args:
            held: the clip's packets in file order.
            first_pts: when its first picture is displayed.

        Returns:
            A JPEG; None if that picture cannot be decoded or converted.
        """
        # The first packet is nearly always the first picture. Else it is hidden, or has less than a picture.
        frame = self._first_frame(held[:1], first_pts) or self._first_frame(held, first_pts)
        return None if frame is None else poster_of(frame, self._reformatter)

    def _first_frame(self, held: Iterable[TimedPacket], first_pts: int) -> VideoFrame | None:
        import av

        try:
            for one in held:
                one.packet.pts = one.pts
                for frame in self._decoder.decode(one.packet):
                    if frame.pts is None or frame.pts >= first_pts:
                        return frame
            for frame in self._decoder.decode(None):
                if frame.pts is None or frame.pts >= first_pts:
                    return frame
        except (av.error.FFmpegError, ValueError):
            # Damaged, or of a kind that cannot be decoded: the clip is kept without a poster.
            return None
        finally:
            self._decoder.flush_buffers()
        return None


def poster_of(frame: VideoFrame, reformatter: VideoReformatter | None = None) -> bytes | None:
    """Make a JPEG of at most 100 KB and 320 px from a decoded picture, upright as a player shows it.

    Args:
        frame: of any size and pixel format.
        reformatter: to use again for the next picture; that is faster where pictures are alike.

    Returns:
        None if its pixel format cannot be converted.
    """
    import av

    try:
        return _encode(_reduce(frame, reformatter))
    except (av.error.FFmpegError, ValueError):
        return None


def _prepare_decoder(stream: VideoStream) -> VideoCodecContext:
    decoder = stream.codec_context
    decoder.thread_type = "NONE"
    decoder.thread_count = 1
    # A header may claim any size; deblocking is not seen at this size and takes a third of the time.
    decoder.options = {"max_pixels": str(ClipLimits.max_source_pixels), "skip_loop_filter": "all"}
    return decoder


def _reduce(frame: VideoFrame, reformatter: VideoReformatter | None) -> VideoFrame:
    from av.video.frame import VideoFrame
    from av.video.reformatter import Interpolation, VideoReformatter

    reformatter = reformatter or VideoReformatter()
    scale = min(1.0, _SIDE_PX / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    turned = _turned(frame)
    small = reformatter.reformat(
        frame,
        width=width,
        height=height,
        format="yuvj420p" if turned is None else "rgb24",
        interpolation=Interpolation.AREA,
        threads=1,
    )
    if turned is None:
        return small
    return VideoFrame.from_ndarray(turned(small.to_ndarray()), format="rgb24").reformat(format="yuvj420p")


def _turned(frame: VideoFrame) -> Any:
    """How to turn and mirror the picture to show it upright; None if it is."""
    import numpy as np

    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d, *_ = struct.unpack("9i", memoryview(matrix))
    if a > 0 and d > 0 and abs(b) < a:
        return None

    def turn(picture: np.ndarray) -> np.ndarray:
        # A point (x, y) is shown at (a x + c y, b x + d y): y goes down.
        if abs(b) > abs(a):
            picture, along, down = picture.swapaxes(0, 1), c, b
        else:
            along, down = a, d
        return np.ascontiguousarray(picture[:: 1 if down >= 0 else -1, :: 1 if along >= 0 else -1])

    return turn


def _encode(picture: VideoFrame) -> bytes:
    from av.codec.context import CodecContext

    encoder = CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.thread_count = 1
    encoder.options = {"qmin": str(_QUANTISER), "qmax": str(_QUANTISER)}
    picture.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
