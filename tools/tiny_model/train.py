"""Train the tiny Qwen2.5-VL checkpoint from scratch on clips of the synthetic world.

    python -m tools.tiny_model.train --out ytcurate/demo/tiny-qwen2.5-vl

One CPU core is enough. A pool of tracks is drawn first (one track: one thing on one background, a few
moments of its drift), each passed through real H.264 and reduced as the product reduces frames.

Training has two parts. First the vision tower alone learns to see: glimpses of two frames, from whose
mean token a linear head, thrown away afterwards, names colour, shape and background. Without this
part the shape takes many times longer. Then the whole model learns to describe: a clip is two tracks
joined in time, and the loss is taken on the answer only. Most steps see few frames, the last ones up to
20, and both known position conventions occur (see ``clips.text_positions``). Scenes for which
``clips.is_held_out`` is true never occur in this part.
"""

from __future__ import annotations

import argparse
import math
import shutil
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import BatchFeature, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from ytcurate.demo.world import (
    BACKGROUNDS,
    COLOURS,
    SHAPES,
    Scene,
    Thing,
    draw_thing,
    encode_pictures,
    random_placement,
    random_scene,
)

from .checkpoint import (
    SYSTEM_LINES,
    USER_PROMPTS,
    build_model,
    build_processor,
    build_tokenizer,
    save_checkpoint,
)
from .clips import (
    Pictures,
    decode_pictures,
    is_held_out,
    reduce_pictures,
    render_prompt,
    text_positions,
)

Pool = dict[tuple[Thing, str], Pictures]
"""Tracks of each thing on each background: uint8, shape (tracks, moments, SIDE_PX, SIDE_PX, 3)."""

MOMENTS = 8
"""Pictures in one track, evenly spaced in time."""


@dataclass(frozen=True)
class Batch:
    """Clips that share one prompt and one frame count, ready for the model."""

    clips: Pictures
    """uint8, shape (B, T, SIDE_PX, SIDE_PX, 3)."""
    prompt: str
    answers: list[str]
    seconds_per_grid: float
    """Time between two steps of the time grid (two frames each)."""
    resume_after_time: bool
    """Position convention, see ``text_positions``."""


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


def draw_pool(tracks: int, rng: np.random.Generator) -> Pool:
    """Draw ``tracks`` tracks for each thing on each background."""
    things = [Thing(colour, shape) for colour in COLOURS for shape in SHAPES]
    return {
        (thing, background): np.stack([draw_track(thing, background, rng) for _ in range(tracks)])
        for thing in things
        for background in BACKGROUNDS
    }


def join_tracks(pool: Pool, scene: Scene, frames: int, rng: np.random.Generator) -> Pictures:
    """Make one clip of ``frames`` pictures; the second thing appears 35-65 % of the way through."""
    change_at = math.ceil(rng.uniform(0.35, 0.65) * (frames - 1))
    parts = []
    for thing, count in ((scene.first, change_at), (scene.second, frames - change_at)):
        tracks = pool[thing, scene.background]
        moments = np.sort(rng.choice(MOMENTS, size=count, replace=count > MOMENTS))
        parts.append(_augment(tracks[rng.integers(len(tracks)), moments], rng))
    return np.concatenate(parts)


def draw_glimpse(tracks: Pictures, rng: np.random.Generator) -> Pictures:
    """Draw two pictures of one track, in order: uint8, shape (2, SIDE_PX, SIDE_PX, 3)."""
    moments = np.sort(rng.choice(MOMENTS, size=2, replace=False))
    return _augment(tracks[rng.integers(len(tracks)), moments], rng)


def patch(clips: Pictures, processor: Qwen2_5_VLProcessor) -> BatchFeature:
    """Normalise clips, (B, T, H, W, 3), and cut them into the patches that the vision tower takes."""
    videos = list(torch.from_numpy(clips).permute(0, 1, 4, 2, 3))
    return processor.video_processor(videos, do_sample_frames=False, return_tensors="pt")


def _augment(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """Mirror, shift by a few pixels and change the brightness: every shape stays what it is."""
    if rng.random() < 0.5:
        pictures = pictures[:, :, ::-1]
    pictures = np.roll(pictures, rng.integers(-3, 4, size=2), axis=(1, 2))
    brightness = rng.integers(-6, 7)
    return np.clip(pictures.astype(np.int16) + brightness, 0, 255).astype(np.uint8)


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


def draw_frame_count(progress: float, rng: np.random.Generator) -> int:
    """Draw how many frames a batch has: few at first, all lengths in the last third of training."""
    if progress < 0.35:
        return 4
    if progress < 0.7:
        return int(rng.choice([4, 4, 6, 8]))
    return int(rng.choice([4, 6, 8, 10, 12, 16, 20, 20]))


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene of the training share."""
    while is_held_out(scene := random_scene(rng)):
        pass
    return scene


def draw_batch(
    pool: Pool, processor: Qwen2_5_VLProcessor, size: int, progress: float, rng: np.random.Generator
) -> Batch:
    """Draw one batch; ``progress`` runs from 0 to 1 over the training."""
    frames = draw_frame_count(progress, rng)
    scenes = [draw_scene(rng) for _ in range(size)]
    clips = np.stack([join_tracks(pool, scene, frames, rng) for scene in scenes])
    is_usual_rate = rng.random() < 0.8
    return Batch(
        clips=clips,
        prompt=render_prompt(processor, *draw_prompt(rng)),
        answers=[scene.sentence() for scene in scenes],
        seconds_per_grid=float(rng.uniform(0.9, 1.15) if is_usual_rate else rng.uniform(0.4, 4.0)),
        resume_after_time=bool(rng.random() < 0.7),
    )


def answer_losses(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, batch: Batch
) -> torch.Tensor:
    """Cross-entropy of each answer token, the closing <|im_end|> included: shape (B, tokens)."""
    config, tokenizer = model.config, processor.tokenizer
    video = patch(batch.clips, processor)
    grid = video["video_grid_thw"]
    steps, height, width = (grid[0] // torch.tensor([1, 2, 2])).tolist()

    prompt = tokenizer(batch.prompt).input_ids
    video_at = prompt.index(config.video_token_id)
    answers = torch.tensor([tokenizer(answer + "<|im_end|>").input_ids for answer in batch.answers])
    before, after = prompt[:video_at], prompt[video_at + 1 :]
    head = torch.tensor(before + [config.video_token_id] * (steps * height * width) + after)
    input_ids = torch.cat([head.expand(len(answers), -1), answers], dim=1)
    positions = text_positions(
        len(before),
        (steps, height, width),
        batch.seconds_per_grid,
        len(after) + answers.shape[1],
        tokens_per_second=config.vision_config.tokens_per_second,
        resume_after_time=batch.resume_after_time,
    )
    logits = model(
        input_ids=input_ids,
        position_ids=positions[:, None].expand(-1, len(answers), -1),
        pixel_values_videos=video["pixel_values_videos"],
        video_grid_thw=grid,
        use_cache=False,
        logits_to_keep=answers.shape[1] + 1,
    ).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.transpose(1, 2), answers, reduction="none")


class Descent:
    """AdamW with gradient clipping, linear warm-up and linear decay over the last 60 % of the steps."""

    def __init__(
        self, modules: list[torch.nn.Module], *, steps: int, peak_lr: float, final_share: float
    ) -> None:
        """``final_share``: the last learning rate, as a fraction of ``peak_lr``."""
        self._weights = [weight for module in modules for weight in module.parameters()]
        matrices = [weight for weight in self._weights if weight.ndim >= 2]
        vectors = [weight for weight in self._weights if weight.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
        self._adam = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98))
        self._steps, self._peak_lr, self._final_share = steps, peak_lr, final_share
        self._step = 0

    def descend(self, loss: torch.Tensor) -> None:
        """Take one step down the gradient of ``loss``."""
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        left = min(1.0, (self._steps - self._step) / (0.6 * self._steps))
        decayed = self._final_share + (1 - self._final_share) * left
        for group in self._adam.param_groups:
            group["lr"] = self._peak_lr * min((self._step + 1) / 100, decayed)
        self._adam.step()
        self._step += 1


def replace_checkpoint(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, folder: Path
) -> None:
    """Save beside ``folder``, then move file by file: a reader never meets half a file."""
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    save_checkpoint(model, processor, draft)
    folder.mkdir(parents=True, exist_ok=True)
    for file in draft.iterdir():
        file.replace(folder / file.name)
    draft.rmdir()


def learn_to_see(
    model: Qwen2_5_VLForConditionalGeneration,
    processor: Qwen2_5_VLProcessor,
    pool: Pool,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> Iterator[str]:
    """Train the vision tower on glimpses, with a linear head of its own; yield lines of progress."""
    views = list(pool)
    names: list[list[str]] = [list(COLOURS), list(SHAPES), list(BACKGROUNDS)]
    head = torch.nn.Linear(model.config.vision_config.out_hidden_size, sum(map(len, names)))
    descent = Descent(
        [model.model.visual, head], steps=options.see_steps, peak_lr=options.see_lr, final_share=0.3
    )
    recent: list[torch.Tensor] = []
    for step in range(options.see_steps):
        seen = [views[index] for index in rng.integers(len(views), size=options.glimpses)]
        truth = torch.tensor(
            [
                [names[0].index(thing.colour), names[1].index(thing.shape), names[2].index(background)]
                for thing, background in seen
            ]
        )
        glimpses = np.stack([draw_glimpse(pool[view], rng) for view in seen])
        video = patch(glimpses, processor)
        tokens = model.model.visual(video["pixel_values_videos"], grid_thw=video["video_grid_thw"])
        mean_token = tokens.pooler_output.unflatten(0, (len(seen), -1)).mean(dim=1)
        guesses = head(mean_token).split([len(words) for words in names], dim=1)
        losses = [
            torch.nn.functional.cross_entropy(guess, truth[:, index]) for index, guess in enumerate(guesses)
        ]
        descent.descend(torch.stack(losses).sum())
        recent.append(torch.stack(losses).detach())
        if (step + 1) % 50 == 0:
            colour, shape, background = torch.stack(recent).mean(dim=0).tolist()
            recent.clear()
            yield f"see {step + 1}: colour {colour:.3f}, shape {shape:.3f}, background {background:.3f}"


def learn_to_describe(
    model: Qwen2_5_VLForConditionalGeneration,
    processor: Qwen2_5_VLProcessor,
    pool: Pool,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> Iterator[str]:
    """Train the whole model on clips; yield lines of progress. The checkpoint is saved on the way."""
    descent = Descent([model], steps=options.steps, peak_lr=options.peak_lr, final_share=0.0)
    recent: list[torch.Tensor] = []
    for step in range(options.steps):
        batch = draw_batch(pool, processor, options.batch, step / options.steps, rng)
        losses = answer_losses(model, processor, batch)
        descent.descend(losses.mean())
        recent.append(losses.detach().mean(dim=0))
        is_last = step + 1 == options.steps
        if (step + 1) % 50 == 0 or is_last:
            yield f"describe {step + 1}: {_summary(torch.stack(recent).mean(dim=0))}"
            recent.clear()
        if (step + 1) % options.save_every == 0 or is_last:
            replace_checkpoint(model, processor, options.out)


def train(options: argparse.Namespace) -> Iterator[str]:
    """Run the whole training and yield lines of progress."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    tokenizer = build_tokenizer()
    processor = build_processor(tokenizer)
    model = build_model(tokenizer)
    model.train()
    pool = draw_pool(options.tracks, rng)
    yield f"pool: {options.tracks} tracks of each thing on each background"
    yield from learn_to_see(model, processor, pool, options, rng)
    replace_checkpoint(model, processor, options.out)
    yield from learn_to_describe(model, processor, pool, options, rng)


def _summary(losses: torch.Tensor) -> str:
    """One line on the loss of each informative word; ``losses`` has one value per answer token."""
    words = {"colours": (1, 6), "shapes": (2, 7), "background": (11,)}
    told = ", ".join(f"{name} {losses[list(places)].mean():.3f}" for name, places in words.items())
    return f"loss {losses.mean():.4f} ({told})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="directory of the checkpoint")
    parser.add_argument("--see-steps", type=int, default=1000, help="steps of the first part")
    parser.add_argument("--glimpses", type=int, default=64, help="glimpses per step of the first part")
    parser.add_argument("--see-lr", type=float, default=2e-3, help="peak learning rate of the first part")
    parser.add_argument("--steps", type=int, default=1100, help="steps of the second part")
    parser.add_argument("--batch", type=int, default=16, help="clips per step of the second part")
    parser.add_argument("--peak-lr", type=float, default=1e-3, help="peak learning rate of the second part")
    parser.add_argument("--tracks", type=int, default=24, help="tracks per thing and background")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-every", type=int, default=500, help="steps between checkpoints")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for torch")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    start = time.monotonic()
    for line in train(options):
        print(f"{time.monotonic() - start:6.0f} s  {line}", flush=True)


if __name__ == "__main__":
    main()
