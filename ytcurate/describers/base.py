"""What every describer is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ytcurate.media.frames import Frames


class Outcome(StrEnum):
    """How a row ended."""

    OK = "ok"
    """The text is whole."""
    TRUNCATED = "truncated"
    """The text stops at ``max_tokens``."""
    UNREADABLE = "unreadable"
    """No pictures can be had from the video."""
    REFUSED = "refused"
    """The engine or the table does not take the clip, for its size."""
    FAILED = "failed"
    """Something else went wrong; ``detail`` says what."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """What became of one clip."""

    key: int
    """The key it was submitted under."""
    outcome: Outcome
    text: str | None = None
    """None unless the outcome is ``ok`` or ``truncated``."""
    detail: str | None = None
    """What went wrong, in a sentence; None if nothing did."""
    finish_reason: str | None = None
    """The engine's word for why it stopped: ``stop``, ``length``, ..."""
    prompt_tokens: int | None = None
    output_tokens: int | None = None


class Describer(Protocol):
    """Describes clips, several at a time. Used from one thread."""

    @property
    def room(self) -> int:
        """How many more clips can be submitted now."""
        ...

    @property
    def in_flight(self) -> int:
        """Clips submitted and not yet collected."""
        ...

    def submit(self, key: int, frames: Frames) -> None:
        """Take one clip; what becomes of it comes out of ``collect`` under this key, in any order.

        A clip that the model cannot take is not an exception: its description says ``refused``.
        """
        ...

    def collect(self) -> list[Description]:
        """Work for a short while and return what is finished, possibly nothing.

        Raises:
            EngineUnavailable: the engine died; clips in flight are lost.
        """
        ...

    def close(self) -> None:
        """Stop the engine and give its memory back."""
        ...
