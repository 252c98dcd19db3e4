"""Four ways to describe the same clips with one engine; ``bench.gpu_describe`` runs each in a process.

``seed``: batches of ten, decoded and then generated. ``one_call``: all decoded first, one ``generate``.
``ours``: the describe mapper, called in this process. ``ceiling``: everything rendered first and submitted at
once, so that the engine alone decides. Every answer has the same number of tokens: the end token is ignored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from bench import seed_mapper
from ytcurate.config import EngineSettings, Sampling
from ytcurate.describers import vllm as vllm_describer
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.mappers import describe as describe_mapper
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.media.frames import sample_frames

_RANDOM_WEIGHTS = EngineSettings(load_format="dummy")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is described, and how long the answers are."""

    model: str
    video: bytes
    clips: int
    tokens: int

    @property
    def sampling(self) -> Sampling:
        """The product's, with this length."""
        return Sampling(max_tokens=self.tokens)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The clips as rows of a table."""
        for number in range(self.clips):
            yield {"ds_index": number, "segment_index": 0, "video": self.video}


@dataclass
class Measured:
    """When things happened; seconds of one clock."""

    began: float = field(default_factory=time.time)
    ready: float = 0.0
    """The engine could take the first clip."""
    answered: list[float] = field(default_factory=list)
    """When each clip was."""
    more: dict[str, Any] = field(default_factory=dict)


def seed(task: Task) -> Measured:
    """The plain mapper's loop with the engine's defaults."""
    measured = Measured()
    # A real table's clips all differ; with one clip again and again the caches would find every one.
    caches = {"mm_processor_cache_gb": 0, "enable_prefix_caching": False}
    llm, processor, params = seed_mapper.load(
        task.model, max_tokens=task.tokens, load_format="dummy", seed=0, **caches
    )
    _fix_length(params)
    measured.ready = time.time()
    for batch in seed_mapper.batches(task.rows()):
        texts = seed_mapper.describe_batch(llm, processor, params, [row["video"] for row in batch])
        measured.answered += [time.time()] * len(texts)
    return measured


def one_call(task: Task) -> Measured:
    """Our engine settings and frames, decoded one after the other, then a single call of ``LLM.generate``."""
    from vllm import LLM

    measured = Measured()
    with _fixed_length():
        describer = _OpenDescriber(task, start=False)
    arguments = dict(vars(describer.args))
    del arguments["enable_log_requests"]  # the asynchronous engine's own
    llm = LLM(**arguments)
    measured.ready = time.time()
    requests = [describer.request(sample_frames(task.video)) for _ in range(task.clips)]
    decoded = time.time()
    outputs = llm.generate(requests, sampling_params=describer.params)
    measured.answered = [time.time()] * len(outputs)
    measured.more = {"decode_s": round(decoded - measured.ready, 1)}
    return measured


def ours(task: Task) -> Measured:
    """The describe mapper as jobs run it."""
    measured, kept = Measured(), StreamStatistics()
    mapper = DescribeMapper(task.model, sampling=task.sampling, engine=_RANDOM_WEIGHTS)
    with _fixed_length(), patch.object(describe_mapper, "StreamStatistics", lambda: kept):
        for row in mapper(task.rows()):
            if row["outcome"] != "truncated":
                raise RuntimeError(f"an answer of full length is truncated; this is {row['outcome']}: {row}")
            measured.answered.append(time.time())
    measured.ready = measured.answered[-1] - kept.stream_s
    measured.more = {
        "engine_wait_share": round(kept.engine_waited_s / kept.stream_s, 4),
        "decode_s": round(kept.decode_s, 1),
    }
    return measured


def ceiling(task: Task) -> Measured:
    """Our engine, given everything at once: nothing is left to do beside it but to hand over."""
    measured = Measured()
    with _fixed_length():
        describer = _OpenDescriber(task)
    try:
        frames = sample_frames(task.video)
        rendered = [describer.render(frames) for _ in range(task.clips)]
        measured.ready = time.time()
        measured.more = {"prompt_tokens": describer.run_all(rendered, measured.answered.append)}
    finally:
        describer.close()
    return measured


WAYS: dict[str, Callable[[Task], Measured]] = {
    "seed": seed,
    "one_call": one_call,
    "ours": ours,
    "ceiling": ceiling,
}


class _OpenDescriber(vllm_describer.VllmDescriber):
    """Ours, with a look inside: its arguments, requests and engine."""

    def __init__(self, task: Task, *, start: bool = True) -> None:
        self.args: Any = None
        self._wanted = start
        super().__init__(task.model, questions=(DESCRIBE,), sampling=task.sampling, engine=_RANDOM_WEIGHTS)
        self.params = self._params[0]

    def _start(self, args: Any) -> None:
        self.args = args
        if self._wanted:
            super()._start(args)

    def request(self, frames: Any) -> dict[str, Any]:
        """A prompt with these pictures, as ``generate`` takes it."""
        return self._request(frames, 0)

    def render(self, frames: Any) -> Any:
        """The engine's input."""
        return self._render(self.request(frames))

    def run_all(self, rendered: list[Any], tell: Callable[[float], None]) -> int:
        """Submit everything and wait; returns the tokens of one prompt."""

        async def one(number: int, each: Any) -> int:
            final = None
            async for output in self._engine.generate(each, self.params, f"clip-{number}"):
                final = output
            tell(time.time())
            return len(final.prompt_token_ids or ()) if final else 0

        async def everything() -> list[int]:
            return await asyncio.gather(*(one(number, each) for number, each in enumerate(rendered)))

        return max(self._loop.run(everything()))


@contextmanager
def _fixed_length() -> Iterator[None]:
    """Have our describer write answers of full length."""
    parameters = vllm_describer._sampling_params

    def sampling_params(*args: Any) -> Any:
        return _fix_length(parameters(*args))

    with patch.object(vllm_describer, "_sampling_params", sampling_params):
        yield


def _fix_length(params: Any) -> Any:
    params.ignore_eos = True
    params.min_tokens = params.max_tokens
    return params
