"""Measure the tiny checkpoint on scenes that training never showed, through real H.264.

    python -m tools.tiny_model.evaluate --model ytcurate/demo/tiny-qwen2.5-vl --clips 300 --out accuracy.json

Each clip is encoded as an MP4 file, decoded with PyAV, sampled and reduced by the product's rules, and
described by transformers (greedy) or by vLLM. The description is read back into its attributes and
compared with what was drawn; a text that is not a sentence of this world counts as wrong throughout.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ytcurate.demo.world import Scene, all_scenes, encode_video, read_sentence

from .checkpoint import SYSTEM_LINES, USER_PROMPTS
from .clips import Pictures, is_held_out, render_prompt, sample_clip

_CHECKS: dict[str, Callable[[Scene, Scene], bool]] = {
    "first colour": lambda true, said: true.first.colour == said.first.colour,
    "first shape": lambda true, said: true.first.shape == said.first.shape,
    "second colour": lambda true, said: true.second.colour == said.second.colour,
    "second shape": lambda true, said: true.second.shape == said.second.shape,
    "background": lambda true, said: true.background == said.background,
    "order in time": lambda true, said: (true.first, true.second) == (said.first, said.second),
    "whole sentence": lambda true, said: true == said,
}

_SAMPLING: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0.0, "max_tokens": 64},
    # What the product uses unless told otherwise.
    "product": {"temperature": 0.1, "top_p": 0.001, "repetition_penalty": 1.05, "max_tokens": 256},
}


@dataclass(frozen=True)
class Question:
    """One clip with its known answer."""

    truth: Scene
    pictures: Pictures
    metadata: dict[str, Any]


def draw_questions(options: argparse.Namespace) -> Iterator[Question]:
    """Draw clips of held-out scenes; every held-out scene occurs before one occurs again."""
    rng = np.random.default_rng(options.seed)
    scenes = [scene for scene in all_scenes() if is_held_out(scene)]
    order = np.concatenate([rng.permutation(len(scenes)) for _ in range(options.clips // len(scenes) + 1)])
    for number, index in enumerate(order[: options.clips]):
        video = encode_video(
            [scenes[index]],
            seconds_per_scene=options.seconds,
            fps=options.fps,
            seed=options.seed * 1_000_000 + number,
        )
        pictures, metadata = sample_clip(video, options.fps)
        yield Question(scenes[index], pictures, metadata)


def describe_with_transformers(options: argparse.Namespace, questions: list[Question]) -> list[str]:
    """Describe each clip with transformers, one at a time, greedy."""
    import torch
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration
    from transformers.video_utils import VideoMetadata

    torch.set_num_threads(options.threads)
    processor = AutoProcessor.from_pretrained(options.model)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        options.model, dtype=getattr(torch, options.dtype)
    ).eval()
    prompt = render_prompt(processor, options.system, options.user)
    texts = []
    for question in questions:
        inputs = processor(
            text=[prompt],
            videos=[torch.from_numpy(question.pictures).permute(0, 3, 1, 2)],
            video_metadata=[VideoMetadata(**question.metadata)],
            do_sample_frames=False,
            return_tensors="pt",
        )
        inputs.pop("video_metadata", None)
        tokens = model.generate(**inputs, max_new_tokens=64, do_sample=False)[0, inputs.input_ids.shape[1] :]
        texts.append(processor.tokenizer.decode(tokens, skip_special_tokens=True))
    return texts


def describe_with_vllm(options: argparse.Namespace, questions: list[Question]) -> list[str]:
    """Describe all clips in one call of vLLM."""
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    from transformers import AutoProcessor
    from vllm import LLM, SamplingParams

    prompt = render_prompt(AutoProcessor.from_pretrained(options.model), options.system, options.user)
    engine = LLM(
        model=str(options.model),
        dtype=options.dtype,
        mm_processor_cache_gb=0,
        limit_mm_per_prompt={"video": 1, "image": 0},
        enforce_eager=True,
        max_model_len=2048,
        max_num_seqs=16,
    )
    requests = [
        {"prompt": prompt, "multi_modal_data": {"video": [(question.pictures, question.metadata)]}}
        for question in questions
    ]
    answers = engine.generate(requests, SamplingParams(**_SAMPLING[options.sampling]))
    return [answer.outputs[0].text for answer in answers]


def score(questions: list[Question], texts: list[str]) -> dict[str, Any]:
    """Compare descriptions with the truth: the share of clips right in each attribute, and all mistakes."""
    said = [read_sentence(text) for text in texts]
    accuracy = {
        name: sum(told is not None and check(q.truth, told) for q, told in zip(questions, said, strict=True))
        / len(questions)
        for name, check in _CHECKS.items()
    }
    mistakes = [
        {"truth": question.truth.sentence(), "said": text}
        for question, told, text in zip(questions, said, texts, strict=True)
        if told != question.truth
    ]
    return {"clips": len(questions), "accuracy": accuracy, "mistakes": mistakes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("ytcurate/demo/tiny-qwen2.5-vl"))
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=10, help="length of each clip")
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("transformers", "vllm"), default="transformers")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--sampling", choices=tuple(_SAMPLING), default="greedy", help="vLLM only")
    parser.add_argument("--system", default=SYSTEM_LINES[0])
    parser.add_argument("--user", default=USER_PROMPTS[0])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for transformers")
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()

    describe = {"transformers": describe_with_transformers, "vllm": describe_with_vllm}[options.engine]
    questions = list(draw_questions(options))
    result = score(questions, describe(options, questions))
    result["settings"] = {key: str(value) for key, value in vars(options).items() if key != "out"}
    for name, share in result["accuracy"].items():
        print(f"{name:<16}{share:8.1%}")
    for mistake in result["mistakes"][:10]:
        print(f"  drawn: {mistake['truth']}\n  said:  {mistake['said']}")
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
