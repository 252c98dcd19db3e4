"""How much moves in a clip: the mean length of optical flow, in two units.

Pixels between five pictures of the clip is what other pipelines measure; it grows with resolution and length.
Diagonals of the picture per second, over pictures an eighth of a second apart, does not. Up to 0.6 of them it
is right to some percent; what is faster measures less.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Farneback(NamedTuple):
    """Arguments of OpenCV's ``calcOpticalFlowFarneback``, in its order."""

    pyr_scale: float
    levels: int
    winsize: int
    iterations: int
    poly_n: int
    poly_sigma: float
    flags: int


OF_FIVE = Farneback(0.5, 1, 15, 2, 5, 1.1, 0)
"""As in Anyscale's example of video curation."""
_OF_PAIRS = Farneback(0.5, 3, 31, 3, 5, 1.1, 0)
"""Three levels follow movements of up to 20 px between two pictures 160 px high; the wide window keeps noise
of coding from counting as movement."""
_GAIN = 4
"""Farneback's measure adds a constant to the squares of gradients, so that soft and dark pictures seem to
move less than they do: a shift of a blurred picture measures 3 % of what it is, and two thirds at this gain.
At a higher one noise of coding counts as movement where a picture is plain, and codecs differ."""

FLOW_BYTES_PER_PIXEL = 96
"""What OpenCV allocates while it measures, at most."""


def mean_flow_px(before: np.ndarray, after: np.ndarray, settings: Farneback = OF_FIVE) -> float:
    """Measure how far the pixels of a picture move to the next one, on average.

    Args:
        before: shape (H, W), gray; uint8, or float32 on any scale.
        after: the same.
        settings: of the measure.
    """
    import cv2

    flow = cv2.calcOpticalFlowFarneback(before, after, None, *settings)  # type: ignore[call-overload]
    # As the peers do it: other ways to the length differ in the last digits.
    return float(cv2.cartToPolar(flow[..., 0], flow[..., 1])[0].mean())


class FiveMotion:
    """The mean over pairs of neighbours of a few pictures, px. Holds one of them."""

    def __init__(self, max_bytes: int) -> None:
        """Bound the memory: larger pictures are reduced, and what is measured is scaled up again."""
        self._most_pixels = max(1, max_bytes // FLOW_BYTES_PER_PIXEL)
        self._before: np.ndarray | None = None
        self._scale = 1.0
        self._sum_px, self._pairs = 0.0, 0

    def add(self, gray: np.ndarray, times: int = 1) -> None:
        """Take the next picture; ``times`` of them where it stands in for several, which do not move."""
        import cv2

        if self._before is None:
            self._scale = max(1.0, math.sqrt(gray.size / self._most_pixels))
        height, width = gray.shape if self._before is None else self._before.shape
        if self._before is None and self._scale > 1:
            height, width = (max(1, int(side / self._scale)) for side in gray.shape)
        # Pictures may change their size in the middle of a clip.
        if gray.shape != (height, width):
            gray = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)
        if self._before is not None:
            self._sum_px += self._scale * mean_flow_px(self._before, gray)
            self._pairs += 1
        self._pairs += times - 1
        self._before = gray

    @property
    def mean_px(self) -> float:
        """0 for a single picture."""
        return self._sum_px / self._pairs if self._pairs else 0.0


class MotionRate:
    """The mean over pairs of small pictures, diagonals of the picture per second."""

    def __init__(self) -> None:
        self._sum, self._pairs = 0.0, 0

    def add(self, before: np.ndarray, after: np.ndarray, seconds: float) -> None:
        """Take a pair of pictures of one size: uint8, gray."""
        diagonal_px = math.hypot(*before.shape)
        first, second = (gray.astype(np.float32) * _GAIN for gray in (before, after))
        self._sum += mean_flow_px(first, second, _OF_PAIRS) / diagonal_px / seconds
        self._pairs += 1

    @property
    def mean(self) -> float:
        """0 without a pair."""
        return self._sum / self._pairs if self._pairs else 0.0
