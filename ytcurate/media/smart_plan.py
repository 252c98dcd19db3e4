"""Which pictures of a segment are copied, and which are encoded. Arithmetic only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ytcurate.media.packet_index import SourceIndex


class SmartPlan(NamedTuple):
    """A segment in three parts, each of which may be empty."""

    head: range
    """Places in display order: pictures before the first one that is copied, to be encoded."""
    copied: range
    """Packet numbers in decoding order. Those of pictures displayed before the first of them are left out."""
    tail: range
    """Places in display order: pictures after the last one that is copied, to be encoded."""

    @property
    def copied_pictures(self) -> int:
        """How many pictures are copied."""
        return self.tail.start - self.head.stop


def plan_smart(index: SourceIndex, pictures: range) -> SmartPlan:
    """Plan a segment so that as few pictures as possible are encoded.

    Copying starts with the first keyframe of the segment. It needs no keyframe to end: what is decoded
    first refers to nothing that is decoded later, so packets are copied as long as their pictures, all
    together, are displayed without a hole inside the segment. What is left at the end is never more than the
    few pictures that refer to one displayed after the segment.

    Args:
        index: of the source.
        pictures: of the segment, places in display order; at least one.

    Returns:
        The plan. Without a keyframe in the segment all pictures are in ``head``.
    """
    keys = np.flatnonzero(index.keys)
    places = index.ranks[keys]
    inside = (places >= pictures.start) & (places < pictures.stop)
    if not inside.any():
        return SmartPlan(pictures, range(0), range(pictures.stop, pictures.stop))
    first = int(places[inside].min())
    begin = int(index.order[first])
    end, last = begin + 1, first
    copied, highest = 0, first
    for number in range(begin, len(index.ranks)):
        place = int(index.ranks[number])
        if place < 0 or place >= pictures.stop:
            break
        if place < first:  # displayed before the keyframe: belongs to the head
            continue
        copied += 1
        highest = max(highest, place)
        if highest - first + 1 == copied:
            end, last = number + 1, highest
    return SmartPlan(range(pictures.start, first), range(begin, end), range(last + 1, pictures.stop))
