"""What training asks about a clip, and the answers it teaches: a sentence, or a label in JSON."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass

import numpy as np
from transformers import Qwen2_5_VLProcessor

from ytcurate.demo.world import OneThing, Scene, all_one_things, label_of, random_scene
from ytcurate.describers.prompts import Prompt, load_question

from .checkpoint import SYSTEM_LINES, USER_PROMPTS
from .clips import Pictures, is_held_out, render_prompt
from .tracks import Pool, draw_clip

LABEL: Prompt = load_question("label")
"""The question that is answered in JSON; every other one gets the sentence."""

_ONE_THINGS = [shown for shown in all_one_things() if not is_held_out(shown)]
_SHORTEST_STEP_S = 0.45
"""Two frames of a clip of one second, of which four are taken."""


@dataclass(frozen=True)
class Mix:
    """What share of the batches or clips has what."""

    label: float = 0.0
    """Batches that ask for the label."""
    one_thing: float = 0.0
    """Clips that show one thing only."""


@dataclass(frozen=True)
class Batch:
    """Clips that share one prompt and one frame count, ready for the model."""

    shown: list[Scene | OneThing]
    clips: Pictures
    """uint8, shape (B, T, SIDE_PX, SIDE_PX, 3)."""
    is_label: bool
    prompt: str
    seconds_per_grid: float
    """Time between two steps of the time grid (two frames each)."""
    resume_after_time: bool
    """Position convention, see ``clips.text_positions``."""

    @property
    def answers(self) -> list[str]:
        """The true answer for each clip."""
        return [label_text(shown) if self.is_label else shown.sentence() for shown in self.shown]


def label_text(shown: Scene | OneThing) -> str:
    """The true label as JSON without white space: the one form that the engines' grammar lets through."""
    return json.dumps(label_of(shown), separators=(",", ":"))


def draw_batch(
    pool: Pool,
    processor: Qwen2_5_VLProcessor,
    size: int,
    progress: float,
    mix: Mix,
    rng: np.random.Generator,
) -> Batch:
    """Draw one batch; ``progress`` runs from 0 to 1 over the training."""
    frames = draw_frame_count(progress, rng)
    shown = [draw_shown(mix, rng) for _ in range(size)]
    clips = np.stack([draw_clip(pool, each, frames, rng) for each in shown])
    is_usual_rate = rng.random() < 0.8
    is_label = bool(mix.label) and rng.random() < mix.label
    prompt = (LABEL.system, LABEL.text) if is_label else draw_prompt(rng)
    # Four frames are also taken of clips that are too short for two per second.
    shortest = _SHORTEST_STEP_S if mix.one_thing and frames == 4 else 0.9
    return Batch(
        shown=shown,
        clips=clips,
        is_label=is_label,
        prompt=render_prompt(processor, *prompt),
        seconds_per_grid=float(rng.uniform(shortest, 1.15) if is_usual_rate else rng.uniform(0.4, 4.0)),
        resume_after_time=bool(rng.random() < 0.7),
    )


def draw_shown(mix: Mix, rng: np.random.Generator) -> Scene | OneThing:
    """Draw what a clip of the training share shows."""
    if mix.one_thing and rng.random() < mix.one_thing:
        return _ONE_THINGS[rng.integers(len(_ONE_THINGS))]
    while is_held_out(scene := random_scene(rng)):
        pass
    return scene


def draw_frame_count(progress: float, rng: np.random.Generator) -> int:
    """Draw how many frames a batch has: few at first, all lengths in the last third of training."""
    if progress < 0.35:
        return 4
    if progress < 0.7:
        return int(rng.choice([4, 4, 6, 8]))
    return int(rng.choice([4, 6, 8, 10, 12, 16, 20, 20]))


def draw_prompt(rng: np.random.Generator) -> tuple[str, str]:
    """Draw a system line and a user prompt: the usual pair, any pair, or a pair with unknown words."""
    kind = rng.random()
    if kind < 0.4:
        return SYSTEM_LINES[0], USER_PROMPTS[0]
    system = SYSTEM_LINES[rng.integers(len(SYSTEM_LINES))]
    user = USER_PROMPTS[rng.integers(len(USER_PROMPTS))]
    if kind > 0.7:
        user = f"{user} {_random_words(rng)}" if rng.random() < 0.5 else _random_words(rng)
    if kind > 0.85:
        system = _random_words(rng)
    return system, user


def _random_words(rng: np.random.Generator) -> str:
    known = " ".join(USER_PROMPTS).split()
    words = []
    for _ in range(rng.integers(3, 12)):
        letters = rng.choice(list(string.ascii_lowercase), size=rng.integers(2, 9))
        words.append("".join(letters) if rng.random() < 0.4 else known[rng.integers(len(known))])
    return " ".join(words)
