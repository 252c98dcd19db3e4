"""The demo's sample video, and how many descriptions of it are true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ytcurate.demo.world import Scene, encode_video, random_scene, read_sentence

MODEL = Path(__file__).parent / "tiny-qwen2.5-vl"
"""The checkpoint that describes this world."""
CLIP_MODEL = Path(__file__).parent / "tiny-clip"
"""The one that compares its pictures and sentences."""
SCENE_COUNT = 6
SECONDS_PER_SCENE = 10
_SEED = 20260


def sample_scenes() -> list[Scene]:
    """What the sample video shows, scene after scene."""
    rng = np.random.default_rng(_SEED)
    return [random_scene(rng) for _ in range(SCENE_COUNT)]


def write_sample(path: str | Path) -> Path:
    """Draw the sample video, one minute of H.264 in an MP4 file, unless it is there already."""
    path = Path(path)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_bytes(encode_video(sample_scenes(), seconds_per_scene=SECONDS_PER_SCENE, seed=_SEED))
        partial.rename(path)
    return path


def count_true(rows: Iterable[Mapping[str, Any]]) -> int:
    """Count descriptions that say exactly what their ten seconds of the sample video show.

    Args:
        rows: of a table of descriptions, with ``segment_index`` and ``description``.
    """
    scenes = sample_scenes()
    return sum(
        read_sentence(row["description"] or "") == scenes[row["segment_index"]]
        for row in rows
        if row["segment_index"] < len(scenes)
    )
