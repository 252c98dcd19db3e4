"""A decoded picture → arrays of gray or colour at the size that is asked for, in one thread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ytcurate.errors import UnreadableVideo

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from av.video.reformatter import VideoReformatter

_SHORTER_PX = 160
_LONGER_MOST_PX = 640


class Converter:
    """Converts pictures of one clip; every result is as the picture is stored, not turned."""

    def __init__(self) -> None:
        self._reformatters: dict[tuple[object, ...], VideoReformatter] = {}
        self._small_px: tuple[int, int] | None = None

    def gray(self, frame: VideoFrame) -> np.ndarray:
        """Make a gray picture of full size as OpenCV makes it, out of FFmpeg's RGB.

        Returns:
            uint8, shape (H, W).

        Raises:
            UnreadableVideo: pictures of this pixel format cannot be converted.
        """
        import cv2

        rgb = self._convert(frame, "rgb24", (frame.width, frame.height), None)
        gray: np.ndarray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return gray

    def small_gray(self, frame: VideoFrame) -> np.ndarray:
        """Make a small gray picture, of one size for the whole clip and nearly one for all clips.

        Returns:
            uint8, shape (H, W), 0 black to 255 white whatever the range of the video; the shorter side is
            160 px, also where the video's is less, or the longer is 640 px.

        Raises:
            UnreadableVideo: as ``gray``.
        """
        if self._small_px is None:
            shorter, longer = sorted((frame.width, frame.height))
            scale = min(_SHORTER_PX / shorter, _LONGER_MOST_PX / longer)
            self._small_px = _scaled(frame.width, frame.height, scale)
        return self._convert(frame, "gray", self._small_px, _filter(frame, self._small_px))

    def reduced_gray(self, frame: VideoFrame, longer_px: int) -> np.ndarray:
        """Make a gray picture whose longer side is at most so long.

        Returns:
            uint8, shape (H, W), 0 black to 255 white.

        Raises:
            UnreadableVideo: as ``gray``.
        """
        scale = min(1.0, longer_px / max(frame.width, frame.height))
        size = _scaled(frame.width, frame.height, scale)
        return self._convert(frame, "gray", size, _filter(frame, size))

    def bgr(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        """Make a picture in colour of this size, by a bicubic filter that takes in every pixel.

        Returns:
            uint8, shape (height, width, 3), in OpenCV's order of colours.

        Raises:
            UnreadableVideo: as ``gray``.
        """
        return self._convert(frame, "bgr24", (width, height), "BICUBIC")

    def _convert(
        self, frame: VideoFrame, pixels: str, size: tuple[int, int], scaling: str | None
    ) -> np.ndarray:
        import av
        from av.video.reformatter import VideoReformatter

        # One for each kind of result: it is slow to prepare, and keeps only what it did last.
        key = (pixels, size, scaling)
        reformatter = self._reformatters.setdefault(key, VideoReformatter())
        try:
            # Without a number FFmpeg would take a thread per core.
            converted = reformatter.reformat(
                frame, width=size[0], height=size[1], format=pixels, interpolation=scaling, threads=1
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise UnreadableVideo(f"{frame.format.name} pictures cannot be made {pixels}: {error}") from error
        return _array(converted.planes[0], 1 if pixels == "gray" else 3)


def quarter_turns(frame: VideoFrame) -> int:
    """How often to turn by 90 degrees against the clock to stand upright; 45 degrees count as 90."""
    return int(frame.rotation / 90 + math.copysign(0.5, frame.rotation)) % 4


def _array(plane: VideoPlane, colours: int) -> np.ndarray:
    """View a plane's pixels without the padding of its rows."""
    pixels: np.ndarray = np.ndarray(
        (plane.height, plane.width, colours),
        np.uint8,
        buffer=memoryview(plane),
        strides=(plane.line_size, colours, 1),
    )
    return pixels[:, :, 0] if colours == 1 else pixels


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _filter(frame: VideoFrame, size: tuple[int, int]) -> str:
    return "AREA" if size[0] < frame.width else "BILINEAR"
