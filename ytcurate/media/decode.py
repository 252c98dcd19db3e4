"""An opened clip → the pictures at given display indices, decoding as little as is exact."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ytcurate.config import ClipLimits
from ytcurate.errors import UnreadableVideo
from ytcurate.media.coded_pictures import CodedPicture, read_pictures
from ytcurate.media.decode_plan import Entry, PacketEntry, display_order, packets_to_decode
from ytcurate.media.probe import VideoInfo, describe_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class NotExact(Exception):
    """The chosen packets did not give every wanted picture undamaged; only a full decode can tell."""


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """The video packets of a clip, in memory, and what they say without being decoded."""

    packets: list[Packet[Any]]
    """In decoding order. Their data is a copy: as many bytes as the clip has."""
    info: VideoInfo
    rate: float
    """Pictures per second as the reference reader computes it, to the last bit."""
    order: list[int] | None
    """Packet numbers of the shown pictures in display order; None if times do not tell."""
    entries: list[PacketEntry] | None
    """None if packets of this codec cannot be left out."""


class Deadline:
    """The time one clip may take."""

    def __init__(self, limits: ClipLimits) -> None:
        self._limit_s = limits.max_decode_seconds
        self._end = time.monotonic() + self._limit_s

    def check(self, done: int, total: int) -> None:
        """Raise if the time is over.

        Raises:
            UnreadableVideo: after ``max_decode_seconds``; says how many packets of how many were decoded.
        """
        if time.monotonic() > self._end:
            raise UnreadableVideo(
                f"decoding takes more than {self._limit_s:g} s, {done} of {total} packets are done. "
                "Cut shorter clips or raise ClipLimits.max_decode_seconds."
            )


def prepare_decoder(stream: VideoStream, limits: ClipLimits) -> VideoCodecContext:
    """Set up the decoder of a clip: one thread, and pictures of bounded size.

    Args:
        stream: of which nothing was decoded yet.
        limits: ``max_source_pixels`` bounds the pictures, about; see to it exactly on those that are decoded.
    """
    context = stream.codec_context
    # One thread per clip, many clips at once: frame threads cost a third more processor time.
    context.thread_type = "NONE"
    context.thread_count = 1
    # The decoder itself refuses, before it allocates, a picture far larger than the header tells of.
    # It counts whole blocks, hence the room; the exact check is made on decoded pictures.
    context.options = {"max_pixels": str(2 * limits.max_source_pixels + 64 * 64)}
    return context


def index_packets(container: InputContainer, stream: VideoStream) -> PacketIndex:
    """Read all packets of a clip's video stream without decoding.

    Raises:
        UnreadableVideo: reading breaks off, or there are no packets.
    """
    import av

    packets: list[Packet[Any]] = []
    try:
        packets.extend(packet for packet in container.demux(stream) if packet.size)
    except av.error.FFmpegError as error:
        reason = error.strerror or str(error)
        raise UnreadableVideo(f"reading stops after {len(packets)} packets ({reason})") from error
    shown = [packet for packet in packets if not packet.is_discard]
    if not shown:
        raise UnreadableVideo(f"the video stream of this {container.format.name} has no packets")
    time_base = Fraction(stream.time_base or 1)
    begin, end = _extent(shown)
    rate, duration_s = 0.0, Fraction(0)
    if begin is not None and end is not None:
        # The reference reader's double arithmetic: its rounding decides between two numbers of pictures.
        duration_s = (end - begin) * time_base
        seconds = _seconds(end, time_base) - _seconds(begin, time_base)
        rate = len(shown) / seconds if seconds else 0.0
    info = describe_stream(stream, frame_count=len(shown), duration_s=duration_s)
    if duration_s:
        info = replace(info, fps=len(shown) / duration_s)
    coded = _coded_pictures(stream, packets)
    entries = [
        PacketEntry(packet.pts, picture.entry, picture.is_unreferenced, not packet.is_discard)
        for packet, picture in zip(packets, coded or [CodedPicture()] * len(packets), strict=True)
    ]
    return PacketIndex(
        packets=packets,
        info=info,
        rate=rate or float(info.fps),
        order=display_order(entries),
        entries=entries if coded else None,
    )


def decode_planned(
    context: VideoCodecContext, index: PacketIndex, wanted: Sequence[int], deadline: Deadline
) -> Iterator[tuple[int, VideoFrame]]:
    """Decode only what the wanted pictures need.

    Args:
        context: fresh decoder of the stream.
        index: of the clip.
        wanted: display indices.
        deadline: for the whole clip.

    Yields:
        Display index and picture, each wanted one once, in the order the decoder shows them.

    Raises:
        NotExact: times do not tell the order, packets cannot be left out, or a picture is damaged or missing.
    """
    import av

    if index.order is None or index.entries is None:
        raise NotExact
    by_pts = {index.packets[index.order[place]].pts: place for place in wanted}
    chosen = packets_to_decode(index.entries, {index.order[place] for place in wanted})
    try:
        for done, number in enumerate([*chosen, None]):
            deadline.check(done, len(chosen))
            for frame in context.decode(None if number is None else index.packets[number]):
                if frame.is_corrupt:
                    raise NotExact
                place = by_pts.pop(frame.pts, None)
                if place is not None:
                    yield place, frame
    except av.error.FFmpegError as error:
        raise NotExact from error
    if by_pts:
        raise NotExact


def decode_all(context: VideoCodecContext, index: PacketIndex, deadline: Deadline) -> Iterator[VideoFrame]:
    """Decode every packet, passing over those that are damaged, as players do.

    Packets before an edit list's start are decoded too: later pictures refer to them. The decoder itself
    does not show them.
    """
    import av

    for done, packet in enumerate([*index.packets, None]):
        deadline.check(done, len(index.packets))
        try:
            yield from context.decode(packet)
        except av.error.FFmpegError:
            continue


def place_pictures(
    frames: Iterable[VideoFrame], index: PacketIndex, wanted: Sequence[int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Find wanted pictures among all that are shown.

    By time where times tell the order: a picture that is lost is replaced by the next, as the reference
    reader does, and does not shift those after it. By counting otherwise.

    Yields:
        Display index and picture; fewer than wanted if the pictures end before.
    """
    places = sorted(set(wanted))
    order = index.order
    # Keys rise with each picture shown: its time, or its number.
    due = places if order is None else [index.packets[order[place]].pts or 0 for place in places]
    at = 0
    for count, frame in enumerate(frames):
        key = count if order is None or frame.pts is None else frame.pts
        while at < len(places) and due[at] <= key:
            yield places[at], frame
            at += 1
        if at == len(places):
            return


def _extent(packets: list[Packet[Any]]) -> tuple[int | None, int | None]:
    """First time and end of the last picture, ticks."""
    timed = [(packet.dts if packet.pts is None else packet.pts, packet.duration or 0) for packet in packets]
    known = [(at, length) for at, length in timed if at is not None]
    if not known:
        return None, None
    return min(at for at, _ in known), max(at + length for at, length in known)


def _seconds(ticks: int, time_base: Fraction) -> float:
    return float(ticks) * time_base.numerator / time_base.denominator


def _coded_pictures(stream: VideoStream, packets: list[Packet[Any]]) -> list[CodedPicture] | None:
    """Read what packets hold; None where none may be left out."""
    context = stream.codec_context
    if any(packet.is_corrupt for packet in packets):
        return None
    if context.codec.intra_only:
        return [CodedPicture(entry=Entry.CLOSED)] * len(packets)
    return read_pictures(context.codec.canonical_name, context.extradata or b"", packets)
