"""Which packets of a clip must be decoded to show some of its pictures. Arithmetic only: no codec, no video.

Two things are left out, and neither changes a picture that is wanted: pictures to which no other refers,
and what follows the last wanted picture before the next packet at which decoding can start.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import NamedTuple


class Entry(Enum):
    """Whether decoding can start at a packet."""

    NO = "no"
    CLOSED = "closed"
    """No picture from here on refers to one before."""
    OPEN = "open"
    """Only leading pictures, those shown before this one, refer back; later ones refer to neither."""


class PacketEntry(NamedTuple):
    """What the plan needs to know of one packet, in decoding order."""

    pts: int | None
    """Presentation time, ticks."""
    entry: Entry
    is_droppable: bool
    """No other picture refers to this one, and nothing else in the packet is needed."""
    is_shown: bool = True
    """False before the start of an edit list: decoded for others, never displayed."""


def display_order(packets: Sequence[PacketEntry]) -> list[int] | None:
    """Packet numbers of the shown pictures in the order of display.

    Returns:
        None if times are missing or one occurs twice: then only a full decode tells the order.
    """
    times = {packet.pts for packet in packets}
    if None in times or len(times) != len(packets):
        return None
    shown = [number for number, packet in enumerate(packets) if packet.is_shown]
    return sorted(shown, key=lambda number: packets[number].pts or 0)


def packets_to_decode(packets: Sequence[PacketEntry], wanted: Collection[int]) -> list[int]:
    """Choose the packets to give to a decoder.

    Args:
        packets: of the whole clip, in decoding order, all with distinct times.
        wanted: numbers of the packets whose pictures are to be shown.

    Returns:
        Packet numbers in decoding order, the wanted ones among them.
    """
    chosen: list[int] = []
    remaining = sorted(wanted)
    kept = set(wanted)
    end = len(packets)
    continues = False  # the group after this one refers to pictures of this one
    for start in reversed(_group_starts(packets)):
        needed = []
        while remaining and remaining[-1] >= start:
            needed.append(remaining.pop())
        if not needed and not continues:
            end = start
            continue
        leading = _leading_pictures(packets, start, end)
        stop = end if continues else max(needed, default=start - 1) + 1
        continues = any(number in leading for number in needed)
        skipped = set() if continues else leading
        chosen.extend(
            number
            for number in range(stop - 1, start - 1, -1)
            if number in kept or not (packets[number].is_droppable or number in skipped)
        )
        end = start
    return chosen[::-1]


def _group_starts(packets: Sequence[PacketEntry]) -> list[int]:
    later = [number for number, packet in enumerate(packets) if number and packet.entry is not Entry.NO]
    # Whatever the first packet is, decoding has nowhere else to start.
    return [0, *later] if packets else []


def _leading_pictures(packets: Sequence[PacketEntry], start: int, end: int) -> set[int]:
    first = packets[start]
    if first.entry is not Entry.OPEN:
        return set()
    return {number for number in range(start + 1, end) if (packets[number].pts or 0) < (first.pts or 0)}
