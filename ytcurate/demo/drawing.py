"""How the demo's world looks: things drawn on plain backgrounds, and encoded as videos.

Drawing is plain numpy; PyAV is imported only by the function that encodes.
"""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ytcurate.demo.scenes import BACKGROUNDS, COLOURS, OneThing, Scene, Thing

Picture = npt.NDArray[np.uint8]
"""One picture: uint8, shape (H, W, 3), RGB."""

_SIDES_FACING: dict[str, tuple[int, ...]] = {
    "circle": (),
    "square": (0, 90, 180, 270),
    "triangle": (90, 210, 330),
}
# Half of a shape's width or height, whichever is larger, over the radius of the circle inside it.
_HALF_EXTENT: dict[str, float] = {"circle": 1.0, "square": 1.0, "triangle": math.sqrt(3.0)}


@dataclass(frozen=True)
class Placement:
    """Where one thing is drawn and how it moves; lengths are fractions of the picture's side."""

    centre: tuple[float, float]
    """x and y at the middle of the clip; (0, 0) is the upper left corner."""
    drift: tuple[float, float]
    """How far it moves in x and y from the clip's first frame to its last."""
    extent: float
    """Width or height, whichever is larger."""
    tilt_deg: float
    """Rotation, clockwise."""


@dataclass(frozen=True)
class Layout:
    """Everything about a clip that its sentence does not say."""

    first: Placement
    second: Placement
    change_at: float
    """When the second thing takes the place of the first, as a fraction of the clip, in (0, 1)."""
    noise: float
    """Standard deviation of the luma noise, in levels of 0..255."""


def random_placement(rng: np.random.Generator) -> Placement:
    """Draw a placement: large (40-65 % of the side), near the centre, drifting slowly, inside the picture."""
    extent = float(rng.uniform(0.40, 0.65))
    drift = rng.uniform(-0.08, 0.08, size=2)
    room = 0.5 - extent / 2 - 0.06
    centre = 0.5 + rng.uniform(-room, room, size=2)
    return Placement(
        centre=(float(centre[0]), float(centre[1])),
        drift=(float(drift[0]), float(drift[1])),
        extent=extent,
        tilt_deg=float(rng.uniform(-8, 8)),
    )


def random_layout(rng: np.random.Generator) -> Layout:
    """Draw a layout; the second thing appears 35-65 % of the way through."""
    return Layout(
        first=random_placement(rng),
        second=random_placement(rng),
        change_at=float(rng.uniform(0.35, 0.65)),
        noise=float(rng.uniform(1.0, 3.0)),
    )


def draw_thing(
    thing: Thing,
    background: str,
    placement: Placement,
    *,
    t_fraction: float,
    size_px: int = 224,
    noise: float = 2.0,
) -> Picture:
    """Draw one thing on a background.

    Args:
        t_fraction: moment in the clip, 0 (first frame) to 1 (last frame); moves the thing by its drift.
        size_px: side of the square picture.
        noise: standard deviation of the luma noise, in levels of 0..255.

    Returns:
        uint8, shape (size_px, size_px, 3), RGB. Equal arguments give equal pixels.
    """
    coverage = _coverage(thing.shape, placement, t_fraction, size_px)[:, :, None]
    ground = np.asarray(BACKGROUNDS[background], dtype=np.float32)
    picture = ground + coverage * (np.asarray(COLOURS[thing.colour], dtype=np.float32) - ground)
    picture += noise * _grain(size_px, t_fraction)[:, :, None]
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def draw_frame(scene: Scene, layout: Layout, *, t_fraction: float, size_px: int = 224) -> Picture:
    """Draw a scene at one moment: its first thing before ``layout.change_at``, its second from then on.

    Arguments and result are those of ``draw_thing``.
    """
    is_first = t_fraction < layout.change_at
    return draw_thing(
        scene.first if is_first else scene.second,
        scene.background,
        layout.first if is_first else layout.second,
        t_fraction=t_fraction,
        size_px=size_px,
        noise=layout.noise,
    )


def encode_video(
    scenes: Sequence[Scene],
    *,
    seconds_per_scene: int = 10,
    fps: int = 30,
    size_px: int = 224,
    gop_seconds: int = 2,
    seed: int = 0,
) -> bytes:
    """Encode scenes, one after another, as one MP4 file (H.264, yuv420p).

    Each scene starts with a keyframe and lasts exactly ``seconds_per_scene``, so cutting the file
    every ``seconds_per_scene`` without re-encoding gives one scene per clip.

    Args:
        size_px: side of the square picture; even, as yuv420p demands.
        gop_seconds: distance between keyframes inside a scene.
        seed: chooses the layouts. Equal arguments give equal bytes.

    Returns:
        The whole file; ``len(scenes) * seconds_per_scene * fps`` frames, the first pts is 0.
    """
    rng = np.random.default_rng(seed)
    per_scene = seconds_per_scene * fps

    def draw() -> Iterator[Picture]:
        for scene in scenes:
            layout = random_layout(rng)
            for index in range(per_scene):
                yield draw_frame(scene, layout, t_fraction=index / max(per_scene - 1, 1), size_px=size_px)

    keyframes = {
        start + offset
        for start in range(0, len(scenes) * per_scene, per_scene)
        for offset in range(0, per_scene, gop_seconds * fps)
    }
    return encode_pictures(draw(), keyframes=keyframes, fps=fps, size_px=size_px)


def encode_one_thing(
    shown: OneThing,
    *,
    seconds: float = 5.0,
    fps: int = 30,
    size_px: int = 224,
    gop_seconds: int = 2,
    seed: int = 0,
) -> bytes:
    """Encode one drifting thing as an MP4 file (H.264, yuv420p).

    Args:
        seconds: rounded to whole frames, of which there are at least two.
        size_px, gop_seconds, seed: as for ``encode_video``.

    Returns:
        The whole file; the first pts is 0.
    """
    layout = random_layout(np.random.default_rng(seed))
    count = max(2, round(seconds * fps))
    pictures = (
        draw_thing(
            shown.thing,
            shown.background,
            layout.first,
            t_fraction=index / (count - 1),
            size_px=size_px,
            noise=layout.noise,
        )
        for index in range(count)
    )
    keyframes = set(range(0, count, gop_seconds * fps))
    return encode_pictures(pictures, keyframes=keyframes, fps=fps, size_px=size_px)


def encode_pictures(
    pictures: Iterator[Picture] | Sequence[Picture],
    *,
    keyframes: set[int],
    fps: int,
    size_px: int,
    crf: int = 23,
) -> bytes:
    """Encode pictures as an MP4 file (H.264, yuv420p, closed GOPs).

    Args:
        keyframes: indices of the pictures to encode as keyframes; there are no others, except picture 0.
        crf: x264's constant rate factor; larger is smaller and blurrier.
    """
    import av
    from av.video.frame import PictureType

    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width = stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        # x264 would otherwise put keyframes of its own where the picture changes, and its rate control
        # by macroblock tree gives different bytes from one run to the next.
        stream.options = {
            "crf": str(crf),
            "preset": "veryfast",
            "g": "100000",
            "sc_threshold": "0",
            "mbtree": "0",
            "forced-idr": "1",
        }
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            frame.pict_type = PictureType.I if index in keyframes else PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _coverage(shape: str, placement: Placement, t_fraction: float, size_px: int) -> npt.NDArray[np.float32]:
    """How much of each pixel a shape covers, 0..1: float32, shape (size_px, size_px)."""
    inner_radius = placement.extent / 2 / _HALF_EXTENT[shape]
    axis = (np.arange(size_px, dtype=np.float32) + 0.5) / size_px
    x = (axis - placement.centre[0] - placement.drift[0] * (t_fraction - 0.5))[None, :]
    y = (axis - placement.centre[1] - placement.drift[1] * (t_fraction - 0.5))[:, None]
    if shape == "circle":
        distance = np.hypot(x, y)
    else:
        angles = [math.radians(facing + placement.tilt_deg) for facing in _SIDES_FACING[shape]]
        distance = functools.reduce(np.maximum, (x * math.cos(a) + y * math.sin(a) for a in angles))
    return np.clip((inner_radius - distance) * size_px + 0.5, 0.0, 1.0).astype(np.float32)


def _grain(size_px: int, t_fraction: float) -> npt.NDArray[np.float32]:
    """Noise of unit deviation for one frame, (size_px, size_px): a window of one large fixed field."""
    field = _noise_field(size_px + 64)
    top = int(t_fraction * 7919 * 64) % 64
    left = int(t_fraction * 104729 * 64) % 64
    return field[top : top + size_px, left : left + size_px]


@functools.lru_cache(maxsize=4)
def _noise_field(side_px: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((side_px, side_px), dtype=np.float32)
