"""How large the next wave is, and when it may begin. Arithmetic only.

The first wave is small, so that those who wait for clips wait shortly. The next ones are as large as can be
cut while those behind are busy with what they have, until one takes the slowest stage ``wave_seconds``. A new
wave begins only while few others are unfinished: clips that nobody labels yet take room, and what a change of
mind or a kill costs grows with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ytcurate.errors import UsageError

_FIRST_SHARE = 32
"""The first wave is this part of all videos, at least one."""
_MOST_FIRST = 64


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a run is cut into waves."""

    wave_seconds: float = 600.0
    """How long a wave should take its slowest stage. What a kill may cost is one wave."""
    max_waves: int = 3
    """Waves that are begun and not yet finished by all stages: one that is cut, one that waits, one that is
    labelled."""
    growth: float = 2.0
    """A wave is so many times as large as the one before, or larger where those behind are busy longer."""

    def __post_init__(self) -> None:
        if self.wave_seconds <= 0:
            raise UsageError(f"wave_seconds must be above 0, it is {self.wave_seconds}.")
        if self.max_waves < 2:
            raise UsageError(f"max_waves must be 2 or more, so that stages overlap; it is {self.max_waves}.")
        if self.growth < 1:
            raise UsageError(f"growth must be 1 or more, it is {self.growth}.")

    def next_wave(
        self,
        left: int,
        *,
        last: int,
        seconds_per_video: float | None,
        cut_seconds: float | None = None,
        busy_seconds: float = 0.0,
    ) -> int:
        """Say how many videos the next wave has.

        Args:
            left: videos that are not cut yet.
            last: videos of the wave before; 0 if there was none.
            seconds_per_video: of the slowest stage; None while nothing is known.
            cut_seconds: that cutting takes for a video; None while nothing is known.
            busy_seconds: for which the stages behind have work.
        """
        if last == 0:
            return min(left, _MOST_FIRST, max(1, math.ceil(left / _FIRST_SHARE)))
        wanted = math.inf if not seconds_per_video else self.wave_seconds / seconds_per_video
        meanwhile = busy_seconds / cut_seconds if cut_seconds else 0.0
        size = max(1, math.floor(min(max(last * self.growth, meanwhile), wanted)))
        # No small rest: the last two waves share what is left.
        waves = max(1, round(left / size))
        return min(left, max(1, math.ceil(left / waves)) if waves <= 2 else size)


@dataclass
class Rate:
    """What a stage has done, and in how long; what was done longer ago counts less."""

    seconds: float = 0.0
    rows: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Count a wave."""
        self.rows = self.rows / 2 + rows
        self.seconds = self.seconds / 2 + seconds

    @property
    def seconds_per_row(self) -> float | None:
        """None: nothing is known yet."""
        return self.seconds / self.rows if self.rows else None
