"""The endpoint describer: an OpenAI-compatible server does the work. openai is imported when it is built."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.again import more_freely
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.checkpoint import first_line
from ytcurate.describers.endpoint_messages import PicturesAs, chat_request
from ytcurate.describers.exchange import LoopThread, ThroughExchange
from ytcurate.describers.prompts import Prompt
from ytcurate.errors import EngineUnavailable, UsageError
from ytcurate.media.frames import Frames
from ytcurate.media.probe import VideoInfo

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_TRIES = 5
"""Times openai repeats a request that got no answer, 408, 409, 429 or 5xx, waiting longer each time."""
_TIMEOUT_S = 600.0
_IN_FLIGHT = 64
_ABOUT_ONE_REQUEST = (400, 413, 415, 422)
_BROKE_ON_IT = 500
"""Not 502 to 504, which come from what stands before a server that is gone."""
_TOO_LONG = re.compile(r"maximum (model|context) length|encoder cache size|context[_ ]length|too many tokens")


class EndpointDescriber(ThroughExchange):
    """A video model behind an OpenAI-compatible server, such as ``vllm serve``; many requests at once."""

    def __init__(
        self,
        model: str,
        *,
        questions: Sequence[Prompt],
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
        api_key: str | None = None,
        pictures: PicturesAs = PicturesAs.VIDEO,
    ) -> None:
        """Ask the server for the model, and each question once about two grey pictures.

        Args:
            model: the name under which the server has it.
            questions: what can be asked about a clip.
            sampling: how words are chosen. A ``repetition_penalty`` other than 1 is vLLM's own, and other
                servers may refuse it.
            frames: not used: the server's own limits hold.
            engine: ``endpoint_url`` and ``max_clips_in_flight`` are used.
            api_key: None: what the environment variable OPENAI_API_KEY says, if anything.
            pictures: how the server is given pictures.

        Raises:
            EngineUnavailable: the server cannot be reached, does not let us in, has no such model, or refuses
                a question.
            UsageError: there is no endpoint_url or no question.
        """
        settings = engine or EngineSettings()
        if settings.endpoint_url is None:
            raise UsageError(
                "the endpoint describer needs engine.endpoint_url, for example http://host:8000/v1."
            )
        if not questions:
            raise UsageError("a describer needs at least one question.")
        self._model = model
        self._url = settings.endpoint_url
        self._questions = tuple(questions)
        self._sampling = sampling or Sampling()
        self._pictures = pictures
        self._key = api_key or os.environ.get("OPENAI_API_KEY") or "none"
        self._seeds = count(1)
        super().__init__(settings.max_clips_in_flight or _IN_FLIGHT, len(questions))
        self._client = _client(self._url, self._key)
        self._encoders = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="png")
        self._loop = LoopThread("endpoint-requests")
        self._closed = False
        try:
            self._loop.run(self._check_server())
        except BaseException:
            self.close()
            raise

    def submit(self, key: int, frames: Frames, *, question: int = 0, again: bool = False) -> None:
        """Send one clip. See ``Describer.submit``."""
        asked = self._questions[question]
        seed = next(self._seeds) if again else None
        self._exchange.take(key)
        self._loop.spawn(lambda: self._answer(key, frames, asked, seed))

    def close(self) -> None:
        """Give up what is in flight and close the connections; the server goes on."""
        if self._closed:
            return
        self._closed = True
        self._exchange.fail(EngineUnavailable("the describer was closed"))
        self._loop.cancel()
        self._encoders.shutdown(wait=False, cancel_futures=True)
        self._loop.run(self._client.close())
        self._loop.stop()

    async def _check_server(self) -> None:
        """Fail before the first clip where every clip would fail."""
        import openai

        try:
            served = [each.id async for each in await _listed(self._client)]
            if self._model not in served:
                raise EngineUnavailable(
                    f"endpoint {self._url}: it has no model {self._model}; "
                    f"it has {', '.join(served) or 'none'}."
                )
            for question in self._questions:
                await self._ask(_two_grey_pictures(), question, self._sampling, max_tokens=1)
        except openai.APIError as error:
            raise self._unavailable(error) from error

    async def _answer(self, key: int, frames: Frames, question: Prompt, seed: int | None) -> None:
        import openai

        sampling = self._sampling if seed is None else more_freely(self._sampling)
        try:
            completion = await self._ask(frames, question, sampling, seed=seed)
            self._exchange.give(_describe(key, completion))
        except openai.APIStatusError as error:
            if error.status_code in _ABOUT_ONE_REQUEST:
                self._exchange.give(self._refused(key, error))
            elif error.status_code == _BROKE_ON_IT:
                detail = f"the endpoint failed on this clip: {self._say(error)}"
                self._exchange.give(Description(key=key, outcome=Outcome.FAILED, detail=detail))
            else:
                self._exchange.fail(self._unavailable(error))
        except openai.APIConnectionError as error:
            self._exchange.fail(self._unavailable(error))
        except Exception as error:  # noqa: BLE001 - it stays this clip's affair
            detail = f"asking the endpoint failed ({type(error).__name__}: {self._say(error)})"
            self._exchange.give(Description(key=key, outcome=Outcome.FAILED, detail=detail))

    async def _ask(
        self,
        frames: Frames,
        question: Prompt,
        sampling: Sampling,
        *,
        seed: int | None = None,
        max_tokens: int | None = None,
    ) -> Any:
        messages, told = await asyncio.get_running_loop().run_in_executor(
            self._encoders, chat_request, frames, question, self._pictures
        )
        if sampling.repetition_penalty != 1:
            told["repetition_penalty"] = sampling.repetition_penalty
        optional: dict[str, Any] = {} if seed is None else {"seed": seed}
        if question.schema is not None:
            schema = {"name": question.name, "schema": question.schema.json_schema, "strict": True}
            optional["response_format"] = {"type": "json_schema", "json_schema": schema}
        return await self._client.chat.completions.create(
            model=self._model,
            messages=messages,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=max_tokens or sampling.max_tokens,
            extra_body=told,
            **optional,
        )

    def _refused(self, key: int, error: Exception) -> Description:
        return Description(
            key=key,
            outcome=Outcome.TOO_LONG if _TOO_LONG.search(str(error)) else Outcome.REFUSED,
            detail=f"the endpoint does not take this clip: {self._say(error)}",
        )

    def _unavailable(self, error: Exception) -> EngineUnavailable:
        made = EngineUnavailable(f"endpoint {self._url}: {self._say(error)}. {_advice(error)}")
        made.__cause__ = error
        return made

    def _say(self, error: Exception) -> str:
        # Servers quote the key they do not know.
        cause = f" ({first_line(error.__cause__)})" if error.__cause__ else ""
        return (first_line(error).rstrip(".") + cause).replace(self._key, "***")


def _client(url: str, key: str) -> AsyncOpenAI:
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise EngineUnavailable(
            f"the endpoint describer needs the package openai, which cannot be imported ({error}). "
            "Install ytcurate[endpoint]."
        ) from error
    return AsyncOpenAI(base_url=url, api_key=key, max_retries=_TRIES, timeout=_TIMEOUT_S)


async def _listed(client: AsyncOpenAI) -> Any:
    return await client.models.list()


def _advice(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return "Set OPENAI_API_KEY to a key that this server accepts."
    if status == 404:
        return "Give the server's base URL with its version, as in http://host:8000/v1."
    if "media_io_kwargs" in str(error):
        return "Start vLLM's server with --trust-request-mm-kwargs: the times of pictures go that way."
    if status in _ABOUT_ONE_REQUEST:
        return "It refuses the question itself: perhaps the video, the schema or the repetition_penalty."
    return f"It was tried {_TRIES + 1} times; check that the server runs and can be reached from the job."


def _two_grey_pictures() -> Frames:
    info = VideoInfo(
        codec="h264",
        width=56,
        height=56,
        fps=Fraction(2),
        frame_count=2,
        duration_s=Fraction(1),
    )
    return Frames(pixels=np.full((2, 56, 56, 3), 128, dtype=np.uint8), indices=[0, 1], info=info)


def _describe(key: int, completion: Any) -> Description:
    choice = completion.choices[0]
    text = choice.message.content
    if text is None or choice.finish_reason not in ("stop", "length"):
        why = getattr(choice.message, "refusal", None) or choice.finish_reason
        return Description(
            key=key,
            outcome=Outcome.REFUSED,
            detail=f"the endpoint gave no text for this clip ({why})",
            finish_reason=choice.finish_reason,
        )
    truncated = choice.finish_reason == "length"
    usage = completion.usage
    return Description(
        key=key,
        outcome=Outcome.TRUNCATED if truncated else Outcome.OK,
        text=text.strip(),
        detail="the text stops at max_tokens" if truncated else None,
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens if usage else None,
        output_tokens=usage.completion_tokens if usage else None,
    )
