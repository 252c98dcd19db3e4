"""Pictures to train on, drawn once into memory at the size that the model sees.

Two pools: scenes of planted videos (``tests/support/planted.py``), each a window that wanders over a picture
of its own, and things of the demo's world. Each clip has pictures of three moments; each picture is there
plain, and spoiled as copies of videos are: cropped, blurred, grainy, coded coarsely.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tests.support.planted import FPS, scene_pictures
from ytcurate.demo.world import OneThing, all_one_things, draw_thing, random_layout
from ytcurate.embedders.preparation import Preparation

from .model import PREPROCESSING

FIRST_TRAINING_SCENE = 1_000_000_000
"""Planted scenes from this number on are for training; tests and measurements take lower ones."""
MOMENTS = 3
_SPOILED = 2
_SIZES = ((160, 120), (160, 120), (128, 96), (192, 108))
_PREPARATION = Preparation.from_config(PREPROCESSING, "tiny-clip")


@dataclass(frozen=True, eq=False)
class ThingPool:
    """Clips of one thing each."""

    pictures: np.ndarray
    """uint8, shape (clips, moments, 1 + spoiled, S, S, 3), RGB: of each moment the plain picture is first."""
    shown: list[OneThing]
    """What each clip shows."""


def draw_scenes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw planted scenes: the first, the middle and the last picture of a clip of 1.5 to 3 seconds.

    Returns:
        uint8, shape (count, moments, 1 + spoiled, S, S, 3), RGB: of each moment the plain picture is first.
    """
    side = _PREPARATION.side_px
    pool = np.empty((count, MOMENTS, 1 + _SPOILED, side, side, 3), np.uint8)
    for number in range(count):
        length = round(float(rng.uniform(1.5, 3.0)) * FPS)
        width, height = _SIZES[rng.integers(len(_SIZES))]
        wanted = {0: 0, length // 2: 1, length - 1: 2}
        pictures = scene_pictures(FIRST_TRAINING_SCENE + number, "good", length, width, height)
        for at, picture in enumerate(pictures):
            if at in wanted:
                pool[number, wanted[at]] = _views(picture, rng)
    return pool


def draw_things(count: int, rng: np.random.Generator, size_px: int = 112) -> ThingPool:
    """Draw clips of one thing, at their first, middle and last moment; every content is equally common."""
    side = _PREPARATION.side_px
    pool = np.empty((count, MOMENTS, 1 + _SPOILED, side, side, 3), np.uint8)
    contents = list(all_one_things())
    shown = [contents[number % len(contents)] for number in range(count)]
    for number, content in enumerate(shown):
        layout = random_layout(rng)
        for moment in range(MOMENTS):
            picture = draw_thing(
                content.thing,
                content.background,
                layout.first,
                t_fraction=moment / (MOMENTS - 1),
                size_px=size_px,
                noise=layout.noise,
            )
            pool[number, moment] = _views(picture, rng)
    return ThingPool(pool, shown)


def _views(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One picture as the model sees it, plain and spoiled: shape (1 + spoiled, S, S, 3)."""
    picture = np.ascontiguousarray(picture)
    plain = _as_jpeg(picture, int(rng.integers(70, 95)))
    spoiled = [_spoil(picture, rng) for _ in range(_SPOILED)]
    return np.stack([_PREPARATION.prepare(view) for view in (plain, *spoiled)])


def _spoil(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    left, right, top, bottom = rng.uniform(0, 0.05, 4) * (width, width, height, height)
    picture = picture[round(top) : height - round(bottom), round(left) : width - round(right)]
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, width / 100)))
    if rng.random() < 0.4:
        grain = rng.normal(0, float(rng.uniform(2, 12)), picture.shape)
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
    return _as_jpeg(picture, int(rng.integers(25, 90)))


def _as_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    # Colours change places on the way in and back on the way out.
    _, jpeg = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))[:, :, ::-1]
