"""How a job's devices, context and memory are used: decided, or refused, before a job waits for a device."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ytcurate.config import MIB, Buffering, EngineSettings, FrameSampling, Sampling
from ytcurate.describers.prompts import Prompt
from ytcurate.errors import UsageError
from ytcurate.models import ModelReference, estimate_weight_bytes, require_fit
from ytcurate.operations.presets import Preset
from ytcurate.operations.resources import JobResources

_PROMPT_TOKENS = 256
"""Room for the chat template, the system line and a question of ordinary length."""


def settle_engine(settings: EngineSettings, preset: Preset, model: ModelReference) -> EngineSettings:
    """Decide how a job's GPUs are used, and see that the model fits them.

    Where one card holds the model, each card gets a copy; else a copy is spread over as few as hold it.
    """
    settings = dataclasses.replace(settings, revision=model.revision)
    gpus = preset.resources.gpu
    if settings.describer == "endpoint" or not gpus:
        return settings
    tensor = settings.tensor_parallel or preset.tensor_parallel or _cards_of_one_copy(settings, preset, model)
    data = settings.data_parallel or max(1, gpus // tensor)
    if tensor * data > gpus:
        raise UsageError(
            f"{data} x {tensor} GPUs are needed in a job (--data-parallel x --tensor-parallel), "
            f"preset {preset.name} gives {gpus}."
        )
    require_fit(
        model,
        gpu_memory_bytes=preset.gpu_memory_bytes,
        tensor_parallel=tensor,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        device=f"one GPU of preset {preset.name}",
        quantization=settings.quantization,
    )
    return dataclasses.replace(settings, tensor_parallel=tensor, data_parallel=data)


def _cards_of_one_copy(settings: EngineSettings, preset: Preset, model: ModelReference) -> int:
    needed = estimate_weight_bytes(model, quantization=settings.quantization)
    if needed is None or preset.gpu_memory_bytes is None:
        return preset.resources.gpu  # nothing is known: all of them hold more than any part of them
    # A fifth of a card is left for the cache of clips in flight; heads divide over powers of two only.
    usable = preset.gpu_memory_bytes * settings.gpu_memory_utilization * 0.8
    cards = 1
    while needed > usable * cards and cards * 2 <= preset.resources.gpu:
        cards *= 2
    return cards


def require_context(
    engine: EngineSettings, questions: Sequence[Prompt], sampling: Sampling, frames: FrameSampling
) -> None:
    """Refuse a context that the largest clip of the pixel budget does not fit."""
    if engine.max_model_len is None:
        return
    longest = max(len(prompt.text) + len(prompt.system) for prompt in questions)
    needed = frames.max_visual_tokens + _PROMPT_TOKENS + longest // 3 + sampling.max_tokens
    if engine.max_model_len < needed:
        besides = needed - frames.max_visual_tokens
        most = engine.max_model_len - besides
        raise UsageError(
            f"--max-model-len {engine.max_model_len} is too small: the largest clip takes "
            f"{frames.max_visual_tokens} tokens, question and reply up to {besides}. "
            f"Raise it to {needed}, or lower --total-pixels to {max(most, 0) * 28 * 28}."
        )


def within_memory(buffering: Buffering, resources: JobResources) -> Buffering:
    """Hold no more than a quarter of a job's memory ahead of the engine."""
    share = max(MIB, (resources.memory_bytes - resources.tmpfs_bytes) // 4)
    return dataclasses.replace(buffering, max_ahead_bytes=min(buffering.max_ahead_bytes, share))
