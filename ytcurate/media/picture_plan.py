"""Which pictures of a clip are looked at, for what. Arithmetic only: no codec, no video."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SCORED = 5
_STILLS = 3
_PAIR_S = 0.125
"""From the first picture of a pair to the second: short enough to find again what crosses half of the picture
in a second, long enough to see slow movement above the noise."""
_MOST_PAIRS = 40
_TEXT_S = 1.0
_MOST_TEXTS = 12


@dataclass(frozen=True, kw_only=True)
class PicturePlan:
    """Places of pictures in display order, from 0; ascending, and repeated where a clip has fewer."""

    scored: tuple[int, ...]
    """Five, evenly spaced from the first to the last."""
    keyframe: int
    """The one in the middle."""
    keyframes: tuple[int, ...]
    """Three, evenly spaced from the first to the last."""
    pairs: tuple[tuple[int, int], ...]
    """Pictures an eighth of a second apart, evenly spread over the clip; none for a single picture."""
    text: tuple[int, ...]
    """About one for each second, from the first to the last; 2 to 12, or the only one."""


def plan_pictures(times_s: Sequence[float]) -> PicturePlan:
    """Choose pictures of a clip.

    Args:
        times_s: when each picture is displayed, ascending, seconds; at least one.
    """
    total = len(times_s)
    seconds = times_s[-1] - times_s[0]
    texts = min(total, _MOST_TEXTS, max(2, round(seconds / _TEXT_S) + 1))
    return PicturePlan(
        scored=evenly_spaced(total, _SCORED),
        keyframe=total // 2,
        keyframes=evenly_spaced(total, _STILLS),
        pairs=_pairs(times_s),
        text=evenly_spaced(total, texts),
    )


def evenly_spaced(total: int, number: int) -> tuple[int, ...]:
    """Spread places from 0 to ``total - 1``; those between are rounded down, as the peers do."""
    return tuple(int(place) for place in np.linspace(0, total - 1, number).astype(int))


def _pairs(times_s: Sequence[float]) -> tuple[tuple[int, int], ...]:
    last = len(times_s) - 1
    if not last:
        return ()
    begin_s, room_s = times_s[0], max(0.0, times_s[last] - times_s[0] - _PAIR_S)
    number = min(_MOST_PAIRS, round(room_s / _PAIR_S) + 1)
    chosen = set()
    for start_s in np.linspace(begin_s, begin_s + room_s, number):
        # Times are multiples of a tick: a picture that is due counts as shown in spite of rounding.
        first = min(bisect_right(times_s, float(start_s) + 1e-6) - 1, last - 1)
        second = min(max(bisect_left(times_s, times_s[first] + _PAIR_S - 1e-6), first + 1), last)
        chosen.add((first, second))
    return tuple(sorted(chosen))
