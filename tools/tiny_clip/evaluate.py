"""Measure the tiny CLIP checkpoint on scenes and clips that training never showed, by the product's own path.

    python -m tools.tiny_clip.evaluate --out ytcurate/demo/tiny-clip/accuracy.json

Each clip is encoded as H.264, examined (``media.examine``: three keyframes as JPEG), and embedded by
``EmbedMapper``. Near duplicates are found at a threshold of the cosine; texts by ``embed_texts``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.planted import make_planted_clip
from ytcurate.demo.world import (
    COLOURS,
    SHAPES,
    OneThing,
    Scene,
    all_one_things,
    encode_one_thing,
    encode_video,
    random_scene,
)
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.mappers.embed import EmbedMapper
from ytcurate.media.examine import examine_clip

CHECKPOINT = Path("ytcurate/demo/tiny-clip")
THRESHOLD = 0.95
"""The product's default."""


def embed_videos(model: Path, videos: Iterable[bytes]) -> np.ndarray:
    """Take keyframes of clips and embed them as the product does: float32, shape (N, D)."""
    rows = (
        {"ds_index": 0, "segment_index": number, "keyframes": list(examine_clip(video).keyframes)}
        for number, video in enumerate(videos)
    )
    embedded = EmbedMapper(str(model), threads=1, device="cpu")(rows)
    return np.array([row["embedding"] for row in embedded], np.float32)


def measure_duplicates(
    model: Path, *, clips: int, first_scene: int, seconds: tuple[float, float], seed: int = 0
) -> dict[str, Any]:
    """Find the near duplicates among planted clips, a fifth of which are.

    Args:
        model: folder of the checkpoint.
        clips: how many, near duplicates included.
        first_scene: number of the first planted scene; each good clip has the next.
        seconds: shortest and longest clip; a near duplicate may be of another length than its original.
        seed: of lengths, and of which scene is copied.

    Returns:
        ``precision`` and ``recall`` of pairs at the threshold, and the cosines on either side of it.
    """
    rng = np.random.default_rng(seed)
    copies = clips // 5
    good = list(range(first_scene, first_scene + clips - copies))
    copied = [int(scene) for scene in rng.choice(good, copies, replace=False)]
    scenes = np.array(good + copied)
    kinds = ["good"] * len(good) + ["duplicate"] * copies
    lengths = rng.uniform(*seconds, clips)
    vectors = embed_videos(
        model,
        (
            make_planted_clip(int(scene), kind, seconds=float(length))
            for scene, kind, length in zip(scenes, kinds, lengths, strict=True)
        ),
    )
    one, other = np.triu_indices(clips, 1)
    cosines = np.sum(vectors[one] * vectors[other], axis=1)
    is_copy = scenes[one] == scenes[other]
    found = cosines >= THRESHOLD
    return {
        "clips": clips,
        "near_duplicates": copies,
        "seconds": list(seconds),
        "precision": _rounded((found & is_copy).sum() / max(found.sum(), 1)),
        "recall": _rounded((found & is_copy).sum() / is_copy.sum()),
        "lowest_of_copies": _rounded(cosines[is_copy].min()),
        "1st_percentile_of_copies": _rounded(np.percentile(cosines[is_copy], 1)),
        "99.9th_percentile_of_others": _rounded(np.percentile(cosines[~is_copy], 99.9)),
        "highest_of_others": _rounded(cosines[~is_copy].max()),
    }


def measure_words(model: Path, *, clips: int, seed: int, seconds: float = 2.0) -> dict[str, Any]:
    """Search clips of one thing for each colour and shape, and each shape and colour alone.

    Args:
        model: folder of the checkpoint.
        clips: how many; each content is as common as others.
        seed: of the layouts.
        seconds: length of a clip, at 12 fps.

    Returns:
        ``precision_at_5``: of each query. ``best_found``: the share of clips whose colour and shape are the
        text, of all 18, that is nearest to them. ``highest_of_others`` and ``same_content_over_threshold``:
        cosines of different clips, and the share of pairs of one content that would be near duplicates.
    """
    contents = list(all_one_things())
    shown = [contents[number % len(contents)] for number in range(clips)]
    vectors = embed_videos(
        model,
        (
            encode_one_thing(each, seconds=seconds, fps=12, seed=seed + number)
            for number, each in enumerate(shown)
        ),
    )
    embedder = ClipEmbedder(str(model), device="cpu", threads=1)
    things = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
    precision = {}
    for form in ("{}", "a {}", "a photo of a {}"):
        for thing in things:
            text = form.format(thing).replace("a orange", "an orange")
            precision[text] = _precision_at_5(
                embedder, vectors, text, [_words(each) == thing for each in shown]
            )
    for words in (*COLOURS, *SHAPES):
        precision[words] = _precision_at_5(
            embedder, vectors, words, [words in _words(each).split() for each in shown]
        )
    nearest = (vectors @ embedder.embed_texts(things).T).argmax(axis=1)
    one, other = np.triu_indices(clips, 1)
    cosines = np.sum(vectors[one] * vectors[other], axis=1)
    is_same = np.array([shown[a] == shown[b] for a, b in zip(one, other, strict=True)])
    return {
        "clips": clips,
        "lowest_precision_at_5": min(precision.values()),
        "precision_at_5": precision,
        "best_found": _rounded(
            np.mean([things[at] == _words(each) for at, each in zip(nearest, shown, strict=True)])
        ),
        "same_content_over_threshold": _rounded((cosines[is_same] >= THRESHOLD).mean()),
        "other_content_over_threshold": _rounded((cosines[~is_same] >= THRESHOLD).mean()),
    }


def measure_two_things(model: Path, *, clips: int, seed: int, seconds: int = 2) -> dict[str, Any]:
    """Search clips of two things in succession; a clip answers a query if one of its things does.

    Returns:
        ``mean_precision_at_5`` over the 18 queries of a colour and a shape.
    """
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng) for _ in range(clips)]
    vectors = embed_videos(
        model,
        (
            encode_video([scene], seconds_per_scene=seconds, fps=12, seed=seed + number)
            for number, scene in enumerate(scenes)
        ),
    )
    embedder = ClipEmbedder(str(model), device="cpu", threads=1)
    precision = {}
    for colour in COLOURS:
        for shape in SHAPES:
            text = f"{colour} {shape}"
            precision[text] = _precision_at_5(
                embedder, vectors, text, [text in _words(scene) for scene in scenes]
            )
    return {"clips": clips, "mean_precision_at_5": _rounded(np.mean(list(precision.values())))}


def _precision_at_5(
    embedder: ClipEmbedder, vectors: np.ndarray, text: str, is_answer: Sequence[bool]
) -> float:
    best = np.argsort(-(vectors @ embedder.embed_texts([text])[0]))[:5]
    return float(np.mean(np.array(is_answer)[best]))


def _words(shown: OneThing | Scene) -> str:
    things = (shown.first, shown.second) if isinstance(shown, Scene) else (shown.thing,)
    return ", ".join(f"{thing.colour} {thing.shape}" for thing in things)


def _rounded(number: Any) -> float:
    return round(float(number), 4)


def measure(model: Path) -> dict[str, Any]:
    """Measure all there is to say of the checkpoint."""
    return {
        "threshold": THRESHOLD,
        "near_duplicates": measure_duplicates(model, clips=320, first_scene=600_000, seconds=(1.5, 1.5)),
        "near_duplicates_of_other_lengths": measure_duplicates(
            model, clips=320, first_scene=700_000, seconds=(1.5, 3.0)
        ),
        "one_thing": measure_words(model, clips=216, seed=500_000),
        "two_things": measure_two_things(model, clips=100, seed=800_000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()
    result = measure(options.model)
    told = json.dumps(result, indent=2)
    print(told)
    if options.out is not None:
        options.out.write_text(told + "\n")


if __name__ == "__main__":
    main()
