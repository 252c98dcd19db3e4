"""The vLLM describer. vLLM is imported when a describer is built, not before."""

from __future__ import annotations

import os
import re
import tempfile
import uuid
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import psutil

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.again import more_freely
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.checkpoint import first_line, open_checkpoint
from ytcurate.describers.exchange import LoopThread, ThroughExchange
from ytcurate.describers.prompts import Prompt
from ytcurate.describers.video_inputs import video_metadata
from ytcurate.describers.vllm_engine import clips_in_flight, copies_of_model, engine_args, set_environment
from ytcurate.describers.vllm_start import no_start, reports_kept
from ytcurate.errors import EngineUnavailable

if TYPE_CHECKING:
    from ytcurate.media.frames import Frames

_SOCKET_NAME_BYTES = 37
"""What vLLM adds to the folder of its sockets: a slash and a UUID."""
_SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (``sun_path``)."""
_SHUTDOWN_S = 5.0
_TOO_LONG = re.compile(r"maximum (model|context) length|encoder cache size")
"""What the engine says of a prompt that does not fit (0.26 to 0.32)."""


class VllmDescriber(ThroughExchange):
    """A video model on vLLM's asynchronous engine: submitted clips join the running batch.

    The engine runs in processes of its own, one per copy of the model and more with tensor parallelism.
    Clips are made into its input on a few threads here; requests and replies pass through an event loop on
    another.
    """

    def __init__(
        self,
        model: str,
        *,
        questions: Sequence[Prompt],
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
    ) -> None:
        """Load the model and start the engine; takes from tens of seconds to minutes.

        Args:
            model: a Hugging Face id, or the directory of a checkpoint.
            questions: what can be asked about a clip. With more than one, the video's part of a clip's
                prompts is computed once.
            sampling: how words are chosen.
            frames: the pixel budget that clips will respect; context and caches are sized from it.
            engine: how the engine is run.

        Raises:
            EngineUnavailable: the model is not found, takes no video or does not load, or there is no device
                for it.
        """
        settings = engine or EngineSettings()
        sampling = sampling or Sampling()
        frames = frames or FrameSampling()
        set_environment()
        checkpoint = open_checkpoint(model, questions, revision=settings.revision)
        self._prompts = checkpoint.prompts
        self._video = checkpoint.video
        self._share_prefix = len(questions) > 1
        self._clip_ids: weakref.WeakKeyDictionary[Frames, str] = weakref.WeakKeyDictionary()
        self._seeds = count(1)
        super().__init__(clips_in_flight(settings) * copies_of_model(settings), len(questions))
        self._sockets = _short_socket_folder()
        self._loop = LoopThread("vllm-requests")
        self._engine: Any = None
        self._processes: list[psutil.Process] = []
        self._closed = False
        try:
            self._refusals = _refusals()
            self._params = [_sampling_params(question, sampling) for question in questions]
            self._more_freely = [_sampling_params(question, more_freely(sampling)) for question in questions]
            args = engine_args(
                checkpoint, questions=questions, sampling=sampling, frames=frames, settings=settings
            )
            self._renderers = ThreadPoolExecutor(args.renderer_num_workers, thread_name_prefix="render")
            with reports_kept() as report:
                try:
                    self._start(args)
                except Exception as error:
                    raise no_start(model, error, report) from error
        except BaseException:
            self.close()
            raise

    def submit(self, key: int, frames: Frames, *, question: int = 0, again: bool = False) -> None:
        """Hand one clip to the engine. See ``Describer.submit``.

        Questions about one clip share its computation when they come with the same ``frames`` object.
        """
        self._check_alive()
        request = self._request(frames, question)
        params = self._params[question]
        if again:
            params = self._more_freely[question].clone()
            params.seed = next(self._seeds)
        self._exchange.take(key)
        self._loop.spawn(lambda: self._answer(key, request, params))

    def collect(self, wait_s: float = 0.05) -> list[Description]:
        """Return what is finished. See ``Describer.collect``."""
        done = super().collect(wait_s)
        if not done:
            self._check_alive()
        return done

    def close(self) -> None:
        """Stop the engine's processes. May be called twice, also on a dead engine."""
        if self._closed:
            return
        self._closed = True
        self._exchange.fail(EngineUnavailable("the describer was closed"))
        self._loop.cancel()
        if hasattr(self, "_renderers"):
            self._renderers.shutdown(wait=False, cancel_futures=True)
        if self._engine is not None:
            with suppress(Exception):  # it would log its own stopping as an error
                self._loop.run(_stop_listening(self._engine), timeout_s=1.0)
            self._engine.shutdown(timeout=_SHUTDOWN_S)
        self._loop.stop()
        self._engine = None
        # Where an engine's process was killed, its workers take seconds to see it, and hold the device.
        _, left = psutil.wait_procs(self._processes, timeout=2.0)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=2.0)
        if self._sockets is not None:
            self._sockets.cleanup()

    def _start(self, args: Any) -> None:
        before = set(psutil.Process().children(recursive=True))
        self._engine = self._loop.run(_start(args))
        self._processes = [
            process
            for process in psutil.Process().children(recursive=True)
            if process not in before and process.name().startswith("VLLM")
        ]

    def _check_alive(self) -> None:
        self._exchange.check()
        if self._engine.errored:
            self._exchange.fail(_died(self._exchange.in_flight))
            self._exchange.check()

    def _request(self, frames: Frames, question: int) -> dict[str, Any]:
        import torch

        # Pictures as the processor wants them, without copying: channels first, still 8 bit.
        video: Any = torch.from_numpy(frames.pixels).permute(0, 3, 1, 2)
        if self._video.metadata:
            video = (video, video_metadata(frames) | {"do_sample_frames": False})
        request = {"prompt": self._prompts[question], "multi_modal_data": {"video": [video]}}
        if self._share_prefix:
            # Known by a name, pixels need not be hashed to be recognised.
            name = self._clip_ids.setdefault(frames, uuid.uuid4().hex)
            request["multi_modal_uuids"] = {"video": [name]}
        return request

    def _render(self, request: dict[str, Any]) -> Any:
        """Make a request into the engine's input; runs on the threads.

        ``generate`` would do this itself, but on the thread that also carries the replies (0.26), and says
        that it will stop doing so (0.32).
        """
        from vllm.renderers.inputs.preprocess import parse_model_prompt

        prompt = parse_model_prompt(self._engine.model_config, request)
        (rendered,) = self._engine.renderer.render_cmpl([prompt])
        return rendered

    async def _answer(self, key: int, request: dict[str, Any], params: Any) -> None:
        """Take one request through the engine; every way it can end is a description or a failure."""
        import asyncio

        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            rendered = await asyncio.get_running_loop().run_in_executor(
                self._renderers, self._render, request
            )
            del request  # its pictures are in the rendered input now
            final = None
            async for output in self._engine.generate(rendered, params, uuid.uuid4().hex):
                final = output
            if final is None or final.outputs[0].finish_reason == "abort":
                # Nobody here aborts a request: one copy of the model died and vLLM is ending the others.
                raise EngineDeadError
            self._exchange.give(_describe(key, final))
        except EngineDeadError as error:
            self._fail(error)
        except self._refusals as error:
            self._exchange.give(_refused(key, error))
        except Exception as error:  # noqa: BLE001 - it stays this clip's affair unless the engine is gone
            if self._engine.errored:
                self._fail(error)
            else:
                cause = error.__cause__ or error
                detail = f"the engine failed on this clip ({type(cause).__name__}: {first_line(cause)})"
                self._exchange.give(Description(key=key, outcome=Outcome.FAILED, detail=detail))

    def _fail(self, error: BaseException) -> None:
        failure = _died(self._exchange.in_flight)
        failure.__cause__ = error
        self._exchange.fail(failure)


async def _start(args: Any) -> Any:
    """Start the engine inside the event loop, so that its death is noticed before the first request too."""
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    return AsyncLLM.from_engine_args(args, usage_context=UsageContext.LLM_CLASS)


async def _stop_listening(engine: Any) -> None:
    if engine.output_handler is not None:
        engine.output_handler.cancel()


def _died(in_flight: int) -> EngineUnavailable:
    return EngineUnavailable(
        f"the engine died with {in_flight} requests in flight. Its own report stands above in this job's "
        "stderr; without one it was killed, as happens when a job's memory is full."
    )


def _short_socket_folder() -> tempfile.TemporaryDirectory[str] | None:
    """Give vLLM a folder for its sockets if the one it would take makes their paths too long.

    It takes the temporary folder, and that of a job lies deep inside the job's sandbox.
    """
    folder = os.environ.get("VLLM_RPC_BASE_PATH", tempfile.gettempdir())
    if len(os.fsencode(folder)) + _SOCKET_NAME_BYTES <= _SOCKET_PATH_BYTES:
        return None
    short = tempfile.TemporaryDirectory(prefix="vllm-", dir="/tmp", ignore_cleanup_errors=True)
    os.environ["VLLM_RPC_BASE_PATH"] = short.name
    return short


def _refusals() -> tuple[type[Exception], ...]:
    """What the engine raises for a request it will not take: a ValueError in vLLM 0.26, its own in 0.32."""
    from vllm import exceptions

    return (ValueError, getattr(exceptions, "VLLMClientError", ValueError))


def _refused(key: int, error: Exception) -> Description:
    too_long = _TOO_LONG.search(str(error))
    return Description(
        key=key,
        outcome=Outcome.TOO_LONG if too_long else Outcome.REFUSED,
        detail=f"the engine does not take this clip: {first_line(error)}",
    )


def _sampling_params(question: Prompt, sampling: Sampling) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        repetition_penalty=sampling.repetition_penalty,
        max_tokens=sampling.max_tokens,
        structured_outputs=(
            StructuredOutputsParams(json=question.schema.json_schema) if question.schema else None
        ),
        # Otherwise every token of every clip makes an object for this process.
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _describe(key: int, output: Any) -> Description:
    answer = output.outputs[0]
    if answer.finish_reason not in ("stop", "length"):
        return Description(
            key=key,
            outcome=Outcome.FAILED,
            detail=f"the engine stopped on this clip ({answer.finish_reason})",
            finish_reason=answer.finish_reason,
        )
    truncated = answer.finish_reason == "length"
    return Description(
        key=key,
        outcome=Outcome.TRUNCATED if truncated else Outcome.OK,
        text=answer.text.strip(),
        detail="the text stops at max_tokens" if truncated else None,
        finish_reason=answer.finish_reason,
        prompt_tokens=len(output.prompt_token_ids or ()),
        output_tokens=len(answer.token_ids),
    )
