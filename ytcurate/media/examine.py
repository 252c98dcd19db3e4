"""Clip → its scores and its keyframes, out of one decode."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ytcurate.config import ClipLimits, Scoring
from ytcurate.errors import UnreadableVideo
from ytcurate.media.decode import Deadline, PacketIndex, decode_all, index_packets, prepare_decoder
from ytcurate.media.frames import refuse_large
from ytcurate.media.picture_plan import PicturePlan, plan_pictures
from ytcurate.media.pictures import Converter
from ytcurate.media.probe import VideoLike, open_video
from ytcurate.media.progress import report_progress
from ytcurate.media.quality import Quality, QualityMeter
from ytcurate.media.stills import StillMaker

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


@dataclass(frozen=True, kw_only=True)
class ClipExamination:
    """What one look at a clip gives."""

    quality: Quality
    keyframe: bytes
    """JPEG of the picture in the middle, number ``frame_count // 2``; see ``stills``."""
    keyframes: tuple[bytes, ...]
    """JPEG of three pictures, evenly spaced from the first to the last."""
    frame_count: int
    """Pictures that were decoded."""


def examine_clip(
    video: VideoLike, scoring: Scoring | None = None, limits: ClipLimits | None = None
) -> ClipExamination:
    """Score one clip and take its keyframes.

    Every picture is decoded, once; one is held at full size, beside the decoder's own and a gray one. Which
    pictures to look at is known from the packets. Damaged packets are passed over, as players do, and the
    next picture stands in for one that is lost; where the last ones are lost, the clip is decoded again over
    those that it really has. One thread decodes; OpenCV takes as many as ``cv2.setNumThreads`` says.

    Args:
        video: a whole container file, as bytes or as a path.
        scoring: what else to look at.
        limits: what the clip may cost; ``max_decoded_bytes`` bounds what measuring motion takes: pictures too
            large for that are reduced for it.

    Raises:
        UnreadableVideo: no video stream, no picture can be decoded, or the clip is over a limit.
    """
    scoring, limits = scoring or Scoring(), limits or ClipLimits()
    deadline = Deadline(limits)
    with open_video(video) as (container, stream):
        refuse_large(stream.width, stream.height, limits)
        context = prepare_decoder(stream, limits)
        index = index_packets(container, stream)
        times_s, end_s, tick_s = _times(index)
        for tick in (tick_s, None):
            context.flush_buffers()
            look = _Look(plan_pictures(times_s), scoring, limits)
            shown_s = []
            for place, time_s, frame in _placed(decode_all(context, index, deadline), times_s, tick):
                report_progress()
                look.add(frame, place, time_s)
                shown_s.append(time_s)
            if not shown_s:
                raise UnreadableVideo(f"none of {index.info.frame_count} pictures can be decoded")
            if look.next_place == len(times_s):
                return look.examination(end_s, len(shown_s))
            # The last pictures are lost. Look again, at what can really be decoded.
            times_s = shown_s
    raise UnreadableVideo(
        f"the clip ends elsewhere each time it is decoded, last after {len(shown_s)} pictures"
    )


class _Look:
    """One pass over the pictures of a clip."""

    def __init__(self, plan: PicturePlan, scoring: Scoring, limits: ClipLimits) -> None:
        self.next_place = 0
        """The first place in the plan of which nothing was seen."""
        self._plan, self._limits = plan, limits
        converter = Converter()
        self._meter = QualityMeter(plan, converter, text=scoring.text, max_bytes=limits.max_decoded_bytes)
        self._stills = StillMaker(converter, square=scoring.square)
        self._keyframe = b""
        self._keyframes: list[bytes] = []

    def add(self, frame: VideoFrame, place: int, time_s: float) -> None:
        refuse_large(frame.width, frame.height, self._limits)
        # A lost picture is replaced by the one that comes after it.
        places = range(self.next_place, place + 1)
        self.next_place = max(self.next_place, place + 1)
        self._meter.add(frame, places, time_s)
        if self._plan.keyframe in places:
            self._keyframe = self._stills.keyframe(frame)
        number = sum(each in places for each in self._plan.keyframes)
        if number:
            self._keyframes += [self._stills.one_of_keyframes(frame)] * number

    def examination(self, end_s: float, frame_count: int) -> ClipExamination:
        return ClipExamination(
            quality=self._meter.quality(end_s),
            keyframe=self._keyframe,
            keyframes=tuple(self._keyframes),
            frame_count=frame_count,
        )


def _times(index: PacketIndex) -> tuple[list[float], float, float | None]:
    """Say when each picture is displayed, when the last one ends, and how long a tick is, seconds.

    Without a tick: the pictures have no times, or have them twice, and are told by counting.
    """
    info = index.info
    if index.order is None:
        times_s = [number / float(info.fps) for number in range(info.frame_count)]
        return times_s, info.frame_count / float(info.fps), None
    tick_s = float(index.packets[0].time_base)
    times_s = [(index.packets[number].pts or 0) * tick_s for number in index.order]
    end_s = times_s[0] + float(info.duration_s)
    if end_s <= times_s[-1]:
        # The container does not say how long the last picture is shown.
        shown = len(times_s) - 1
        end_s = times_s[-1] + ((times_s[-1] - times_s[0]) / shown if shown else 1 / float(info.fps))
    return times_s, end_s, tick_s


def _placed(
    frames: Iterable[VideoFrame], times_s: Sequence[float], tick_s: float | None
) -> Iterator[tuple[int, float, VideoFrame]]:
    """Find out the place among all pictures, and the time, of each that the decoder gives."""
    last_s = times_s[0]
    for number, frame in enumerate(frames):
        if tick_s is None or frame.pts is None:
            place = min(number, len(times_s) - 1)
            last_s = max(last_s, times_s[place])
        else:
            last_s = max(last_s, frame.pts * tick_s)
            place = bisect_right(times_s, last_s) - 1
        yield place, last_s, frame
