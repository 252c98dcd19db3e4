"""How words are chosen the second time, when the first reply did not fit its schema."""

from __future__ import annotations

from dataclasses import replace

from ytcurate.config import Sampling

_TEMPERATURE = 0.7
_TOP_P = 0.95


def more_freely(sampling: Sampling) -> Sampling:
    """Loosen a sampling: another seed alone changes nothing where the first word always wins."""
    return replace(sampling, temperature=max(sampling.temperature, _TEMPERATURE), top_p=_TOP_P)
