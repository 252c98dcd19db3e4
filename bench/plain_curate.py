"""The plain way to curate on a CPU: a library's call for each step, one after the other, each decoding again.

Scenes are found by PySceneDetect and split by its call of the ffmpeg program; then every clip is opened for
its scores, for its motion and for its keyframes. Parameters are those of the streaming pipelines that were
compared: five pictures for the scores, their optical flow, a middle picture and three more as JPEG.
"""

from __future__ import annotations

import io
import itertools
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

_SAMPLES = 5
_FARNEBACK = (0.5, 1, 15, 2, 5, 1.1, 0)
"""Pyramid scale, levels, window, iterations, neighbourhood, its sigma, flags."""


@dataclass
class PlainResult:
    """What came out, and what each step took."""

    clips: int = 0
    keyframe_bytes: int = 0
    scores: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Brightness, contrast, sharpness and motion of each clip."""
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Wall-clock time by step."""


def curate_plainly(videos: list[Path], folder: Path) -> PlainResult:
    """Curate videos.

    Args:
        videos: files.
        folder: where clips are put.
    """
    from scenedetect import AdaptiveDetector, detect
    from scenedetect.output import split_video_ffmpeg

    result = PlainResult()
    clock = _Clock(result.seconds)
    for video in videos:
        scenes = detect(str(video), AdaptiveDetector())
        clock.lap("find scenes")
        split_video_ffmpeg(str(video), scenes, output_dir=folder, show_progress=False)
        clock.lap("split")
        for clip in sorted(folder.glob(f"{video.stem}-Scene-*.mp4")):
            gray = _sample(clip, _SAMPLES)
            values = [(g.mean(), g.std(), cv2.Laplacian(g, cv2.CV_64F).var()) for g in gray]
            clock.lap("scores")
            motion = _motion(_sample(clip, _SAMPLES))
            clock.lap("motion")
            result.keyframe_bytes += sum(map(len, _keyframes(clip)))
            clock.lap("keyframes")
            brightness, contrast, sharpness = (float(value) for value in np.mean(values, axis=0))
            result.scores.append((brightness, contrast, sharpness, motion))
            result.clips += 1
            clip.unlink()
    return result


def _sample(clip: Path, count: int) -> list[Any]:
    """Evenly spaced pictures, gray."""
    pictures = _read(clip, lambda total: np.linspace(0, total - 1, count).astype(int))
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures]


def _motion(gray: list[Any]) -> float:
    """Mean length of the flow between neighbours, px."""
    lengths = []
    for before, after in itertools.pairwise(gray):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, *_FARNEBACK)  # type: ignore[call-overload]
        lengths.append(float(np.linalg.norm(flow, axis=2).mean()))
    return float(np.mean(lengths)) if lengths else 0.0


def _keyframes(clip: Path) -> list[bytes]:
    """The middle picture as 384 x 384 and three more as 224 x 224, JPEG."""
    pictures = _read(clip, lambda total: np.append(np.linspace(0, total - 1, 3).astype(int), total // 2))
    files = []
    for number, picture in enumerate(pictures):
        size = 384 if number == len(pictures) - 1 else 224
        image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        file = io.BytesIO()
        image.resize((size, size), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
        files.append(file.getvalue())
    return files


def _read(clip: Path, choose: Any) -> list[Any]:
    """The pictures of these numbers, BGR: what lies between is decoded and left."""
    capture = cv2.VideoCapture(str(clip))
    try:
        numbers = [int(number) for number in choose(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))]
        found: dict[int, Any] = {}
        for number in range(max(numbers) + 1):
            if not capture.grab():
                break
            if number in numbers:
                found[number] = capture.retrieve()[1]
        return [found[number] for number in numbers if number in found]
    finally:
        capture.release()


class _Clock:
    def __init__(self, seconds: defaultdict[str, float]) -> None:
        self._seconds = seconds
        self._since = time.perf_counter()

    def lap(self, step: str) -> None:
        """Count the time since the last lap."""
        now = time.perf_counter()
        self._seconds[step] += now - self._since
        self._since = now
