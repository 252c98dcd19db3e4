"""What every describer is given and gives back.

A describer is built with a model, the questions to put, and how to run it; then clips are submitted and
descriptions collected, many at a time. Three exist: ``vllm`` (the default), ``transformers`` (the same text
under greedy decoding, for machines without vLLM) and ``endpoint`` (an OpenAI-compatible server). All pass
one contract suite.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ytcurate.media.frames import Frames


class Outcome(StrEnum):
    """How a row ended."""

    OK = "ok"
    """The text is whole, and what the schema asks for if there is one."""
    TRUNCATED = "truncated"
    """The text stops at ``max_tokens``."""
    UNREADABLE = "unreadable"
    """No pictures can be had from the video."""
    TOO_LONG = "too_long"
    """The clip takes more tokens than the model's context or the engine's cache holds."""
    REFUSED = "refused"
    """The engine or the table does not take the clip."""
    DUPLICATE = "duplicate"
    """A source video with the same bytes was taken before."""
    MISFIT = "misfit"
    """The reply is not what the schema asks for, tried twice; the reply is kept."""
    FAILED = "failed"
    """Something else went wrong; ``detail`` says what."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What became of one question about one clip."""

    key: int
    """The key it was submitted under."""
    outcome: Outcome
    text: str | None = None
    """The reply. None unless the outcome is ``ok``, ``truncated`` or ``misfit``."""
    detail: str | None = None
    """What went wrong, in a sentence; None if nothing did."""
    finish_reason: str | None = None
    """The engine's word for why it stopped: ``stop``, ``length``, ..."""
    prompt_tokens: int | None = None
    output_tokens: int | None = None


class Describer(Protocol):
    """Describes clips, several at a time. Used from one thread.

    ``questions`` of the constructor are numbered from 0; ``submit`` names one. With nothing in flight there
    is room for all of them.
    """

    @property
    def room(self) -> int:
        """How many more requests can be submitted now."""
        ...

    @property
    def in_flight(self) -> int:
        """Requests submitted and not yet collected."""
        ...

    def submit(self, key: int, frames: Frames, *, question: int = 0, again: bool = False) -> None:
        """Take one clip; what becomes of it comes out of ``collect`` under this key, in any order.

        A clip that the model cannot take is not an exception: its description says ``too_long`` or
        ``refused``.

        Args:
            key: not in flight already.
            frames: its pictures.
            question: which of the describer's questions.
            again: the first reply did not fit the schema: choose words more freely this time.

        Raises:
            EngineUnavailable: the engine died; clips in flight are lost.
        """
        ...

    def collect(self, wait_s: float = 0.05) -> list[Description]:
        """Return what is finished, waiting at most this long for the first if nothing is.

        Raises:
            EngineUnavailable: the engine died; clips in flight are lost.
        """
        ...

    def close(self) -> None:
        """Stop the engine and give its memory back. May be called twice, also on a dead engine."""
        ...
