"""Keyframes of a clip as JPEG, upright: one for people and captions, three for embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ytcurate.errors import UnreadableVideo
from ytcurate.media.pictures import Converter, quarter_turns

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

KEYFRAME_PX = 384
"""Longer side of the keyframe; both sides of a square one."""
KEYFRAMES_PX = 224
"""Shorter side of the three; both sides of square ones."""
_JPEG_QUALITY = 85


class StillMaker:
    """Makes the keyframes of one clip.

    A picture that is smaller is not enlarged; square ones always have their size, whatever their shape was.
    """

    def __init__(self, converter: Converter, *, square: bool = False) -> None:
        self._converter = converter
        self._square = square

    def keyframe(self, frame: VideoFrame) -> bytes:
        """Make a JPEG whose longer side is 384 px, or of 384x384.

        Raises:
            UnreadableVideo: pictures of this format or shape cannot be converted.
        """
        return self._still(frame, KEYFRAME_PX, KEYFRAME_PX / max(frame.width, frame.height))

    def one_of_keyframes(self, frame: VideoFrame) -> bytes:
        """Make a JPEG whose shorter side is 224 px, or of 224x224.

        Raises:
            UnreadableVideo: as ``keyframe``.
        """
        return self._still(frame, KEYFRAMES_PX, KEYFRAMES_PX / min(frame.width, frame.height))

    def _still(self, frame: VideoFrame, side_px: int, scale: float) -> bytes:
        width, height = (max(1, round(side * min(1.0, scale))) for side in (frame.width, frame.height))
        if self._square:
            width = height = side_px
        bgr = self._converter.bgr(frame, width, height)
        return encode_jpeg(np.rot90(bgr, quarter_turns(frame)))


def encode_jpeg(bgr: np.ndarray) -> bytes:
    """Write a picture as JPEG of quality 85.

    Args:
        bgr: uint8, shape (H, W, 3).

    Raises:
        UnreadableVideo: a side is longer than JPEG can say.
    """
    import cv2

    height, width = bgr.shape[:2]
    if max(width, height) > 65535:
        raise UnreadableVideo(f"a keyframe of {width}x{height} is too long for JPEG")
    pixels = np.ascontiguousarray(bgr)
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes()
