"""The pool of tracks from which training clips are joined.

A track is one thing on one background at a few moments of its drift, passed through real H.264 once and
reduced as the product reduces frames. Joining tracks is cheap, so no clip need be shown twice.
"""

from __future__ import annotations

import math

import numpy as np

from ytcurate.demo.world import (
    BACKGROUNDS,
    COLOURS,
    SHAPES,
    OneThing,
    Scene,
    Thing,
    draw_thing,
    encode_pictures,
    random_placement,
)

from .clips import Pictures, decode_pictures, reduce_pictures

Pool = dict[tuple[Thing, str], Pictures]
"""Tracks of each thing on each background: uint8, shape (tracks, moments, SIDE_PX, SIDE_PX, 3)."""

MOMENTS = 8
"""Pictures in one track, evenly spaced in time."""


def draw_pool(tracks: int, rng: np.random.Generator) -> Pool:
    """Draw ``tracks`` tracks for each thing on each background."""
    things = [Thing(colour, shape) for colour in COLOURS for shape in SHAPES]
    return {
        (thing, background): np.stack([draw_track(thing, background, rng) for _ in range(tracks)])
        for thing in things
        for background in BACKGROUNDS
    }


def draw_track(thing: Thing, background: str, rng: np.random.Generator) -> Pictures:
    """Draw one track and pass it through H.264: uint8, shape (MOMENTS, SIDE_PX, SIDE_PX, 3)."""
    placement = random_placement(rng)
    noise = float(rng.uniform(0.5, 4.0))
    pictures = [
        draw_thing(thing, background, placement, t_fraction=moment / (MOMENTS - 1), noise=noise)
        for moment in range(MOMENTS)
    ]
    video = encode_pictures(pictures, keyframes={0}, fps=2, size_px=224, crf=int(rng.integers(18, 32)))
    return reduce_pictures(decode_pictures(video))


def draw_glimpse(tracks: Pictures, rng: np.random.Generator) -> Pictures:
    """Draw two pictures of one track, in order: uint8, shape (2, SIDE_PX, SIDE_PX, 3)."""
    moments = np.sort(rng.choice(MOMENTS, size=2, replace=False))
    return _augment(tracks[rng.integers(len(tracks)), moments], rng)


def draw_clip(pool: Pool, shown: Scene | OneThing, frames: int, rng: np.random.Generator) -> Pictures:
    """Make one clip: uint8, shape (frames, SIDE_PX, SIDE_PX, 3)."""
    if isinstance(shown, OneThing):
        return _part_of_track(pool[shown.thing, shown.background], frames, rng)
    return _join_tracks(pool, shown, frames, rng)


def _join_tracks(pool: Pool, scene: Scene, frames: int, rng: np.random.Generator) -> Pictures:
    """Join two tracks in time; the second thing appears 35-65 % of the way through."""
    change_at = math.ceil(rng.uniform(0.35, 0.65) * (frames - 1))
    parts = []
    for thing, count in ((scene.first, change_at), (scene.second, frames - change_at)):
        tracks = pool[thing, scene.background]
        moments = np.sort(rng.choice(MOMENTS, size=count, replace=count > MOMENTS))
        parts.append(_augment(tracks[rng.integers(len(tracks)), moments], rng))
    return np.concatenate(parts)


def _part_of_track(tracks: Pictures, frames: int, rng: np.random.Generator) -> Pictures:
    """Show a stretch of one track, short or long: a clip cut out of a scene has part of its drift only."""
    first, last = np.sort(rng.integers(MOMENTS, size=2))
    moments = np.linspace(first, last, frames).round().astype(int)
    return _augment(tracks[rng.integers(len(tracks)), moments], rng)


def _augment(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Mirror, shift by a few pixels and change the brightness: every shape stays what it is."""
    if rng.random() < 0.5:
        pictures = pictures[:, :, ::-1]
    pictures = np.roll(pictures, rng.integers(-3, 4, size=2), axis=(1, 2))
    brightness = rng.integers(-6, 7)
    return np.clip(pictures.astype(np.int16) + brightness, 0, 255).astype(np.uint8)
