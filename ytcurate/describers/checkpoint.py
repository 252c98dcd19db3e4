"""What is read of a checkpoint before its weights: that it is there, takes video, and how it is talked to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.config import EngineSettings, FrameSampling, Sampling
from ytcurate.describers.prompts import Prompt
from ytcurate.describers.video_inputs import VideoInput, video_input
from ytcurate.errors import EngineUnavailable, UsageError

_MARGIN_TOKENS = 64
"""Room in the context for what a processor adds around the video."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model that was found and can be asked all the questions."""

    model: str
    model_type: str
    video: VideoInput
    processor: Any
    prompts: tuple[str, ...]
    """The questions as conversations in the checkpoint's own chat template, with a place for the video."""
    prompt_tokens: int
    """Tokens of the longest of them, without the video."""
    context_limit: int | None
    """The longest context the model was made for."""
    cache_bytes_per_token: int
    """Keys and values of one token in all layers, 16 bits each."""

    def visual_tokens(self, frames: FrameSampling) -> int:
        """The most tokens that a clip can take, with the times written between its pictures."""
        return frames.max_visual_tokens + frames.max_frames // 2 * self.video.tokens_per_pair

    def context(self, settings: EngineSettings, frames: FrameSampling, sampling: Sampling) -> int:
        """Size the context: what the settings say, else the largest clip, the question and the reply."""
        if settings.max_model_len:
            return settings.max_model_len
        wanted = self.visual_tokens(frames) + self.prompt_tokens + sampling.max_tokens + _MARGIN_TOKENS
        return min(wanted, self.context_limit or wanted)


def open_checkpoint(model: str, questions: Sequence[Prompt], *, revision: str | None) -> Checkpoint:
    """Read a checkpoint's configuration, processor and chat template.

    Raises:
        EngineUnavailable: it cannot be had, takes no video, or its chat template has no place for one.
        UsageError: there is no question.
    """
    if not questions:
        raise UsageError("a describer needs at least one question.")
    if Path(model).is_absolute() and not Path(model).is_dir():
        raise EngineUnavailable(f"model {model}: no such directory on the machine that runs the job.")
    from transformers import AutoConfig, AutoProcessor

    try:
        config = AutoConfig.from_pretrained(model, revision=revision)
        kind = video_input(model, str(config.model_type))
        processor = AutoProcessor.from_pretrained(model, revision=revision)
    except (OSError, ValueError, ImportError, KeyError) as error:
        at = f" at revision {revision}" if revision else ""
        raise EngineUnavailable(
            f"model {model}{at}: cannot be loaded ({first_line(error)}). Check its name and revision, and "
            "that its config.json, processor and tokenizer files are whole."
        ) from error
    prompts = tuple(_render(model, processor, question) for question in questions)
    text = getattr(config, "text_config", config)
    limit = getattr(text, "max_position_embeddings", None)
    return Checkpoint(
        model=model,
        model_type=str(config.model_type),
        video=kind,
        processor=processor,
        prompts=prompts,
        prompt_tokens=max(len(processor.tokenizer(each)["input_ids"]) for each in prompts),
        context_limit=int(limit) if limit else None,
        cache_bytes_per_token=_cache_bytes_per_token(text),
    )


def _cache_bytes_per_token(text: Any) -> int:
    heads = int(text.num_attention_heads)
    size = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    kept = int(getattr(text, "num_key_value_heads", None) or heads)
    return 2 * int(text.num_hidden_layers) * kept * size * 2


def _render(model: str, processor: Any, question: Prompt) -> str:
    """Write the conversation as the checkpoint's chat template wants it, the video before the text."""

    def conversation(*media: dict[str, str]) -> str:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": question.system},
            {"role": "user", "content": [*media, {"type": "text", "text": question.text}]},
        ]
        template = getattr(processor, "chat_template", None) or processor.tokenizer.chat_template
        if template is None:
            raise EngineUnavailable(f"model {model}: the checkpoint has no chat template.")
        return str(
            processor.tokenizer.apply_chat_template(
                messages, chat_template=template, tokenize=False, add_generation_prompt=True
            )
        )

    try:
        rendered = conversation({"type": "video"})
        without = conversation()
    except EngineUnavailable:
        raise
    except Exception as error:  # a template is a program of the checkpoint's author
        raise EngineUnavailable(
            f"model {model}: its chat template does not take a question about a video ({first_line(error)})."
        ) from error
    if rendered == without:
        raise EngineUnavailable(f"model {model}: its chat template has no place for the video.")
    return rendered


def first_line(error: BaseException) -> str:
    """Say an error in at most one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]
