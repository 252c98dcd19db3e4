"""Video → its scenes, found by PySceneDetect's detectors in pictures that are decoded once.

The detectors see what PySceneDetect itself would show them: every picture, 256 px at its longer side. So the
scenes are those that ``scenedetect.detect`` finds, but for two things. A border is the exact time of a
picture whatever the frame rate does. And where ``Segmenting.min_seconds`` is above 0, it alone says what is
too short: the detectors' own minimum of 15 pictures, which drops borders, is then off.

Source: PySceneDetect 0.7.2, ``scene_manager.py`` and ``backends``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ytcurate.config import ClipLimits, Segmenting
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.packet_times import picture_ticks, start_of, timed_packets
from ytcurate.media.probe import VideoLike, open_video
from ytcurate.media.progress import report_progress
from ytcurate.media.scene_plan import PictureTimes, plan_scenes
from ytcurate.media.segment import Segment

if TYPE_CHECKING:
    import numpy as np
    from av.container import InputContainer
    from av.error import FFmpegError
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from scenedetect import FrameTimecode, SceneDetector

_DETECTORS = {
    "adaptive": ("AdaptiveDetector", "adaptive_threshold", 255),
    "content": ("ContentDetector", "threshold", 255),
    "hash": ("HashDetector", "threshold", 1),
    "histogram": ("HistogramDetector", "threshold", 1),
    "threshold": ("ThresholdDetector", "threshold", 255),
}
"""PySceneDetect's class, the name of its main threshold, and the most that its score can be."""

_UNKNOWN_RATE = Fraction(25)
"""Pictures per second where a stream says none, as FFmpeg takes it; asked for by minimums in pictures."""
_LEAST_RATE = Fraction(1, 10**6)
"""PySceneDetect refuses rates a thousand times less; those of false headers are no rates."""


def require_scene_detector(segmenting: Segmenting) -> None:
    """Check that scenes can be found, where they are asked for.

    Raises:
        UsageError: PySceneDetect is not installed, or the threshold is none of the detector's.
    """
    if segmenting.split == "scenes":
        _make_detector(segmenting)


def find_scenes(video: VideoLike, segmenting: Segmenting) -> list[Segment]:
    """Find where scenes begin, and plan a segment for each.

    Decodes every picture once, in one thread, and holds one at a time beside the decoder's own. Damaged
    packets are passed over, as players do; reading that breaks off ends the source there.

    Args:
        video: a whole container file, as bytes or as a path.
        segmenting: detector and threshold; which scenes are too short or too long, see ``plan_scenes``.

    Returns:
        Abutting segments in the order of time, from 0, the source's start, to the end of its last picture.
        Each begins with a picture, but for the first where the source starts without one.

    Raises:
        UnreadableVideo: no picture with a time can be had, or pictures are larger than
            ``ClipLimits.max_source_pixels``.
        UsageError: as ``require_scene_detector``.
    """
    detector = _make_detector(segmenting)
    with open_video(video) as (container, stream):
        reader, shrinker = _Reader(container, stream), _Shrinker()
        rate = Fraction(stream.guessed_rate or stream.average_rate or 0)
        rate = rate if rate >= _LEAST_RATE else _UNKNOWN_RATE
        cuts: list[FrameTimecode] = []
        for pts, frame in reader:
            position = _timecode(pts - reader.pts[0], reader.time_base, rate)
            cuts += detector.process_frame(position, shrinker.shrink(frame))
            report_progress()
        if not reader.pts:
            raise UnreadableVideo(f"no picture can be decoded ({reader.reason or 'there are none'})")
        cuts += detector.post_process(position)
        start_pts = start_of(container, stream)
        pictures = PictureTimes(
            pts=reader.pts,
            time_base=reader.time_base,
            start_pts=reader.pts[0] if start_pts is None else start_pts,
        )
    if reader.end_pts <= pictures.start_pts:
        raise UnreadableVideo("every picture is displayed before the start that the container states")
    # The detector of fades counts pictures at the average rate: what it gives need not be a picture's time.
    begin_s = pictures.time_of(0)
    numbers = [pictures.nearest(begin_s + cut.pts * Fraction(cut.time_base)) for cut in cuts]
    return plan_scenes(
        [pictures.time_of(number) for number in numbers],
        pictures,
        (reader.end_pts - pictures.start_pts) * pictures.time_base,
        min_s=Fraction(str(segmenting.min_seconds)),
        max_s=None if segmenting.max_seconds is None else Fraction(str(segmenting.max_seconds)),
    )


class _Reader:
    """Decodes the pictures of a stream and keeps their times."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        limit = ClipLimits.max_source_pixels
        if stream.width * stream.height > limit:
            raise UnreadableVideo(
                f"pictures of {stream.width}x{stream.height} are over the limit of {limit} pixels"
            )
        self.time_base = Fraction(stream.time_base or 1)
        self.pts = array("q")
        """Of the pictures given so far; strictly increasing."""
        self.end_pts = 0
        """When the display of what was read ends."""
        self.reason = ""
        """Why the first packet that could not be read or decoded could not."""
        self._container, self._stream = container, stream
        # Uploads cut several videos side by side: a thread each takes the least processor time and memory.
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        # Pictures may grow in the middle of a stream.
        stream.codec_context.options = {"max_pixels": str(limit)}

    def __iter__(self) -> Iterator[tuple[int, VideoFrame]]:
        """Give each picture with its time; one that does not come after those before is never displayed."""
        for frame in self._decode():
            if frame.pts is not None and (not self.pts or frame.pts > self.pts[-1]):
                self.pts.append(frame.pts)
                self.end_pts = max(self.end_pts, frame.pts + 1)
                yield frame.pts, frame

    def _decode(self) -> Iterator[VideoFrame]:
        import av

        packets = timed_packets(self._container, self._stream)
        ticks = picture_ticks(self._stream)
        packet: Packet[Any] | None
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, UnreadableVideo) as error:
                self._note(error)
                packet = None
            if packet is not None and packet.pts is not None and not packet.is_discard:
                self.end_pts = max(self.end_pts, packet.pts + (packet.duration or ticks))
            try:
                # Without a packet: the pictures that the decoder holds back.
                yield from self._stream.decode(packet)
            except av.error.FFmpegError as error:
                self._note(error)
            if packet is None:
                return

    def _note(self, error: FFmpegError | UnreadableVideo) -> None:
        self.reason = self.reason or getattr(error, "strerror", None) or str(error)


class _Shrinker:
    """Makes the pictures of one video as small as PySceneDetect does, all of one size.

    The steps and filters are PySceneDetect's, and so are the detectors' scores: conversion at full size, then
    two by two pixels of the large picture for each of the small one. To scale while converting would be
    faster, and give other pixels.
    """

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        """Width and height of all small pictures before they are turned; of the first picture's shape."""

    def shrink(self, frame: VideoFrame) -> np.ndarray:
        """Make a small picture.

        Returns:
            BGR, uint8, shape (H, W, 3), upright; the longer side is 256 px, or less where the video's is.

        Raises:
            UnreadableVideo: pictures of this pixel format cannot be converted.
        """
        import cv2
        import numpy as np

        bgr = self._to_bgr(frame)
        if self._size is None:
            self._size = _small_size(frame.width, frame.height)
        if self._size != (frame.width, frame.height):
            bgr = cv2.resize(bgr, self._size, interpolation=cv2.INTER_LINEAR)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(bgr, turns)) if turns else bgr

    def _to_bgr(self, frame: VideoFrame) -> np.ndarray:
        import av
        import numpy as np

        try:
            # As OpenCV's reader does it. Without a number FFmpeg would take a thread per core.
            converted = self._reformatter.reformat(frame, format="bgr24", interpolation="BICUBIC", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            raise UnreadableVideo(f"{frame.format.name} pictures cannot be made BGR: {error}") from error
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        return rows[:, : plane.width * 3].reshape(plane.height, plane.width, 3)


def _small_size(width: int, height: int) -> tuple[int, int]:
    from scenedetect.scene_manager import compute_downscale_factor

    factor = compute_downscale_factor(max(width, height))
    return max(1, round(width / factor)), max(1, round(height / factor))


def _make_detector(segmenting: Segmenting) -> SceneDetector:
    try:
        import scenedetect
    except ImportError as error:
        raise UsageError(
            f"split scenes needs PySceneDetect, which cannot be imported ({error}). "
            "Install it with: pip install 'ytcurate[scenes]'"
        ) from error
    kind, threshold_name, most = _DETECTORS[segmenting.detector]
    settings: dict[str, float] = {}
    if segmenting.threshold is not None:
        threshold = segmenting.threshold
        if threshold > most:
            raise UsageError(
                f"threshold of the {segmenting.detector} detector is at most {most}, it is {threshold}."
            )
        if segmenting.detector == "threshold" and threshold != int(threshold):
            raise UsageError(f"threshold of the threshold detector is a whole number, it is {threshold}.")
        settings[threshold_name] = threshold
    if segmenting.min_seconds > 0:
        settings["min_scene_len"] = 0
    detector: SceneDetector = getattr(scenedetect, kind)(**settings)
    return detector


def _timecode(pts: int, time_base: Fraction, rate: Fraction) -> FrameTimecode:
    from scenedetect import FrameTimecode
    from scenedetect.common import Timecode

    return FrameTimecode(Timecode(pts=pts, time_base=time_base), fps=rate)
