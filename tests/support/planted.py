"""Videos of which everything is known: where scenes change, which are bad and how, which are nearly the same.

A scene is a window that wanders over a large picture of shapes, noise and grain, with a few shapes that move
by themselves: everything is drawn from the scene's number. Each kind of bad scene fails one of the default
thresholds of curation, and good ones and near duplicates pass all.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av import VideoStream

KINDS = ("good", "blurred", "dark", "frozen", "black", "duplicate")
"""``blurred`` fails sharpness, ``dark`` brightness, ``frozen`` motion and frozen, ``black`` nearly all."""
FPS = 24


@dataclass(frozen=True, kw_only=True)
class PlantedVideo:
    """A video and what was planted in it."""

    video: bytes
    """MP4, H.264, 24 fps."""
    cuts_s: tuple[Fraction, ...]
    """Where a scene begins, but for the first; the times of pictures."""
    kinds: tuple[str, ...]
    """Of each scene, one of ``KINDS``."""
    scenes: tuple[int, ...]
    """Number of each scene. A near duplicate has that of the good scene it was made from."""
    length_s: Fraction


def make_planted(
    seed: int,
    videos: int = 6,
    *,
    scenes: int = 4,
    width: int = 160,
    height: int = 120,
    seconds: tuple[float, float] = (1.5, 3.0),
    kinds: Sequence[str] = KINDS,
    good_share: float = 0.5,
) -> list[PlantedVideo]:
    """Make videos of several scenes each.

    Args:
        seed: the same gives the same pictures.
        videos: how many.
        scenes: in each.
        width: even, px.
        height: even, px.
        seconds: shortest and longest scene.
        kinds: which bad ones there are; those that are not good come in turn.
        good_share: of good scenes; a near duplicate is of a good one in the same video or one before.
    """
    rng = np.random.default_rng(seed)
    bad = [kind for kind in kinds if kind != "good"]
    good: list[int] = []
    made, number, turn = [], seed * 1000, 0
    for _ in range(videos):
        pictures: list[np.ndarray] = []
        cuts: list[Fraction] = []
        chosen: list[str] = []
        numbers: list[int] = []
        for place in range(scenes):
            number += 1
            kind = "good"
            if bad and good and rng.random() >= good_share:
                kind, turn = bad[turn % len(bad)], turn + 1
            # The same scene twice in a row would be one scene.
            originals = [each for each in good if each not in numbers[-1:]]
            if kind == "duplicate" and not originals:
                kind = "good"
            scene = int(rng.choice(originals)) if kind == "duplicate" else number
            good += [scene] if kind == "good" else []
            if place:
                cuts.append(Fraction(len(pictures), FPS))
            length = round(float(rng.uniform(*seconds)) * FPS)
            pictures += scene_pictures(scene, kind, length, width, height)
            chosen.append(kind)
            numbers.append(scene)
        made.append(
            PlantedVideo(
                video=encode(pictures),
                cuts_s=tuple(cuts),
                kinds=tuple(chosen),
                scenes=tuple(numbers),
                length_s=Fraction(len(pictures), FPS),
            )
        )
    return made


def make_planted_clip(
    scene: int, kind: str = "good", *, seconds: float = 1.5, width: int = 160, height: int = 120
) -> bytes:
    """A clip of a single scene; near duplicates are also coded more coarsely."""
    pictures = scene_pictures(scene, kind, round(seconds * FPS), width, height)
    return encode(pictures, crf=24 if kind == "duplicate" else 18)


def scene_pictures(scene: int, kind: str, length: int, width: int, height: int) -> Iterator[np.ndarray]:
    """The pictures of a scene, RGB, shape (height, width, 3)."""
    moving = _moving_pictures(scene, length, width, height)
    if kind in ("frozen", "black"):
        still = next(moving)
        if kind == "black":
            still = np.full_like(still, 2)
        yield from [still] * length
        return
    for picture in moving:
        if kind == "blurred":
            picture = cv2.GaussianBlur(picture, (0, 0), width / 25)
        elif kind == "dark":
            picture = (picture * 0.12).astype(np.uint8)
        elif kind == "duplicate":
            border_x, border_y = width // 40, height // 40
            picture = picture[border_y : height - border_y, border_x : width - border_x]
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
            picture = cv2.add(picture, np.full_like(picture, 8))
        yield picture


def encode(
    pictures: Sequence[np.ndarray] | Iterator[np.ndarray],
    *,
    codec: str = "libx264",
    file_format: str = "mp4",
    pixels: str = "yuv420p",
    crf: int = 18,
    fps: int = FPS,
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """Encode pictures, RGB, at a constant rate, or at these times in ticks of 1 / fps."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=fps))
        # With its macroblock tree x264 gives other bytes each time.
        fast = {"libx264": {"preset": "veryfast", "threads": "1", "crf": str(crf), "x264-params": "mbtree=0"}}
        stream.options = {**fast.get(codec, {}), **(options or {})}
        stream.pix_fmt = pixels
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _moving_pictures(scene: int, length: int, width: int, height: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(scene)
    canvas = _canvas(rng, 2 * width, 2 * height)
    shapes = [_shape(rng, width, height) for _ in range(4)]
    # From 8 to 24 % of the width each second, so that the window stays on the canvas for some seconds.
    angle = rng.uniform(0, 2 * np.pi)
    step = rng.uniform(0.08, 0.24) * width / FPS * np.array([np.cos(angle), np.sin(angle)])
    at = np.array([width, height]) / 2
    for _ in range(length):
        view = cv2.getRectSubPix(canvas, (width, height), tuple(at + np.array([width, height]) / 2))
        for shape in shapes:
            shape.draw(view)
        yield view
        at = at + step
        # It turns back at the edges.
        step = np.where((at < 0) | (at > [width, height]), -step, step)


def _canvas(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    base = rng.uniform(70, 180, 3)
    canvas = np.zeros((height, width, 3), np.float32) + base.astype(np.float32)
    for cells, strength in ((4, 60), (16, 40)):
        noise = rng.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        canvas += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    canvas = np.clip(canvas, 15, 240).astype(np.uint8)
    for _ in range(140):
        colour = tuple(int(value) for value in rng.integers(20, 236, 3))
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = int(rng.integers(width // 40 + 2, width // 8))
        if rng.random() < 0.5:
            cv2.circle(canvas, (x, y), size // 2, colour, -1)
        else:
            cv2.rectangle(canvas, (x, y), (x + size, y + size // 2), colour, -1)
    grain = rng.normal(0, 9, canvas.shape).astype(np.float32)
    return np.clip(canvas + grain, 12, 243).astype(np.uint8)


@dataclass
class _Shape:
    at: np.ndarray
    step: np.ndarray
    radius: int
    colour: tuple[int, ...]

    def draw(self, view: np.ndarray) -> None:
        cv2.circle(view, (int(self.at[0]), int(self.at[1])), self.radius, self.colour, -1)
        self.at = (self.at + self.step) % np.array([view.shape[1], view.shape[0]])


def _shape(rng: np.random.Generator, width: int, height: int) -> _Shape:
    return _Shape(
        at=rng.uniform(0, 1, 2) * [width, height],
        step=rng.uniform(-0.25, 0.25, 2) * width / FPS,
        radius=int(rng.integers(width // 30 + 2, width // 10)),
        colour=tuple(int(value) for value in rng.integers(20, 236, 3)),
    )
