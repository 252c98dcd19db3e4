"""Measure the tiny checkpoint on contents that training never showed, through real H.264.

    python -m tools.tiny_model.evaluate --clips 300 --out sentence.json
    python -m tools.tiny_model.evaluate --question label --things one --seconds 1-10 --clips 200

Each clip is encoded as an MP4 file, decoded, sampled and reduced by the product's rules, and an engine is
asked about it. A sentence is read back into its attributes and compared with what was drawn; a text that is
not a sentence of this world counts as wrong throughout. A label is compared field by field; a text that the
question's schema does not allow counts as wrong throughout.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ytcurate.demo.world import (
    OneThing,
    Scene,
    all_one_things,
    all_scenes,
    encode_one_thing,
    encode_video,
    label_of,
    read_sentence,
)
from ytcurate.describers.prompts import Prompt
from ytcurate.describers.reply_schema import ReplyDoesNotFit, ReplySchema

from .checkpoint import SYSTEM_LINES, USER_PROMPTS
from .clips import is_held_out
from .engines import ENGINES, SAMPLINGS, Clip
from .tasks import LABEL, label_text

Shown = Scene | OneThing

_CHECKS: dict[str, Callable[[Scene, Scene], bool]] = {
    "first colour": lambda true, said: true.first.colour == said.first.colour,
    "first shape": lambda true, said: true.first.shape == said.first.shape,
    "second colour": lambda true, said: true.second.colour == said.second.colour,
    "second shape": lambda true, said: true.second.shape == said.second.shape,
    "background": lambda true, said: true.background == said.background,
    "order in time": lambda true, said: (true.first, true.second) == (said.first, said.second),
}
"""What is checked of a sentence on two things, beside the whole of it."""


def draw_clips(options: argparse.Namespace) -> Iterator[tuple[Shown, Clip]]:
    """Draw clips of held-out contents; every content occurs before one occurs again."""
    rng = np.random.default_rng(options.seed)
    contents: list[Shown] = [
        shown
        for shown in (all_one_things() if options.things == "one" else all_scenes())
        if is_held_out(shown)
    ]
    rounds = options.clips // len(contents) + 1
    order = np.concatenate([rng.permutation(len(contents)) for _ in range(rounds)])
    shortest, longest = options.seconds
    for number, index in enumerate(order[: options.clips]):
        shown, seed = contents[index], options.seed * 1_000_000 + number
        if isinstance(shown, OneThing):
            seconds = float(rng.uniform(shortest, longest))
            video = encode_one_thing(shown, seconds=seconds, fps=options.fps, seed=seed)
        else:
            whole = int(rng.integers(shortest, longest + 1)) if shortest < longest else shortest
            video = encode_video([shown], seconds_per_scene=whole, fps=options.fps, seed=seed)
        yield shown, Clip(video, options.fps)


def score_sentences(truths: Sequence[Shown], texts: Sequence[str]) -> list[dict[str, bool]]:
    """Say what is right in each sentence."""
    scores = []
    for true, text in zip(truths, texts, strict=True):
        score = {}
        if isinstance(true, Scene):
            said = read_sentence(text)
            score = {name: said is not None and check(true, said) for name, check in _CHECKS.items()}
        scores.append(score | {"whole sentence": text.strip() == true.sentence()})
    return scores


def score_labels(truths: Sequence[Shown], texts: Sequence[str]) -> list[dict[str, bool]]:
    """Say what is right in each label."""
    schema = LABEL.schema
    assert schema is not None
    scores = []
    for true, text in zip(truths, texts, strict=True):
        said = _read_label(schema, text)
        fields = {name: said is not None and said[name] == value for name, value in label_of(true).items()}
        exact = {"JSON of the schema": said is not None, "letter for letter": text == label_text(true)}
        scores.append(fields | exact)
    return scores


def _read_label(schema: ReplySchema, text: str) -> dict[str, Any] | None:
    try:
        return schema.parse(text)
    except ReplyDoesNotFit:
        return None


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Draw, ask and score.

    Returns:
        ``clips``; ``accuracy``: the share of clips right in each respect; ``mistakes``: every one, with what
        was true and what was said; ``settings``.
    """
    is_label = options.question == "label"
    question = LABEL if is_label else Prompt(options.user, options.system)
    drawn = list(draw_clips(options))
    truths = [shown for shown, _ in drawn]
    texts = ENGINES[options.engine](options, question, [clip for _, clip in drawn])
    scores = score_labels(truths, texts) if is_label else score_sentences(truths, texts)
    return {
        "clips": len(drawn),
        "accuracy": {name: sum(score[name] for score in scores) / len(scores) for name in scores[0]},
        "mistakes": [
            {"truth": label_text(true) if is_label else true.sentence(), "said": text}
            for true, text, score in zip(truths, texts, scores, strict=True)
            if not all(score.values())
        ],
        "settings": {
            name: "-".join(map(str, value)) if name == "seconds" else str(value)
            for name, value in vars(options).items()
            if name != "out" and not (is_label and name in ("system", "user"))
        },
    }


def _seconds(text: str) -> tuple[int, int]:
    """Read ``10`` or ``1-10``: the shortest and the longest clip."""
    shortest, _, longest = text.partition("-")
    return int(shortest), int(longest or shortest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("ytcurate/demo/tiny-qwen2.5-vl"))
    parser.add_argument("--question", choices=("sentence", "label"), default="sentence")
    parser.add_argument("--things", choices=("one", "two"), default="two", help="shown in each clip")
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument(
        "--seconds", type=_seconds, default=(10, 10), help="length of the clips, one number or 1-10"
    )
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=tuple(ENGINES), default="transformers")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="not for the product's engines"
    )
    parser.add_argument(
        "--sampling", choices=tuple(SAMPLINGS), default="greedy", help="not for transformers on its own"
    )
    parser.add_argument("--system", default=SYSTEM_LINES[0], help="of the question for a sentence")
    parser.add_argument("--user", default=USER_PROMPTS[0], help="of the question for a sentence")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of transformers on its own")
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()

    result = measure(options)
    for name, share in result["accuracy"].items():
        print(f"{name:<20}{share:8.1%}")
    for mistake in result["mistakes"][:10]:
        print(f"  drawn: {mistake['truth']}\n  said:  {mistake['said']}")
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
