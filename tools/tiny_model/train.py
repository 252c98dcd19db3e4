"""Train the tiny Qwen2.5-VL checkpoint on clips of the synthetic world, from scratch or on from a checkpoint.

    python -m tools.tiny_model.train --out build/tiny-describe
    python -m tools.tiny_model.train --continue-from build/tiny-describe --out ytcurate/demo/tiny-qwen2.5-vl

One CPU core is enough. A pool of tracks is drawn first (see ``tracks``), each passed through real H.264.

From scratch, training has two parts. First the vision tower alone learns to see: glimpses of two frames,
from whose mean token a linear head, thrown away afterwards, names colour, shape and background. Without
this part the shape takes many times longer. Then the whole model learns to describe clips of two things;
the loss is taken on the answer only. Going on from a checkpoint, it keeps describing, learns clips of one
thing as well, and learns to answer the question ``label`` (see ``tasks``).

Most steps see few frames, the last ones up to 20, and both known position conventions occur (see
``clips.text_positions``). Contents for which ``clips.is_held_out`` is true never occur in a clip.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from transformers import AutoProcessor, BatchFeature, Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from ytcurate.demo.world import BACKGROUNDS, COLOURS, SHAPES, Scene

from .checkpoint import build_model, build_processor, build_tokenizer, save_checkpoint
from .clips import Pictures, text_positions
from .tasks import Batch, Mix, draw_batch
from .tracks import Pool, draw_glimpse, draw_pool

_SENTENCE_TOKENS = 15
"""Tokens of a sentence on two things. Every answer's loss is told per so many, however long it is: the
words that depend on the clip are as many in a label."""
_CONTINUED_AT = 0.35
"""The progress at which a continued training begins: what comes before is for a beginner."""


def patch(clips: Pictures, processor: Qwen2_5_VLProcessor) -> BatchFeature:
    """Normalise clips, (B, T, H, W, 3), and cut them into the patches that the vision tower takes."""
    videos = list(torch.from_numpy(clips).permute(0, 1, 4, 2, 3))
    return processor.video_processor(videos, do_sample_frames=False, return_tensors="pt")


def answer_losses(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, batch: Batch
) -> torch.Tensor:
    """Cross-entropy of each whole answer, the closing <|im_end|> included, in nats: shape (B,)."""
    config, tokenizer = model.config, processor.tokenizer
    video = patch(batch.clips, processor)
    grid = video["video_grid_thw"]
    steps, height, width = (grid[0] // torch.tensor([1, 2, 2])).tolist()

    prompt = tokenizer(batch.prompt).input_ids
    video_at = prompt.index(config.video_token_id)
    told = [torch.tensor(tokenizer(answer + "<|im_end|>").input_ids) for answer in batch.answers]
    # Shorter answers are filled up at their end, where no word before can see it.
    answers = torch.nn.utils.rnn.pad_sequence(
        told, batch_first=True, padding_value=config.text_config.pad_token_id
    )
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
    losses = torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2),
        answers,
        reduction="none",
        ignore_index=config.text_config.pad_token_id,
    )
    return losses.sum(dim=1)


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


def open_checkpoint(folder: Path) -> tuple[Qwen2_5_VLProcessor, Qwen2_5_VLForConditionalGeneration]:
    """Open a checkpoint of this size; its vocabulary stays as it is."""
    processor = AutoProcessor.from_pretrained(folder)
    for told_by_loading in ("is_local", "local_files_only"):
        processor.tokenizer.init_kwargs.pop(told_by_loading, None)
    loaded = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model = build_model(processor.tokenizer)
    model.load_state_dict(loaded.state_dict())
    return processor, model


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
    """Train the whole model on clips; yield lines of progress. The checkpoint is saved on the way.

    From scratch it learns sentences on two things, and to answer all the rest when it is continued.
    """
    descent = Descent([model], steps=options.steps, peak_lr=options.peak_lr, final_share=0.0)
    start = _CONTINUED_AT if options.continue_from else 0.0
    mix = Mix(options.label_share, options.one_thing_share) if options.continue_from else Mix()
    recent: dict[str, list[float]] = defaultdict(list)
    for step in range(options.steps):
        progress = start + (1 - start) * step / options.steps
        batch = draw_batch(pool, processor, options.batch, progress, mix, rng)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bfloat16"):
            losses = answer_losses(model, processor, batch)
        descent.descend(losses.mean() / _SENTENCE_TOKENS)
        for shown, loss in zip(batch.shown, losses.tolist(), strict=True):
            things = "two" if isinstance(shown, Scene) else "one"
            recent[f"{'label' if batch.is_label else 'sentence'} on {things}"].append(loss)
        is_last = step + 1 == options.steps
        if (step + 1) % 50 == 0 or is_last:
            yield f"describe {step + 1}: {_summary(recent)}"
            recent.clear()
        if (step + 1) % options.save_every == 0 or is_last:
            replace_checkpoint(model, processor, options.out)


def train(options: argparse.Namespace) -> Iterator[str]:
    """Run the whole training and yield lines of progress."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    if options.continue_from:
        processor, model = open_checkpoint(options.continue_from)
    else:
        tokenizer = build_tokenizer()
        processor = build_processor(tokenizer)
        model = build_model(tokenizer)
    model.train()
    pool = draw_pool(options.tracks, rng)
    yield f"pool: {options.tracks} tracks of each thing on each background"
    if not options.continue_from:
        yield from learn_to_see(model, processor, pool, options, rng)
        replace_checkpoint(model, processor, options.out)
    yield from learn_to_describe(model, processor, pool, options, rng)


def _summary(losses: dict[str, list[float]]) -> str:
    """One line on the mean loss of a whole answer, in nats, by what was asked about what."""
    return ", ".join(f"{kind} {np.mean(losses[kind]):.3f}" for kind in sorted(losses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="directory of the checkpoint")
    parser.add_argument("--continue-from", type=Path, help="a checkpoint that describes; teach it to label")
    parser.add_argument("--see-steps", type=int, default=1000, help="steps of the first part")
    parser.add_argument("--glimpses", type=int, default=64, help="glimpses per step of the first part")
    parser.add_argument("--see-lr", type=float, default=2e-3, help="peak learning rate of the first part")
    parser.add_argument("--steps", type=int, default=1100, help="steps of the second part")
    parser.add_argument("--batch", type=int, default=16, help="clips per step of the second part")
    parser.add_argument("--peak-lr", type=float, default=1e-3, help="peak learning rate of the second part")
    parser.add_argument(
        "--label-share", type=float, default=0.6, help="batches that ask for the label, when continued"
    )
    parser.add_argument(
        "--one-thing-share", type=float, default=0.4, help="clips with one thing only, when continued"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of the arithmetic in the second part; bfloat16 takes half the time where the processor has it",
    )
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
