"""Where a video is cut: the segments wanted, and the keyframes that cut copied packets. Arithmetic only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from ytcurate.errors import UnreadableVideo

MAX_SEGMENTS = 1_000_000
"""Of one source: an hour cut into clips of 10 s makes 360. More means a duration that cannot be true."""

NEVER = 2**63
"""Later than every pts."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A half-open interval on the source's clock; 0 is the source's start."""

    start_s: Fraction
    """When its first picture may be displayed."""
    end_s: Fraction
    """The first moment that belongs to it no more."""


def plan_fixed(duration_s: Fraction, *, length: Fraction, stride: Fraction, min_s: Fraction) -> list[Segment]:
    """Plan segments of one length: number n wants [n x stride, n x stride + length).

    The last one ends with the source. Overlapping segments stop with the first that reaches the end, so
    none lies wholly inside the one before. With a stride above the length parts are left out.

    Args:
        duration_s: of the source.
        length: of a segment, seconds.
        stride: from start to start, seconds.
        min_s: a shorter last segment is joined to the one before, if they touch.

    Returns:
        In the order of time; none if ``duration_s`` is not above 0.

    Raises:
        UnreadableVideo: there would be more than ``MAX_SEGMENTS``.
    """
    if duration_s > stride * MAX_SEGMENTS:
        raise UnreadableVideo(
            f"a source of {float(duration_s):.0f} s makes more than {MAX_SEGMENTS} clips with one every "
            f"{float(stride):g} s. Its times may be wrong; else cut longer clips."
        )
    segments: list[Segment] = []
    start_s = Fraction(0)
    while start_s < duration_s and (not segments or segments[-1].end_s < duration_s):
        segments.append(Segment(start_s=start_s, end_s=min(start_s + length, duration_s)))
        start_s += stride
    if len(segments) > 1:
        *_, before, last = segments
        if last.end_s - last.start_s < min_s and last.start_s <= before.end_s:
            segments[-2:] = [Segment(start_s=before.start_s, end_s=last.end_s)]
    return segments


class KeyframePlan:
    """Says, keyframe by keyframe, which packets each clip of a copied cut holds.

    Clip n wants an interval. It begins at the first keyframe at or after the interval's start, and ends
    before the first later keyframe at or after its end. Intervals that touch thus give clips that touch, and
    those that overlap give clips that overlap: nothing between the first and the last is left out.

    A keyframe begins one clip at most, so that several wanted starts before one keyframe are spent on it and
    the keyframes right after it. With intervals that touch this is the rule of FFmpeg's segment muxer:
    keyframes 25 s apart and clips of 10 s give cuts at 25 s, and again at the very next keyframe, since the
    second limit (20 s) has passed by then. A clip that would lie wholly inside the one before is left out.

    Source: ``seg_write_packet`` in FFmpeg's libavformat/segment.c.
    """

    def __init__(self, wanted: Iterable[tuple[int, int]], *, merges: bool = False) -> None:
        """Start before the first keyframe.

        Args:
            wanted: start and end of each clip's interval, in pts, both rising; taken one at a time, so it may
                be without end.
            merges: a keyframe spends all starts that lie before it, not one. For scenes: those without a
                keyframe of their own belong to the clip before.
        """
        self._wanted = iter(wanted)
        self._merges = merges
        self._open: list[tuple[int, int]] = []  # first packet, end_pts; in the order of time
        self._next = next(self._wanted, (NEVER, NEVER))
        self.next_pts = -NEVER
        """A keyframe of an earlier time changes nothing: ``take`` need not be called for it."""

    @property
    def first_held(self) -> int | None:
        """The first packet of the clips that have begun; None if none has."""
        return self._open[0][0] if self._open else None

    def take(self, number: int, pts: int) -> tuple[int, int] | None:
        """Take a keyframe.

        Args:
            number: of the packet, counted in file order from the first keyframe, which is 0.
            pts: of the packet.

        Returns:
            The first packet of the clip that ends here, and ``number``; None if no clip ends.
        """
        ended = [first for first, end_pts in self._open if pts >= end_pts]
        self._open = [(first, end_pts) for first, end_pts in self._open if pts < end_pts]
        if pts >= self._next[0] or number == 0:
            self._open.append((number, self._next[1]))
            self._next = next(self._wanted, (NEVER, NEVER))
            while self._merges and pts >= self._next[0]:
                self._open[-1] = (number, self._next[1])
                self._next = next(self._wanted, (NEVER, NEVER))
        self.next_pts = min(self._next[0], *(end_pts for _, end_pts in self._open), NEVER)
        return (ended[0], number) if ended else None

    def split(self, number: int, pts: int) -> tuple[int, int] | None:
        """Take a keyframe at which every clip must end, whatever was wanted.

        The clip that begins here ends where the last of those that were cut short should have.

        Returns:
            As ``take``.
        """
        end_pts = self._open[-1][1] if self._open else None
        ended = self.take(number, pts)
        if self._open and self._open[0][0] < number:
            ended = ended or (self._open[0][0], number)
            begun = self._open[-1] if self._open[-1][0] == number else (number, end_pts or NEVER)
            self._open = [begun]
        return ended

    def finish(self, number: int) -> tuple[int, int] | None:
        """Take the end of the source, after ``number`` packets.

        Returns:
            As ``take``: of the clips that have begun, all but the first lie wholly inside it.
        """
        return None if self.first_held is None else (self.first_held, number)


def wanted_intervals(length: Fraction, stride: Fraction) -> Iterator[tuple[Fraction, Fraction]]:
    """Give the interval [n x stride, n x stride + length) for n = 0, 1, 2, ..., without end."""
    for number in count():
        yield number * stride, number * stride + length
