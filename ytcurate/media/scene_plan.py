"""Where scenes begin → segments that cover the source. Arithmetic only; ``scenes`` finds the borders."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ytcurate.media.segment import Segment


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTimes:
    """When each picture of a source is displayed. Pictures are numbered in the order of display."""

    pts: Sequence[int]
    """Strictly increasing, in ticks of ``time_base``."""
    time_base: Fraction
    """Seconds per tick."""
    start_pts: int
    """The source's start, on the same clock."""

    def time_of(self, number: int) -> Fraction:
        """When a picture is displayed, seconds from the source's start."""
        return (self.pts[number] - self.start_pts) * self.time_base

    def first_from(self, time_s: Fraction) -> int:
        """Number of the first picture displayed at or after a time; how many there are if there is none."""
        return bisect_left(self.pts, self.start_pts + time_s / self.time_base)

    def nearest(self, time_s: Fraction) -> int:
        """Number of the picture whose time is nearest, the earlier of two. There must be a picture."""
        after = min(self.first_from(time_s), len(self.pts) - 1)
        before = max(after - 1, 0)
        return before if time_s - self.time_of(before) <= self.time_of(after) - time_s else after


def plan_scenes(
    borders_s: Iterable[Fraction],
    pictures: PictureTimes,
    end_s: Fraction,
    *,
    min_s: Fraction = Fraction(0),
    max_s: Fraction | None = None,
) -> list[Segment]:
    """Plan one segment for each scene; short scenes are joined first, long ones are cut after that.

    Args:
        borders_s: when scenes after the first begin, seconds from the source's start, in any order; those
            outside the source are passed over.
        pictures: of the whole source.
        end_s: when the last picture's display ends.
        min_s: a shorter scene is joined to the one before it, and the first one to those after it until it
            is long enough. So a run of short scenes becomes part of the scene before the run.
        max_s: a longer scene is cut into the fewest equal parts that are not longer. Each part begins with
            the first picture from its share on, as a cutter would have it: so a part may be longer by less
            than the time between two pictures, and is never without a picture.

    Returns:
        Abutting segments in the order of time, from 0 to ``end_s``; at least one if ``end_s`` is above 0.
    """
    starts = [Fraction(0)]
    inside = sorted({border for border in borders_s if 0 < border < end_s})
    for start_s, stop_s in pairwise([*inside, end_s]):
        first_is_short = len(starts) == 1 and start_s < min_s
        if not first_is_short and stop_s - start_s >= min_s:
            starts.append(start_s)
    if max_s is not None:
        scenes = pairwise([*starts, end_s])
        starts = [part for scene in scenes for part in _part_starts(*scene, max_s, pictures)]
    return [Segment(start_s=a, end_s=b) for a, b in pairwise([*starts, end_s])]


def _part_starts(
    start_s: Fraction, end_s: Fraction, max_s: Fraction, pictures: PictureTimes
) -> Iterator[Fraction]:
    """Give when the parts of one scene begin. Steps from picture to picture: false times cost no more."""
    yield start_s
    share_s = (end_s - start_s) / math.ceil((end_s - start_s) / max_s)
    number, stop = pictures.first_from(start_s), pictures.first_from(end_s)
    while number < stop:
        passed = math.floor((pictures.time_of(number) - start_s) / share_s)
        number = pictures.first_from(start_s + (passed + 1) * share_s)
        if number < stop:
            yield pictures.time_of(number)
