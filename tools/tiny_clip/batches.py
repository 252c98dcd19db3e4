"""What a step of training sees: two pictures of each of some clips, and queries about them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np

from .pools import ThingPool
from .texts import draw_query


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step sees."""

    pictures: np.ndarray
    """uint8, shape (2, scenes + things, S, S, 3): two pictures of each clip."""
    tokens: Any
    """Of the queries, padded: input_ids and attention_mask."""
    answers: np.ndarray
    """float32, shape (queries, 2 * things): 1 where the thing of the clip is what is asked for, for both
    pictures of each."""


@dataclass(frozen=True, eq=False)
class Draw:
    """What batches are drawn with."""

    rng: np.random.Generator
    tokenizer: Any


def draw_batch(scenes: np.ndarray, things: ThingPool, options: argparse.Namespace, draw: Draw) -> Batch:
    """Draw clips of both pools, two pictures of each, and queries."""
    rng = draw.rng
    some_scenes = rng.choice(len(scenes), options.scenes_at_once, replace=False)
    some_things = rng.choice(len(things.shown), options.things_at_once, replace=False)
    pictures = np.concatenate(
        [
            varied(_two_of_each(scenes, some_scenes, rng), rng, planted=True),
            varied(_two_of_each(things.pictures, some_things, rng), rng, planted=False),
        ],
        axis=1,
    )
    queries = [draw_query(rng) for _ in range(options.queries)]
    shown = [things.shown[number] for number in some_things]
    answers = np.array([[query.is_answered_by(each) for each in shown] for query in queries], np.float32)
    tokens = draw.tokenizer([query.text for query in queries], padding=True, return_tensors="pt")
    return Batch(pictures, tokens, np.concatenate([answers, answers], axis=1))


def _two_of_each(pool: np.ndarray, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two pictures of each of these clips: uint8, shape (2, clips, S, S, 3)."""
    moments, views = pool.shape[1:3]
    first, second = rng.integers(moments, size=(2, len(numbers)))
    plain_or_not, spoiled = rng.integers(views, size=len(numbers)), rng.integers(1, views, size=len(numbers))
    return np.stack([pool[numbers, first, plain_or_not], pool[numbers, second, spoiled]])


def varied(pairs: np.ndarray, rng: np.random.Generator, *, planted: bool) -> np.ndarray:
    """Change what each clip is, both pictures alike; then light and contrast of each picture by itself."""
    pairs = pairs.astype(np.float32)
    views, count = pairs.shape[:2]
    for number in range(count):
        if rng.random() < 0.5:
            pairs[:, number] = pairs[:, number, :, ::-1].copy()
        if planted:
            # A scene upside down or in other colours is another scene. A triangle stands on its base.
            if rng.random() < 0.5:
                pairs[:, number] = pairs[:, number, ::-1].copy()
            pairs[:, number] = pairs[:, number][..., rng.permutation(3)]
    shape = (views, count, 1, 1, 1)
    contrast = rng.uniform(0.88, 1.12, shape)
    middle = pairs.mean(axis=(2, 3, 4), keepdims=True)
    pairs = (pairs - middle) * contrast + middle + rng.uniform(-16, 16, shape)
    return np.clip(pairs, 0, 255).astype(np.uint8)
