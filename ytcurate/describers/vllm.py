"""The vLLM describer. vLLM is imported when a describer is built, not before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.errors import EngineUnavailable

if TYPE_CHECKING:
    from ytcurate.media.frames import Frames

_ENVIRONMENT = {
    # Forking is unsafe once threads or CUDA exist, and in a job both do.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_NO_USAGE_STATS": "1",
    # Matters to the CPU build only: GiB for the key-value cache. Its own default reserves half the machine.
    "VLLM_CPU_KVCACHE_SPACE": "2",
    "TOKENIZERS_PARALLELISM": "false",
}
_SOCKET_NAME_BYTES = 37
"""What vLLM adds to the folder of its sockets: a slash and a UUID."""
_SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (``sun_path``)."""
_CHAT_MARGIN_TOKENS = 256
"""Room in the context for the chat template, the system line and a prompt of ordinary length."""


class VllmDescriber:
    """Qwen2.5-VL on vLLM, with continuous batching: submitted clips join the running batch."""

    def __init__(
        self,
        model: str,
        *,
        prompt: Prompt = DESCRIBE,
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
    ) -> None:
        """Load the model and start the engine; takes from tens of seconds to minutes.

        Args:
            model: a Hugging Face id, or the directory of a checkpoint.
            prompt: the question put about every clip.
            sampling: how words are chosen.
            frames: the pixel budget that clips will respect; the context is sized from it.
            engine: how the engine is run.

        Raises:
            EngineUnavailable: the model is not found or does not load, or there is no device for it.
        """
        settings = engine or EngineSettings()
        self._capacity = settings.max_clips_in_flight
        self._finished: list[Description] = []
        self._running: set[str] = set()
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._sockets = _short_socket_folder()
        config = _model_config(model)
        wanted = (frames or FrameSampling()).max_visual_tokens + len(prompt.text) + _CHAT_MARGIN_TOKENS
        wanted += (sampling or Sampling()).max_tokens
        context = settings.max_model_len or min(wanted, _context_limit(config) or wanted)
        self._refusals = _refusals()
        self._engine = _start(model, context, settings)
        self._params = _sampling_params(sampling or Sampling())
        self._prompt = self._render(prompt)

    @property
    def room(self) -> int:
        """How many more clips can be submitted now."""
        return self._capacity - self.in_flight

    @property
    def in_flight(self) -> int:
        """Clips submitted and not yet collected."""
        return len(self._running) + len(self._finished)

    def submit(self, key: int, frames: Frames) -> None:
        """Hand one clip to the engine. See ``Describer.submit``."""
        request = {
            "prompt": self._prompt,
            "multi_modal_data": {"video": [(frames.pixels, _metadata(frames))]},
        }
        try:
            self._engine.add_request(str(key), request, self._params)
        except self._refusals as error:
            # The engine checks the length of the context and the encoder's cache before it takes a clip.
            detail = f"the engine does not take this clip: {_first_line(error)}"
            self._finished.append(Description(key=key, outcome=Outcome.REFUSED, detail=detail))
        else:
            self._running.add(str(key))

    def collect(self) -> list[Description]:
        """Run one step of the engine and return the clips that are finished."""
        if self._running:
            try:
                outputs = self._engine.step()
            except Exception as error:
                raise EngineUnavailable(
                    f"the engine died with {len(self._running)} clips in flight: {_first_line(error)}"
                ) from error
            for output in outputs:
                if output.finished:
                    self._running.discard(output.request_id)
                    self._finished.append(_describe(output))
        finished, self._finished = self._finished, []
        return finished

    def close(self) -> None:
        """Stop the engine's process."""
        self._engine.engine_core.shutdown()
        if self._sockets is not None:
            self._sockets.cleanup()

    def _render(self, prompt: Prompt) -> str:
        """Write the conversation as the checkpoint's chat template wants it, the video before the text."""
        tokenizer = self._engine.get_tokenizer()
        messages = [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": prompt.text}]},
        ]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


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


def _model_config(model: str) -> Any:
    """Read the checkpoint's configuration: the cheapest proof that the model can be had."""
    from transformers import AutoConfig

    if Path(model).is_absolute() and not Path(model).is_dir():
        raise EngineUnavailable(f"model {model}: no such directory on the machine that runs the job.")
    try:
        return AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise EngineUnavailable(f"model {model}: cannot be loaded: {_first_line(error)}") from error


def _context_limit(config: Any) -> int | None:
    text = getattr(config, "text_config", config)
    limit = getattr(text, "max_position_embeddings", None)
    return int(limit) if limit else None


def _start(model: str, context: int, settings: EngineSettings) -> Any:
    from vllm import EngineArgs
    from vllm.platforms import current_platform
    from vllm.v1.engine.llm_engine import LLMEngine

    args = EngineArgs(
        model=model,
        max_model_len=context,
        # The floor of the encoder's cache: a clip with more visual tokens than this would be refused.
        max_num_batched_tokens=max(context, 8192),
        max_num_seqs=settings.max_clips_in_flight,
        limit_mm_per_prompt={"video": 1, "image": 0},
        # Clips are all different: caches of processed inputs and of prefixes only cost memory and hashing.
        mm_processor_cache_gb=0,
        enable_prefix_caching=False,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        tensor_parallel_size=settings.tensor_parallel or 1,
        # Compiling pays on a GPU; on a CPU it needs a C++ compiler and takes longer than small jobs last.
        enforce_eager=current_platform.is_cpu(),
        disable_log_stats=True,
        seed=0,
    )
    try:
        return LLMEngine.from_engine_args(args)
    except Exception as error:
        raise EngineUnavailable(
            f"model {model}: vLLM does not start ({type(error).__name__}: {_first_line(error)}). "
            "Its own report stands above in this job's stderr."
        ) from error


def _refusals() -> tuple[type[Exception], ...]:
    """What the engine raises for a request it will not take: a ValueError in vLLM 0.26, its own in 0.32."""
    from vllm import exceptions

    return (ValueError, getattr(exceptions, "VLLMClientError", ValueError))


def _sampling_params(sampling: Sampling) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        repetition_penalty=sampling.repetition_penalty,
        max_tokens=sampling.max_tokens,
        # Otherwise every token of every clip makes an object for this process.
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _metadata(frames: Frames) -> dict[str, Any]:
    """Tell the engine when each picture was taken; without the indices it believes them simultaneous."""
    return {
        "fps": float(frames.info.fps),
        "frames_indices": frames.indices,
        "total_num_frames": frames.info.frame_count,
        "duration": float(frames.info.duration_s),
        "width": frames.info.width,
        "height": frames.info.height,
        "video_backend": "pyav",
        "do_sample_frames": False,
    }


def _describe(output: Any) -> Description:
    answer = output.outputs[0]
    truncated = answer.finish_reason == "length"
    return Description(
        key=int(output.request_id),
        outcome=Outcome.TRUNCATED if truncated else Outcome.OK,
        text=answer.text.strip(),
        detail="the text stops at max_tokens" if truncated else None,
        finish_reason=answer.finish_reason,
        prompt_tokens=len(output.prompt_token_ids or ()),
        output_tokens=len(answer.token_ids),
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]
