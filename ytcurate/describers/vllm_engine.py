"""How vLLM's engine is set up: sized from the pixel budget, one or more copies of the model in one job."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import ceil
from typing import Any

from ytcurate.config import GIB, EngineSettings, FrameSampling, Sampling
from ytcurate.describers.checkpoint import Checkpoint
from ytcurate.describers.prompts import Prompt

_ENVIRONMENT = {
    # Forking is unsafe once threads or CUDA exist, and in a job both do.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_NO_USAGE_STATS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_MIN_BATCHED_TOKENS = 16384
"""Tokens of one step on a GPU: two clips of full size; fewer leave it idle between steps."""
_MIN_BATCHED_TOKENS_CPU = 2048
_MAX_RENDER_THREADS = 8
_IN_FLIGHT, _IN_FLIGHT_ON_CPU = 64, 4
_CACHE_BLOCK_TOKENS = 128
"""The CPU engine's cache comes in blocks of this size."""
_MAX_CACHE_ON_CPU = 2 * GIB
"""For clips beside the first: a laptop has other things to do with its memory."""


def set_environment() -> None:
    """Set what vLLM reads from the environment; what is set already stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def copies_of_model(settings: EngineSettings) -> int:
    """Copies of the model this job runs: as asked, else as many as its GPUs hold; 1 on a CPU."""
    from vllm.platforms import current_platform

    if settings.data_parallel:
        return settings.data_parallel
    if current_platform.is_cpu():
        return 1
    return max(1, int(current_platform.device_count()) // (settings.tensor_parallel or 1))


def clips_in_flight(settings: EngineSettings) -> int:
    """Requests held for each copy of the model: a full-HD clip is 34 MB in the engine's memory."""
    from vllm.platforms import current_platform

    usual = _IN_FLIGHT_ON_CPU if current_platform.is_cpu() else _IN_FLIGHT
    return settings.max_clips_in_flight or usual


def render_threads(copies: int) -> int:
    """Threads that make clips into the model's input: one does 10 clips/s, each copy gets two if it can."""
    return max(1, min(2 * copies, len(os.sched_getaffinity(0)), _MAX_RENDER_THREADS))


def engine_args(
    checkpoint: Checkpoint,
    *,
    questions: Sequence[Prompt],
    sampling: Sampling,
    frames: FrameSampling,
    settings: EngineSettings,
) -> Any:
    """Put together the engine's arguments (an ``AsyncEngineArgs``)."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.platforms import current_platform

    on_cpu = current_platform.is_cpu()
    copies = copies_of_model(settings)
    context = checkpoint.context(settings, frames, sampling)
    tensor_parallel = settings.tensor_parallel or 1
    floor = _MIN_BATCHED_TOKENS_CPU if on_cpu else _MIN_BATCHED_TOKENS
    return AsyncEngineArgs(
        model=checkpoint.model,
        revision=settings.revision,
        quantization=settings.quantization,
        load_format=settings.load_format,
        max_model_len=context,
        # Also the size of the encoder's cache: a clip with more visual tokens than this would be refused.
        max_num_batched_tokens=max(floor, min(checkpoint.visual_tokens(frames), context)),
        # Fewer than are in flight: when a clip ends, the next one is rendered and waits in the engine.
        max_num_seqs=max(1, ceil(clips_in_flight(settings) * 3 / 4)),
        # The engine measures its memory with a video that fills the context, which is the largest clip.
        limit_mm_per_prompt={"video": 1, "image": 0},
        # Clips are all different: a cache of processed inputs only costs memory and hashing, and several
        # threads could not use it at once.
        mm_processor_cache_gb=0,
        renderer_num_workers=render_threads(copies),
        # With several questions the video's part of the prompt is computed once.
        enable_prefix_caching=len(questions) > 1,
        mm_encoder_tp_mode="data" if tensor_parallel > 1 else "weights",
        gpu_memory_utilization=settings.gpu_memory_utilization,
        kv_cache_memory_bytes=_cache_bytes(checkpoint, context, settings) if on_cpu else None,
        tensor_parallel_size=tensor_parallel,
        data_parallel_size=copies,
        structured_outputs_config={"backend": _grammar(questions), "disable_any_whitespace": True},
        # Compiling pays on a GPU; on a CPU it needs a C++ compiler and takes longer than small jobs last.
        enforce_eager=on_cpu,
        enable_log_requests=False,
        disable_log_stats=True,
        seed=0,
    )


def _cache_bytes(checkpoint: Checkpoint, context: int, settings: EngineSettings) -> int | None:
    """Size the cache of keys and values on a processor, where vLLM would take most of the machine's memory.

    On a GPU all that is left of the card is right. None: the user has decided, in vLLM's own way.
    """
    if "VLLM_CPU_KVCACHE_SPACE" in os.environ:
        return None
    of_one_clip = (context + _CACHE_BLOCK_TOKENS) * checkpoint.cache_bytes_per_token
    return max(of_one_clip, min(of_one_clip * clips_in_flight(settings), _MAX_CACHE_ON_CPU))


def _grammar(questions: Sequence[Prompt]) -> str:
    """Name the library that enforces schemas: the fast one, unless a schema asks for what it ignores."""
    from vllm.v1.structured_output.backend_xgrammar import has_xgrammar_unsupported_json_features

    hard = any(q.schema and has_xgrammar_unsupported_json_features(q.schema.json_schema) for q in questions)
    return "guidance" if hard else "xgrammar"
