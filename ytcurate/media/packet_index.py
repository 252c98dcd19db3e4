"""Source video → when each of its pictures is displayed, and where decoding can start; nothing is decoded.

Holds numbers only, about 30 bytes for each packet: an hour of 60 pictures a second takes 7 MB.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ytcurate.errors import UnreadableVideo
from ytcurate.media.coded_pictures import read_pictures
from ytcurate.media.decode_plan import Entry
from ytcurate.media.packet_times import picture_ticks, start_of, timed_packets
from ytcurate.media.probe import VideoLike, open_video
from ytcurate.media.progress import report_progress
from ytcurate.media.segment import Segment

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_CLOCK_TICK_S = Fraction(1, 1_000_000)
"""Of a container's start time. Times that differ by less are the same time."""

_NO_TIME = -(2**63)
_PROGRESSIVE = 1
"""FFmpeg's ``AVFieldOrder``: 0 is unknown, more than 1 are the ways to interlace."""


class Key(IntEnum):
    """What a packet is for one who starts to decode with it."""

    NO = 0
    CLOSED = 1
    """An IDR or BLA picture: nothing after it refers to what is before."""
    OPEN = 2
    """A CRA picture of HEVC: so it is for pictures displayed after it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceIndex:
    """The packets of a source's video stream, numbered in decoding order."""

    codec: str
    """FFmpeg's name."""
    container: str
    """FFmpeg's name of its format."""
    stream_index: int
    """Of the video stream in its container."""
    pix_fmt: str
    """FFmpeg's name; empty if not known."""
    width: int
    height: int
    is_interlaced: bool
    time_base: Fraction
    """Seconds per tick."""
    origin_pts: int
    """The source's start, which is 0 on its clock, ticks."""
    has_clock: bool
    """Whether the container has times of display. Those here are made where it has none."""
    pts: np.ndarray
    """int64, shape (N,), ticks; see ``timed_packets``."""
    durations: np.ndarray
    """int64, shape (N,), ticks; 0 where it is not known."""
    is_shown: np.ndarray
    """bool, shape (N,); False for what an edit list leaves out."""
    keys: np.ndarray
    """int8, shape (N,): ``Key`` of each packet. Of H.264 and HEVC only."""
    picture_ticks: int
    """How long one picture is shown, as far as the header tells."""
    has_exact_times: bool
    """Every packet has a pts of its own in the container, so a time tells the packet."""
    breaks: str | None
    """Why reading ended before the end of the file; None if it did not."""

    @cached_property
    def order(self) -> np.ndarray:
        """Packet numbers of the shown pictures in display order, shape (M,)."""
        shown = np.flatnonzero(self.is_shown)
        return shown[np.argsort(self.pts[shown], kind="stable")]

    @cached_property
    def times(self) -> np.ndarray:
        """When the shown pictures are displayed, ticks, rising, shape (M,)."""
        times: np.ndarray = self.pts[self.order]
        return times

    @cached_property
    def ranks(self) -> np.ndarray:
        """Place in display order of each packet's picture, shape (N,); -1 for one that is not shown."""
        ranks = np.full(len(self.pts), -1, np.int64)
        ranks[self.order] = np.arange(len(self.order))
        return ranks

    @cached_property
    def by_pts(self) -> np.ndarray:
        """Packet numbers in the order of pts, those that are not shown too, shape (N,)."""
        return np.argsort(self.pts, kind="stable")

    @property
    def duration_s(self) -> Fraction:
        """From the source's start to the end of the last picture."""
        return self.seconds(self.end_pts(len(self.times) - 1))

    def seconds(self, pts: int) -> Fraction:
        """A time on the source's clock."""
        return (pts - self.origin_pts) * self.time_base

    def pictures_in(self, segment: Segment) -> range:
        """Find the pictures displayed inside a segment, as places in display order; it may be empty."""
        start, stop = (
            int(np.searchsorted(self.times, self._first_tick(at_s)))
            for at_s in (segment.start_s, segment.end_s)
        )
        return range(start, max(start, stop))

    def end_pts(self, place: int) -> int:
        """When the picture at a place is displayed no more, ticks."""
        pts = int(self.times[place])
        following = int(self.times[place + 1]) if place + 1 < len(self.times) else None
        duration = int(self.durations[self.order[place]]) or self.picture_ticks
        return pts + duration if following is None else min(pts + duration, following)

    def number_at(self, pts: int) -> int | None:
        """Find a packet by its pts; None if there is none."""
        place = int(np.searchsorted(self.pts, pts, sorter=self.by_pts))
        found = place < len(self.pts) and self.pts[self.by_pts[place]] == pts
        return int(self.by_pts[place]) if found else None

    def entry_before(self, pts: int) -> int:
        """Find the last packet from which the pictures displayed at or after ``pts`` can be decoded."""
        numbers = np.flatnonzero(self.keys)
        usable = numbers[self.pts[numbers] <= pts]
        return int(usable.max()) if len(usable) else 0

    def _first_tick(self, at_s: Fraction) -> int:
        tick = self.origin_pts + math.ceil((at_s - _CLOCK_TICK_S) / self.time_base)
        return max(-(2**63), min(tick, 2**63 - 1))


def index_source(video: VideoLike) -> SourceIndex:
    """Read all packets of a source's video stream. Damage in the middle ends the index there.

    Raises:
        UnreadableVideo: no video stream can be opened, or it has no packets with a time.
    """
    import av

    pts, durations, noted = array("q"), array("q"), array("q")
    is_shown, keys = bytearray(), bytearray()
    breaks = None
    with open_video(video) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        extradata = stream.codec_context.extradata or b""
        try:
            for packet in timed_packets(cast("InputContainer", _Noting(container, noted)), stream):
                report_progress()
                pts.append(packet.pts or 0)
                durations.append(packet.duration or 0)
                is_shown.append(not packet.is_discard)
                keys.append(_key_of(codec, extradata, bytes(packet)) if packet.is_keyframe else Key.NO)
        except UnreadableVideo as error:
            breaks = str(error)
        except (av.error.FFmpegError, IndexError) as error:
            # IndexError is PyAV's where a damaged transport stream shows a stream it did not announce.
            breaks = f"reading breaks off after {len(pts)} packets: {error}"
        if not any(is_shown):
            raise UnreadableVideo(
                breaks or f"the video stream of this {container.format.name} has no packets"
            )
        times = np.array(pts, np.int64)
        start_pts = start_of(container, stream)
        first_key = next((number for number, key in enumerate(keys) if key), is_shown.index(1))
        return SourceIndex(
            codec=codec,
            container=container.format.name,
            stream_index=stream.index,
            pix_fmt=stream.codec_context.pix_fmt or "",
            width=stream.width,
            height=stream.height,
            is_interlaced=stream.codec_context.field_order > _PROGRESSIVE,
            time_base=Fraction(stream.time_base or 1),
            origin_pts=pts[first_key] if start_pts is None else start_pts,
            has_clock=start_pts is not None,
            pts=times,
            durations=np.array(durations, np.int64),
            is_shown=np.frombuffer(bytes(is_shown), np.bool_),
            keys=np.frombuffer(bytes(keys), np.int8),
            picture_ticks=picture_ticks(stream),
            has_exact_times=noted[: len(pts)] == pts and len(np.unique(times)) == len(times),
            breaks=breaks,
        )


class _Noting:
    """A container that notes the times of its packets, as they are before they are put right."""

    def __init__(self, container: InputContainer, noted: array[int]) -> None:
        self._container = container
        self._noted = noted

    def demux(self, stream: VideoStream) -> Iterator[Packet[Any]]:
        for packet in self._container.demux(stream):
            if packet.size:
                self._noted.append(_NO_TIME if packet.pts is None else packet.pts)
            yield packet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)


def _key_of(codec: str, extradata: bytes, packet: bytes) -> Key:
    if codec not in ("h264", "hevc"):
        return Key.NO
    pictures = read_pictures(codec, extradata, [packet])
    entry = pictures[0].entry if pictures else Entry.NO
    return {Entry.CLOSED: Key.CLOSED, Entry.OPEN: Key.OPEN}.get(entry, Key.NO)
