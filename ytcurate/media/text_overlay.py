"""How much of a clip's picture is overlaid text, without a model: strokes that stay in place.

Captions, tickers that stand and watermarks have sharp strokes, close beside each other in a line, which are
the same in pictures a second apart while what is behind them moves. That is what is looked for, and nothing
is read. So in a shot that stands still, a sign in the scene or a row of windows counts, too; text that moves,
handwriting far larger than a line and soft or faint letters do not.
"""

from __future__ import annotations

import numpy as np

TEXT_LONGER_PX = 640
"""Longer side of the pictures that are looked at."""
_LEAST_STEP = 60
"""Gray levels from a letter to what surrounds it."""
_MOST_CHANGE = 16
"""Gray levels that a pixel of a letter changes by, from coding."""
_LETTER_GAP_PX = 13
"""Strokes this near beside each other are one line of text."""
_LEAST_HEIGHT_PX = 6
_MOST_HEIGHT = 1 / 6
"""Of a line, as a share of the picture's height."""
_LEAST_ASPECT = 1.5
"""Width of a line over its height."""
_STROKE_SHARES = (0.25, 0.95)
"""How much of a line is strokes and their edges: less are outlines of things, more are plain areas."""
_LEAST_STROKES = 1.2
"""Vertical edges that a row of pixels crosses, for each height of the line along it."""


class TextShare:
    """Follows some pictures of one clip, and holds one."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._sum, self._pairs = 0.0, 0

    def add(self, gray: np.ndarray) -> None:
        """Take the next picture: uint8, shape (H, W), the longer side at most 640 px."""
        if self._before is not None and self._before.shape == gray.shape:
            self._sum += text_share(self._before, gray)
            self._pairs += 1
        self._before = gray

    @property
    def mean(self) -> float:
        """Share of the picture, 0 to 1; 0 for a single picture, in which nothing tells what is overlaid."""
        return self._sum / self._pairs if self._pairs else 0.0


def text_share(before: np.ndarray, after: np.ndarray) -> float:
    """Measure the area of lines of text that stand in the same place in two pictures of one size.

    Returns:
        Sum of the rectangles around the lines over the area of the picture, at most 1.
    """
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    steps = (cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, kernel) for gray in (before, after))
    edges = np.minimum(*steps) >= _LEAST_STEP
    strokes = (edges & (cv2.absdiff(before, after) <= _MOST_CHANGE)).astype(np.uint8)
    along = cv2.getStructuringElement(cv2.MORPH_RECT, (_LETTER_GAP_PX, 3))
    lines = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, along)
    number, _, boxes, _ = cv2.connectedComponentsWithStats(lines, connectivity=4)
    most_px = before.shape[0] * _MOST_HEIGHT
    area = 0
    for left, top, width, height, _ in boxes[1:number].tolist():
        if _LEAST_HEIGHT_PX <= height <= most_px and width >= _LEAST_ASPECT * height:
            inside = (slice(top, top + height), slice(left, left + width))
            if _looks_like_text(strokes[inside], after[inside]):
                area += width * height
    return min(1.0, area / before.size)


def _looks_like_text(strokes: np.ndarray, gray: np.ndarray) -> bool:
    least, most = _STROKE_SHARES
    if not least <= strokes.mean() <= most:
        return False
    height, width = gray.shape
    jumps = np.abs(np.diff((gray > gray.mean()).astype(np.int8), axis=1)).sum(axis=1)
    return bool(np.median(jumps) >= _LEAST_STROKES * width / height)
