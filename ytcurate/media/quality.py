"""What a clip is worth looking at: eight numbers out of one pass over its pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ytcurate.media.motion import FiveMotion, MotionRate
from ytcurate.media.picture_plan import PicturePlan
from ytcurate.media.pictures import Converter
from ytcurate.media.still_time import StillTime
from ytcurate.media.text_overlay import TEXT_LONGER_PX, TextShare

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Scores of one clip. The first four are Anyscale's, by the same calls of OpenCV.

    They are means over five pictures at full resolution, as stored, evenly spaced from first to last.
    """

    brightness: float
    """Mean gray, 0 to 255."""
    contrast: float
    """Standard deviation of gray."""
    sharpness: float
    """Variance of the Laplacian of gray."""
    motion: float
    """Mean length of Farneback's optical flow between neighbours of the five, px."""
    motion_rate: float
    """Mean length of optical flow over pictures an eighth of a second apart, diagonals of the picture per
    second, whatever resolution, codec and length of the clip are; right up to 0.6."""
    black: float
    """Share of the time of display that is black, 0 to 1; see ``still_time``."""
    frozen: float
    """Share of the time of display in which the picture stands still, 0 to 1; see ``still_time``."""
    text: float | None = None
    """Share of the picture that is text laid over it, 0 to 1; see ``text_overlay``. None: not asked for."""


def score_picture(gray: np.ndarray) -> tuple[float, float, float]:
    """Give brightness, contrast and sharpness of a gray picture: uint8, shape (H, W)."""
    import cv2

    mean, deviation = cv2.meanStdDev(gray)
    # The values of an 8-bit picture are whole numbers up to 1020: the same ones as in 64 bits.
    _, edges = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))
    return float(mean[0, 0]), float(deviation[0, 0]), float(edges[0, 0]) ** 2


class QualityMeter:
    """Takes every picture of a clip in the order of display; holds one at full size, and a few small ones."""

    def __init__(self, plan: PicturePlan, converter: Converter, *, text: bool, max_bytes: int) -> None:
        """Start.

        Args:
            plan: which pictures to look at.
            converter: of the clip.
            text: also look for text.
            max_bytes: that measuring motion may take.
        """
        self._plan, self._converter = plan, converter
        self._sums = np.zeros(3)
        self._motion, self._rate = FiveMotion(max_bytes), MotionRate()
        self._still_time = StillTime()
        self._text = TextShare() if text else None
        self._waiting: dict[int, list[tuple[np.ndarray, float]]] = {}
        """Second place of pairs → their first pictures, small, and when these are displayed."""
        self._second_of = dict(plan.pairs)

    def add(self, frame: VideoFrame, places: Collection[int], time_s: float) -> None:
        """Take a picture.

        Args:
            frame: the picture.
            places: of the plan that it stands for: its own, and of those before it that were lost.
            time_s: when its display begins.

        Raises:
            UnreadableVideo: pictures of this format cannot be converted.
        """
        small = self._converter.small_gray(frame)
        self._still_time.add(small, time_s)
        for place in places:
            for before, before_s in self._waiting.pop(place, []):
                # Where pictures are lost, both of a pair may be this one.
                if time_s > before_s:
                    self._rate.add(before, small, time_s - before_s)
            if place in self._second_of:
                self._waiting.setdefault(self._second_of[place], []).append((small, time_s))
        number = sum(place in places for place in self._plan.scored)
        if number:
            gray = self._converter.gray(frame)
            self._sums += number * np.array(score_picture(gray))
            self._motion.add(gray, number)
        if self._text is not None and any(place in places for place in self._plan.text):
            self._text.add(self._converter.reduced_gray(frame, TEXT_LONGER_PX))

    def quality(self, end_s: float) -> Quality:
        """Sum up, once, after the last picture, whose display ends at this time."""
        brightness, contrast, sharpness = (self._sums / len(self._plan.scored)).tolist()
        black, frozen = self._still_time.shares(end_s)
        return Quality(
            brightness=brightness,
            contrast=contrast,
            sharpness=sharpness,
            motion=self._motion.mean_px,
            motion_rate=self._rate.mean,
            black=black,
            frozen=frozen,
            text=None if self._text is None else self._text.mean,
        )
