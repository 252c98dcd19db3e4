"""Statistics of a describe run → figures for people, and what to change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_WAITING_IS_HIGH = 0.05
_STARTING_IS_HIGH = 0.3
_TRUNCATED_IS_HIGH = 0.05
_CLIPS_TO_JUDGE = 100
"""Of fewer, whatever is done, starting an engine takes most of the time."""


@dataclass(frozen=True)
class Figures:
    """What the jobs of a run counted, summed up."""

    clips: int
    clips_per_second: float
    """Of one job, after its engine had started."""
    engine_wait_share: float
    """Of the time after the engine had started: how much of it stood idle for want of pictures."""
    start_share: float
    """Of all time: how much went into starting engines."""
    decode_s_per_clip: float
    prompt_tokens: int
    output_tokens: int

    @property
    def seconds_per_clip(self) -> float | None:
        """Of one job; None if nothing was described."""
        return 1 / self.clips_per_second if self.clips_per_second else None

    def __str__(self) -> str:
        return (
            f"{self.clips} clips, {self.clips_per_second:.3g} clips/s in a job once its engine had started; "
            f"it waited {self.engine_wait_share:.1%} of that for pictures; "
            f"{self.prompt_tokens} tokens in, {self.output_tokens} out"
        )


def sum_up(statistics: Mapping[str, int]) -> Figures:
    """Turn the sums of the jobs' custom statistics into figures."""
    clips = statistics.get("clips_done", 0)
    stream_s = statistics.get("stream_ms", 0) / 1000
    start_s = statistics.get("engine_start_ms", 0) / 1000
    return Figures(
        clips=clips,
        clips_per_second=clips / stream_s if stream_s else 0.0,
        engine_wait_share=statistics.get("engine_waited_ms", 0) / 1000 / stream_s if stream_s else 0.0,
        start_share=start_s / (start_s + stream_s) if start_s + stream_s else 0.0,
        decode_s_per_clip=statistics.get("decode_ms", 0) / 1000 / clips if clips else 0.0,
        prompt_tokens=statistics.get("prompt_tokens", 0),
        output_tokens=statistics.get("output_tokens", 0),
    )


def advise(statistics: Mapping[str, int], *, cpu_limit: float, max_tokens: int) -> list[str]:
    """Say in sentences what would make the next run better; nothing if it was fine.

    Args:
        statistics: sums over the run's jobs.
        cpu_limit: cores that each job had.
        max_tokens: longest reply that was allowed.
    """
    figures, advice = sum_up(statistics), []
    if figures.engine_wait_share > _WAITING_IS_HIGH:
        # Decoding that kept the engine waiting must go faster by the share it waited.
        wanted = math.ceil(cpu_limit / (1 - min(figures.engine_wait_share, 0.9)))
        advice.append(
            f"the engine waited {figures.engine_wait_share:.0%} of its time for pictures: raise the cores "
            f"of a job from {cpu_limit:g} to {max(wanted, math.ceil(cpu_limit) + 1)} (--cpu)."
        )
    if figures.start_share > _STARTING_IS_HIGH and figures.clips >= _CLIPS_TO_JUDGE:
        advice.append(
            f"starting engines took {figures.start_share:.0%} of the jobs' time: give each job more clips "
            "(--job-minutes)."
        )
    truncated = statistics.get("outcome_truncated", 0)
    if figures.clips and truncated / figures.clips > _TRUNCATED_IS_HIGH:
        advice.append(
            f"{truncated} of {figures.clips} replies stop at {max_tokens} tokens: raise --max-tokens, "
            "or ask for less; then run again with --retry."
        )
    restarts = statistics.get("engine_restarts", 0)
    if restarts:
        advice.append(f"engines died and were started again {restarts} times: see the jobs' stderr.")
    return advice
