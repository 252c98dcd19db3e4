"""For how long a clip is black, and for how long it stands still; both weighted by time of display."""

from __future__ import annotations

import numpy as np

_BLACK_LEVEL = 25
"""A pixel is black up to a tenth of the way from black to white; ``pix_th`` 0.10 of FFmpeg's blackdetect."""
_BLACK_SHARE = 0.98
"""Of a picture's pixels; its ``pic_th``."""
_SAME = 10 ** (-50 / 20)
"""Mean difference of two pictures that are the same, of the way from black to white: ``noise`` of FFmpeg's
freezedetect. A still picture as x264 codes it differs by -54 dB at CRF 30, keyframes included."""
_COMPARED_PX = 40
"""Shorter side of the pictures that are compared: each pixel is a mean, in which noise of coding is less."""
_STILL_S = 0.5
"""A picture that stands for less does not count: in film at 60 fps, and in drawn film, pictures repeat."""


class StillTime:
    """Follows the pictures of one clip, and holds one.

    A still run is as in FFmpeg's freezedetect: pictures none of which differs from the run's first by more
    than -50 dB, so that a slow drift ends it; here it counts from half a second on, or if it is the whole
    clip. Pictures are compared in gray and small, so it is a little movement in a small part that is missed.
    """

    def __init__(self) -> None:
        self._first_s: float | None = None
        self._last_s = 0.0
        self._is_black = False
        self._run_of: np.ndarray | None = None
        self._run_s = 0.0
        self._black_s = self._frozen_s = 0.0

    def add(self, gray: np.ndarray, time_s: float) -> None:
        """Take the next picture: uint8, small, 0 black to 255 white; and when its display begins."""
        if self._first_s is None:
            self._first_s = self._last_s = time_s
        time_s = max(time_s, self._last_s)
        self._show_until(time_s)
        self._is_black = int(np.count_nonzero(gray <= _BLACK_LEVEL)) >= _BLACK_SHARE * gray.size
        compared = _reduced(gray)
        if self._run_of is None:
            self._run_of, self._run_s = compared, time_s
        elif not _is_same(self._run_of, compared):
            self._end_run(time_s)
            self._run_of, self._run_s = compared, time_s

    def shares(self, end_s: float) -> tuple[float, float]:
        """Give the black and the still share of the time, 0 to 1, where display ends at this time.

        Used once, after the last picture.
        """
        assert self._first_s is not None
        end_s = max(end_s, self._last_s)
        whole_s = end_s - self._first_s
        if whole_s <= 0:
            return float(self._is_black), 1.0
        self._show_until(end_s)
        if self._run_s == self._first_s:
            return self._black_s / whole_s, 1.0
        self._end_run(end_s)
        return self._black_s / whole_s, self._frozen_s / whole_s

    def _show_until(self, time_s: float) -> None:
        if self._is_black:
            self._black_s += time_s - self._last_s
        self._last_s = time_s

    def _end_run(self, time_s: float) -> None:
        # Times are multiples of a tick, and rounded.
        if time_s - self._run_s >= _STILL_S - 1e-6:
            self._frozen_s += time_s - self._run_s


def _reduced(gray: np.ndarray) -> np.ndarray:
    import cv2

    scale = min(1.0, _COMPARED_PX / min(gray.shape))
    height, width = (max(1, round(side * scale)) for side in gray.shape)
    return cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    import cv2

    return cv2.norm(one, other, cv2.NORM_L1) <= _SAME * 255 * one.size
