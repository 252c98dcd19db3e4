"""Train the tiny CLIP checkpoint from scratch: to tell scenes apart, and to find things by words.

    python -m tools.tiny_clip.train --out ytcurate/demo/tiny-clip

One CPU core is enough. Pictures are drawn once into memory (see ``pools``). First the vision tower alone
learns to see the things of the demo's world. Then the whole model is trained: each step takes some planted
scenes and some clips of that world, of each two pictures of different or equal moments, one or both of them
spoiled. Two losses are added:

- Instances: each picture finds the other one of its clip among all of the batch (InfoNCE, both ways), and
  the two are pulled together, so that copies come to lie well over the default threshold of 0.95.
- Words: each query of the batch (see ``texts``) finds the pictures that answer it, and they it. A clip of two
  things in succession is the mean of their features, as in the product.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPModel

from ytcurate.demo.world import BACKGROUNDS, COLOURS, SHAPES, OneThing

from .batches import Batch, Draw, draw_batch, varied
from .model import PREPROCESSING, build_model, save_checkpoint, save_tokenizer
from .pools import ThingPool, draw_scenes, draw_things

_TEMPERATURE = 0.1
"""Of instances."""


def picture_features(model: CLIPModel, pictures: np.ndarray) -> torch.Tensor:
    """Features of length 1 of pictures, uint8, shape (N, S, S, 3)."""
    return normalize(model.get_image_features(pixel_values=pixels_of(pictures)).pooler_output, dim=-1)


def pixels_of(pictures: np.ndarray) -> torch.Tensor:
    """What the model takes for pictures, uint8, shape (N, S, S, 3): shape (N, 3, S, S)."""
    mean, std = (torch.tensor(PREPROCESSING[name]).view(1, 3, 1, 1) for name in ("image_mean", "image_std"))
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - mean) / std


def instance_loss(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How badly pictures find the other one of their clip, in nats; and 1 - the mean cosine to it."""
    both = torch.cat([first, second])
    scores = (both @ both.T / _TEMPERATURE).fill_diagonal_(-1e4)
    count = len(first)
    partners = torch.arange(2 * count).roll(count)
    return cross_entropy(scores, partners), 1 - (first * second).sum(dim=1).mean()


def word_loss(scores: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """How badly queries find what answers them, and that finds them, in nats.

    Args:
        scores: shape (queries, clips), scaled.
        answers: same shape, 0 to 1: how much of the clip answers the query.
    """
    losses = []
    for rows, wanted in ((scores, answers), (scores.T, answers.T)):
        total = wanted.sum(dim=1)
        has_any = total > 0
        shares = wanted[has_any] / total[has_any, None]
        # Less what even a perfect answer costs: several are right.
        least = -(shares * shares.clamp_min(1e-9).log()).sum(dim=1)
        losses.append((cross_entropy(rows[has_any], shares, reduction="none") - least).mean())
    return (losses[0] + losses[1]) / 2


def losses_of(model: CLIPModel, batch: Batch, scenes: int) -> dict[str, torch.Tensor]:
    """The losses of one batch whose first ``scenes`` clips are planted scenes."""
    clips = batch.pictures.shape[1]
    features = picture_features(model, batch.pictures.reshape(-1, *batch.pictures.shape[2:]))
    first, second = features[:clips], features[clips:]
    instances, apart = instance_loss(first, second)
    things = torch.cat([first[scenes:], second[scenes:]])
    answers = torch.from_numpy(batch.answers)
    # Two things in succession: two keyframes show one, the third the other.
    two = normalize(2 * things + things.roll(1, dims=0), dim=-1)
    two_answers = torch.maximum(answers, answers.roll(1, dims=1)) * 0.5
    words = normalize(model.get_text_features(**batch.tokens).pooler_output, dim=-1)
    scale = model.logit_scale.exp().clamp(max=50)
    scores = scale * words @ torch.cat([things, two, first[:scenes]]).T
    nothing = torch.zeros(len(answers), scenes)
    return {
        "instances": instances,
        "apart": apart,
        "words": word_loss(scores, torch.cat([answers, two_answers, nothing], dim=1)),
    }


class Descent:
    """AdamW with gradient clipping and a learning rate that rises over a tenth of the steps, then falls."""

    def __init__(self, modules: list[torch.nn.Module], *, steps: int, peak_lr: float) -> None:
        self._weights = [weight for module in modules for weight in module.parameters()]
        matrices = [weight for weight in self._weights if weight.ndim >= 2]
        vectors = [weight for weight in self._weights if weight.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
        self._adam = torch.optim.AdamW(groups, lr=peak_lr, betas=(0.9, 0.98))
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._adam, peak_lr, total_steps=steps, pct_start=0.1, cycle_momentum=False
        )

    def descend(self, loss: torch.Tensor) -> None:
        """Take one step down the gradient of ``loss``."""
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._adam.step()
        self._schedule.step()


class Progress:
    """Prints running means of losses now and then, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._means: dict[str, float] = {}

    def say(self, what: str) -> None:
        """Print a line."""
        print(f"{time.monotonic() - self._started:5.0f} s  {what}", flush=True)

    def add(self, step: int, **losses: torch.Tensor) -> None:
        """Take in the losses of a step; of each fiftieth, print the means."""
        for name, loss in losses.items():
            self._means[name] = self._means.get(name, loss.item()) * 0.95 + loss.item() * 0.05
        if step % 50 == 0:
            told = "  ".join(f"{name} {self._means[name]:6.3f}" for name in losses)
            self.say(f"step {step:5}  {told}")


def learn_to_see(
    model: CLIPModel, things: ThingPool, options: argparse.Namespace, rng: np.random.Generator, told: Progress
) -> None:
    """Teach the vision tower colours, shapes and backgrounds by linear heads, thrown away afterwards.

    One head reads the mean of the patches, from which shapes are learned many times sooner than from the
    class token, which is all that CLIP reads; the other reads that.
    """
    vision, width = model.vision_model, model.config.vision_config.hidden_size
    sizes = [len(COLOURS), len(SHAPES), len(BACKGROUNDS)]
    heads = torch.nn.ModuleList(torch.nn.Linear(width, sum(sizes)) for _ in range(2))
    descent = Descent([vision, heads], steps=options.seeing_steps, peak_lr=options.peak_lr)
    truths = torch.tensor([_truth(shown) for shown in things.shown])
    moments, views = things.pictures.shape[1:3]
    for step in range(1, options.seeing_steps + 1):
        some = rng.integers(len(things.shown), size=2 * options.things_at_once)
        at = rng.integers(moments, size=len(some)), rng.integers(views, size=len(some))
        pictures = varied(things.pictures[some, at[0], at[1]][None], rng, planted=False)[0]
        seen = vision(pixel_values=pixels_of(pictures))
        patches = vision.post_layernorm(seen.last_hidden_state[:, 1:].mean(dim=1))
        losses = [
            sum(
                cross_entropy(said, true)
                for said, true in zip(head(read).split(sizes, dim=1), truths[some].T, strict=True)
            )
            for head, read in zip(heads, (patches, seen.pooler_output), strict=True)
        ]
        descent.descend(losses[0] + losses[1])
        told.add(step, patches=losses[0], token=losses[1])


def _truth(shown: OneThing) -> tuple[int, int, int]:
    return (
        list(COLOURS).index(shown.thing.colour),
        SHAPES.index(shown.thing.shape),
        list(BACKGROUNDS).index(shown.background),
    )


def learn_to_compare(
    model: CLIPModel,
    scenes: np.ndarray,
    things: ThingPool,
    options: argparse.Namespace,
    rng: np.random.Generator,
    told: Progress,
) -> None:
    """Train the whole model on instances and words."""
    with TemporaryDirectory() as folder:
        draw = Draw(rng, save_tokenizer(Path(folder)))
    descent = Descent([model], steps=options.steps, peak_lr=options.peak_lr)
    for step in range(1, options.steps + 1):
        losses = losses_of(model, draw_batch(scenes, things, options, draw), options.scenes_at_once)
        descent.descend(losses["instances"] + 4 * losses["apart"] + losses["words"])
        told.add(step, **losses)


def centre(model: CLIPModel, scenes: np.ndarray) -> None:
    """Take from all pictures what planted scenes have in common, so that other scenes lie farther apart.

    CLIP's projection has no bias; that of the layer norm before it has the same effect.
    """
    pictures = scenes[:, :, 0].reshape(-1, *scenes.shape[3:])
    with torch.no_grad():
        common = torch.cat(
            [
                model.get_image_features(pixel_values=pixels_of(part)).pooler_output
                for part in np.array_split(pictures, max(1, len(pictures) // 128))
            ]
        ).mean(dim=0)
        shift = torch.linalg.solve(model.visual_projection.weight.double(), common.double())
        model.vision_model.post_layernorm.bias -= shift.float()


def train(options: argparse.Namespace) -> CLIPModel:
    """Draw the pools and train; progress goes to standard output."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    told = Progress()
    things = draw_things(options.things, np.random.default_rng(options.seed))
    scenes = draw_scenes(options.scenes, np.random.default_rng(options.seed))
    told.say(f"drew {len(things.shown)} things and {len(scenes)} scenes")
    model, rng = build_model(), np.random.default_rng(options.seed)
    learn_to_see(model, things, options, rng, told)
    learn_to_compare(model, scenes, things, options, rng, told)
    centre(model.eval(), scenes)
    return model


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1200, help="of the whole model")
    parser.add_argument("--seeing-steps", type=int, default=900, help="of the vision tower, before")
    parser.add_argument("--scenes", type=int, default=1500, help="drawn into memory")
    parser.add_argument("--things", type=int, default=3024, help="clips drawn into memory")
    parser.add_argument("--scenes-at-once", type=int, default=32)
    parser.add_argument("--things-at-once", type=int, default=32)
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--peak-lr", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    save_checkpoint(train(options), options.out)


if __name__ == "__main__":
    main()
