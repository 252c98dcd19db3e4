"""The plain way to describe clips in a map job, as platform notebooks do it: what ours is measured against.

Ten rows are gathered, each video is written to a file, qwen-vl-utils decodes the ten, one ``LLM.generate``
describes them, ten rows are written; then the next ten. Nothing overlaps: while clips are decoded the engine
waits, and while it runs nothing is decoded. Written by us after a public notebook's description, with two
changes that current vLLM (0.26 and later) needs: pictures come with their metadata, and the options that
qwen-vl-utils gives back are not passed on.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from yt.wrapper import aggregator, write_statistics
from yt.yson import get_bytes

BATCH = 10
PATCH_AREA_PX = 28 * 28
SYSTEM = "You are a helpful assistant."
QUESTION = "Describe this video."

Row = dict[str, Any]


@aggregator
class SeedMapper:
    """Describes each clip of a table, ten at a time; one row out for each row in.

    Args:
        model: a checkpoint's directory, or a hub id.
        max_tokens: of a description.
        cache_bytes: of keys and values, on a CPU; None: as vLLM decides.
    """

    def __init__(self, model: str, *, max_tokens: int = 256, cache_bytes: int | None = None) -> None:
        self.model = model
        self.cache_bytes = cache_bytes
        self.max_tokens = max_tokens

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Load the model, then describe batch after batch."""
        sys.stdout = sys.stderr  # in a job the client forbids to print, and vLLM prints
        os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
        started = time.monotonic()
        llm, processor, params = load(
            self.model, max_tokens=self.max_tokens, kv_cache_memory_bytes=self.cache_bytes
        )
        ready = time.monotonic()
        write_statistics({"engine_start_ms": round((ready - started) * 1000)})
        reported = ready
        for batch in batches(rows):
            texts = describe_batch(llm, processor, params, [get_bytes(row["video"]) for row in batch])
            # As ours do: how far it is, so that both are timed in the same way.
            now = time.monotonic()
            write_statistics({"clips_done": len(batch), "stream_ms": round((now - reported) * 1000)})
            reported = now
            for row, text in zip(batch, texts, strict=True):
                yield {
                    "ds_index": row["ds_index"],
                    "segment_index": row["segment_index"],
                    "description": text,
                }


def load(model: str, *, max_tokens: int = 256, **engine: Any) -> tuple[Any, Any, Any]:
    """Start the engine with its defaults, up to ten videos in a prompt.

    Args:
        model: a checkpoint's directory, or a hub id.
        max_tokens: of a description.
        **engine: arguments of ``LLM`` besides.

    Returns:
        The ``LLM``, the processor, the sampling parameters.
    """
    from transformers import AutoProcessor
    from vllm import LLM, SamplingParams
    from vllm.platforms import current_platform

    # As ours: compiling pays on a GPU only.
    engine = {"enforce_eager": current_platform.is_cpu()} | engine
    llm = LLM(model=model, limit_mm_per_prompt={"video": BATCH}, **engine)
    params = SamplingParams(
        temperature=0.1, top_p=0.001, repetition_penalty=1.05, max_tokens=max_tokens, stop_token_ids=[]
    )
    return llm, AutoProcessor.from_pretrained(model), params


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Gather rows by ten; the last batch may have fewer."""
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        yield batch


def describe_batch(llm: Any, processor: Any, params: Any, videos: Sequence[bytes]) -> list[str]:
    """Decode the videos of one batch, one after the other, then describe them in one call."""
    with tempfile.TemporaryDirectory(prefix="seed-") as folder:
        requests = [
            make_request(processor, video, Path(folder) / f"{number}.mp4")
            for number, video in enumerate(videos)
        ]
        return [output.outputs[0].text for output in llm.generate(requests, sampling_params=params)]


def make_request(processor: Any, video: bytes, path: Path) -> dict[str, Any]:
    """Make a prompt of one video; its frames come as floats, 135 MB for ten seconds."""
    from qwen_vl_utils import process_vision_info

    path.write_bytes(video)
    messages = [
        {"role": "system", "content": SYSTEM},
        {
            "role": "user",
            "content": [
                {
                    "type": "video",
                    "video": f"file://{path}",
                    "total_pixels": 20480 * PATCH_AREA_PX,
                    "min_pixels": 16 * PATCH_AREA_PX,
                },
                {"type": "text", "text": QUESTION},
            ],
        },
    ]
    prompt = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    _, videos, _ = process_vision_info(messages, return_video_kwargs=True, return_video_metadata=True)
    return {"prompt": prompt, "multi_modal_data": {"video": videos}}
