"""The transformers describer: one clip at a time, for machines without vLLM. Imported when it is built."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.again import more_freely
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.checkpoint import first_line, open_checkpoint
from ytcurate.describers.exchange import ThroughExchange
from ytcurate.describers.grammar import compile_grammars, enforcing
from ytcurate.describers.mrope import count_positions_as_trained
from ytcurate.describers.prompts import Prompt
from ytcurate.describers.video_inputs import video_metadata
from ytcurate.errors import EngineUnavailable, UsageError

if TYPE_CHECKING:
    from ytcurate.media.frames import Frames


_IN_FLIGHT = 4
"""One is answered at a time; the others wait, so that it never does."""


class TransformersDescriber(ThroughExchange):
    """A video model on transformers. It generates on a thread of its own, one clip after another."""

    def __init__(
        self,
        model: str,
        *,
        questions: Sequence[Prompt],
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
    ) -> None:
        """Load the model onto the first GPU, or the CPU where there is none.

        Args:
            model: a Hugging Face id, or the directory of a checkpoint.
            questions: what can be asked about a clip.
            sampling: how words are chosen.
            frames: the pixel budget that clips will respect; the longest prompt taken is sized from it.
            engine: ``revision``, ``max_model_len`` and ``max_clips_in_flight`` are used; there is one copy
                of the model on one device, as its checkpoint is.

        Raises:
            EngineUnavailable: the model is not found, takes no video or does not load; or a question has a
                schema and xgrammar is missing.
            UsageError: a setting asks for what only vLLM does.
        """
        settings = engine or EngineSettings()
        sampling = sampling or Sampling()
        for name in ("quantization", "tensor_parallel", "data_parallel"):
            if getattr(settings, name) not in (None, 1):
                raise UsageError(
                    f"{name} {getattr(settings, name)}: the transformers describer runs one copy of a model "
                    "on one device, as its checkpoint is. Leave it out, or use vllm."
                )
        checkpoint = open_checkpoint(model, questions, revision=settings.revision)
        self._prompts = checkpoint.prompts
        self._processor = checkpoint.processor
        self._metadata = checkpoint.video.metadata
        self._context = checkpoint.context(settings, frames or FrameSampling(), sampling)
        self._sampling = sampling
        self._model = _load(model, settings.revision)
        count_positions_as_trained(self._model)
        self._grammars = compile_grammars(questions, self._processor.tokenizer, _vocabulary(self._model))
        self._seeds = count(1)
        super().__init__(settings.max_clips_in_flight or _IN_FLIGHT, len(questions))
        self._closing = threading.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="transformers")

    def submit(self, key: int, frames: Frames, *, question: int = 0, again: bool = False) -> None:
        """Queue one clip. See ``Describer.submit``."""
        prompt = self._prompts[question]
        seed = next(self._seeds) if again else 0
        self._exchange.take(key)
        self._worker.submit(self._answer, key, frames, prompt, question, seed)

    def close(self) -> None:
        """Let the model go. What is being generated stops at the next word."""
        self._closing.set()
        self._exchange.fail(EngineUnavailable("the describer was closed"))
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._model = None

    def _answer(self, key: int, frames: Frames, prompt: str, question: int, seed: int) -> None:
        try:
            self._exchange.give(self._describe(key, frames, prompt, question, seed))
        except Exception as error:  # noqa: BLE001 - it stays this clip's affair
            detail = f"the engine failed on this clip ({type(error).__name__}: {first_line(error)})"
            self._exchange.give(Description(key=key, outcome=Outcome.FAILED, detail=detail))

    def _describe(self, key: int, frames: Frames, prompt: str, question: int, seed: int) -> Description:
        import torch

        inputs = self._inputs(frames, prompt)
        length = inputs["input_ids"].shape[1]
        if length >= self._context:
            detail = (
                f"the engine does not take this clip: the prompt (length {length}) leaves no room for a "
                f"reply in the context of {self._context} tokens"
            )
            return Description(key=key, outcome=Outcome.TOO_LONG, detail=detail)
        limit = min(self._sampling.max_tokens, self._context - length)
        if seed:
            torch.manual_seed(seed)
        with torch.inference_mode():
            sequence = self._model.generate(
                **inputs.to(self._model.device),
                **_choice_of_words(more_freely(self._sampling) if seed else self._sampling),
                max_new_tokens=limit,
                logits_processor=enforcing(self._grammars[question]),
                stopping_criteria=[lambda ids, _scores, **_: self._stop(ids)],
            )[0, length:].tolist()
        ended = sequence[-1] in self._end_tokens()
        reply = self._processor.tokenizer.decode(sequence, skip_special_tokens=True)
        return Description(
            key=key,
            outcome=Outcome.OK if ended else Outcome.TRUNCATED,
            text=reply.strip(),
            detail=None if ended else "the text stops at max_tokens",
            finish_reason="stop" if ended else "length",
            prompt_tokens=length,
            output_tokens=len(sequence),
        )

    def _inputs(self, frames: Frames, prompt: str) -> Any:
        """Make the model's input; the pictures are sampled and sized already."""
        import torch
        from transformers.video_utils import VideoMetadata

        video = torch.from_numpy(frames.pixels).permute(0, 3, 1, 2)
        told: dict[str, Any] = {"do_sample_frames": False, "return_tensors": "pt"}
        if self._metadata:
            told["video_metadata"] = [VideoMetadata(**video_metadata(frames))]
        return self._processor(text=[prompt], videos=[video], **told)

    def _end_tokens(self) -> set[int]:
        end = self._model.generation_config.eos_token_id
        return set(end) if isinstance(end, list) else {end}

    def _stop(self, ids: Any) -> Any:
        import torch

        return torch.full((ids.shape[0],), self._closing.is_set(), device=ids.device)


def _load(model: str, revision: str | None) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        loaded = AutoModelForImageTextToText.from_pretrained(model, revision=revision, dtype="auto")
        return loaded.to(device).eval()
    except Exception as error:
        advice = (
            "Use the vllm describer with tensor_parallel, or a smaller or quantised checkpoint."
            if isinstance(error, torch.OutOfMemoryError)
            else "Check that the checkpoint's weights are whole."
        )
        raise EngineUnavailable(
            f"model {model}: transformers does not load it ({type(error).__name__}: {first_line(error)}). "
            f"{advice}"
        ) from error


def _vocabulary(model: Any) -> int:
    config = model.config
    return int(getattr(config, "text_config", config).vocab_size)


def _choice_of_words(sampling: Sampling) -> dict[str, Any]:
    """Say in generate's words what ``Sampling`` says; defaults of the checkpoint never apply."""
    told: dict[str, Any] = {"repetition_penalty": sampling.repetition_penalty, "top_k": None}
    if sampling.temperature == 0:
        return told | {"do_sample": False, "temperature": None, "top_p": None}
    chosen = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return told | chosen | {"do_sample": True, "top_k": 0}
