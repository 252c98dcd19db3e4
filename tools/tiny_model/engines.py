"""The engines that ``evaluate`` can ask: transformers or vLLM on their own, or as the product runs them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ytcurate.describers.prompts import Prompt

from .clips import render_prompt, sample_clip

_MAX_TOKENS = 256
_CONTEXT_TOKENS = 2048
_BATCH = 16

SAMPLINGS: dict[str, dict[str, float]] = {
    "greedy": {"temperature": 0.0, "max_tokens": _MAX_TOKENS},
    # What the product uses unless told otherwise.
    "product": {"temperature": 0.1, "top_p": 0.001, "repetition_penalty": 1.05, "max_tokens": _MAX_TOKENS},
}


@dataclass(frozen=True)
class Clip:
    """One clip as a file."""

    video: bytes
    fps: int


Engine = Callable[[argparse.Namespace, Prompt, Sequence[Clip]], list[str]]
"""Answers one question about each clip, in their order."""


def ask_transformers(options: argparse.Namespace, question: Prompt, clips: Sequence[Clip]) -> list[str]:
    """Ask transformers, greedy; nothing constrains the answer."""
    import torch
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration
    from transformers.video_utils import VideoMetadata

    torch.set_num_threads(options.threads)
    processor = AutoProcessor.from_pretrained(options.model)
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        options.model, dtype=getattr(torch, options.dtype)
    ).eval()
    prompt = render_prompt(processor, question.system, question.text)
    sampled = [sample_clip(clip.video, clip.fps) for clip in clips]
    texts = [""] * len(clips)
    for batch in _batches([len(pictures) for pictures, _ in sampled]):
        inputs = processor(
            text=[prompt] * len(batch),
            videos=[torch.from_numpy(sampled[place][0]).permute(0, 3, 1, 2) for place in batch],
            video_metadata=[VideoMetadata(**sampled[place][1]) for place in batch],
            do_sample_frames=False,
            return_tensors="pt",
        )
        inputs.pop("video_metadata", None)
        start = inputs.input_ids.shape[1]
        tokens = model.generate(**inputs, max_new_tokens=_MAX_TOKENS, do_sample=False)[:, start:]
        for place, text in zip(batch, processor.batch_decode(tokens, skip_special_tokens=True), strict=True):
            texts[place] = text
    return texts


def _batches(frame_counts: Sequence[int]) -> Iterator[list[int]]:
    """Put the places of clips with as many frames together: their prompts are equally long."""
    for count in sorted(set(frame_counts)):
        places = [place for place, each in enumerate(frame_counts) if each == count]
        yield from (places[start : start + _BATCH] for start in range(0, len(places), _BATCH))


def ask_vllm(options: argparse.Namespace, question: Prompt, clips: Sequence[Clip]) -> list[str]:
    """Ask vLLM about all clips in one call; nothing constrains the answers."""
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    from transformers import AutoProcessor
    from vllm import LLM, SamplingParams

    prompt = render_prompt(AutoProcessor.from_pretrained(options.model), question.system, question.text)
    engine = LLM(
        model=str(options.model),
        dtype=options.dtype,
        mm_processor_cache_gb=0,
        limit_mm_per_prompt={"video": 1, "image": 0},
        enforce_eager=True,
        max_model_len=_CONTEXT_TOKENS,
        max_num_seqs=16,
    )
    requests = [
        {"prompt": prompt, "multi_modal_data": {"video": [sample_clip(clip.video, clip.fps)]}}
        for clip in clips
    ]
    answers = engine.generate(requests, SamplingParams(**SAMPLINGS[options.sampling]))
    return [answer.outputs[0].text for answer in answers]


def ask_product(options: argparse.Namespace, question: Prompt, clips: Sequence[Clip]) -> list[str]:
    """Ask a describer of the product, which samples the frames and enforces the question's schema.

    The checkpoint's own type of number is used, whatever ``options.dtype`` says.
    """
    from ytcurate.config import EngineSettings, Sampling
    from ytcurate.describers.start import start_describer
    from ytcurate.media.frames import sample_frames

    told = SAMPLINGS[options.sampling] | {"max_tokens": _MAX_TOKENS}
    describer = start_describer(
        str(options.model),
        questions=[question],
        sampling=Sampling(**told),  # type: ignore[arg-type]
        engine=EngineSettings(
            describer=options.engine.removeprefix("product-"), max_model_len=_CONTEXT_TOKENS
        ),
    )
    try:
        done: dict[int, str] = {}
        waiting = list(enumerate(clips))
        while waiting or describer.in_flight:
            while waiting and describer.room:
                key, clip = waiting.pop(0)
                describer.submit(key, sample_frames(clip.video))
            done |= {description.key: description.text or "" for description in describer.collect()}
    finally:
        describer.close()
    return [done[key] for key in range(len(clips))]


ENGINES: dict[str, Engine] = {
    "transformers": ask_transformers,
    "vllm": ask_vllm,
    "product-transformers": ask_product,
    "product-vllm": ask_product,
}
