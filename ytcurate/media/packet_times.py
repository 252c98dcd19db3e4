"""The packets of a video stream with a time on each: what containers leave out or get wrong is put right.

FFmpeg's demuxers give every packet as the container has it. Some things are not so that clips can be cut:

- A transport stream may jump: recordings put one behind the other, a counter that starts over. The clock goes
  on without a gap, as in the ffmpeg program.
- AVI and bare streams have no presentation times. For H.264 and HEVC they are read from the slices' picture
  order, since the order of decoding is another; of the other codecs FFmpeg knows the order itself.
- Single packets without a time get that of decoding, or follow the one before.
- In damaged files of other containers times run backwards, or are off by days: the clock goes on there, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from ytcurate.errors import UnreadableVideo
from ytcurate.media.matroska_size import missing_bytes
from ytcurate.media.probe import read_packets

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_JUMP_S = 10
"""A step of more is a jump; ``dts_delta_threshold`` of the ffmpeg program."""
_BACK_S = Fraction(1, 10)
"""So is a step back of more than this; from ``ts_discontinuity_detect`` of the ffmpeg program."""
_WILD_S = 30 * 3600
"""Where a container's clock may not jump, a step of more is an error; ``dts_error_threshold``, likewise."""
_MAY_JUMP = 0x0200
"""``AVFMT_TS_DISCONT`` of a container's flags."""
_WITHOUT_PTS = ("avi", "h264", "hevc")
"""Containers, by FFmpeg's names, that hold no presentation times."""
_LOOK_AHEAD = 128
"""Packets after which ``dts2pts`` has given back every packet; it holds 63 at most."""


def start_of(container: InputContainer, stream: VideoStream) -> int | None:
    """Give the source's start in pts of the stream: what "0 seconds" is.

    It is the earliest time of all streams, so a picture may come later than that where sound comes first.

    Returns:
        None where the container has no clock of its own; the first keyframe is the start then.
    """
    if container.start_time is None or _is_without_pts(container, stream):
        return None
    ticks_s = Fraction(stream.time_base or 1)
    start_pts = round(Fraction(container.start_time, 1_000_000) / ticks_s)
    own = stream.start_time
    # The container's start is rounded to microseconds; where it is this stream's, the exact one is known.
    if own is not None and abs(own - start_pts) * ticks_s <= Fraction(1, 1_000_000):
        return own
    return start_pts


def picture_ticks(stream: VideoStream) -> int:
    """How long one picture is shown, in ticks, as far as the header tells; at least 1."""
    rate = stream.guessed_rate or stream.average_rate
    return max(1, round(1 / (rate * Fraction(stream.time_base or 1)))) if rate else 1


def timed_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
    """Read the packets of a stream in file order, each with a pts.

    Raises:
        UnreadableVideo: the pictures are encrypted; or, after the last whole packet, the file ends inside a
            packet, or before the last one that its index names.
        av.error.FFmpegError: reading breaks off.
    """
    packets: Iterable[Packet[Any]] = read_packets(container, stream)
    if _is_without_pts(container, stream):
        packets = _with_picture_order(packets, stream)
    elif container.format.name == "avi" and stream.codec_context.codec.canonical_name == "mpeg4":
        packets = _unpacked(packets, stream)
    ticks = picture_ticks(stream)
    may_jump = bool(container.format.flags & _MAY_JUMP)
    # QuickTime's times of decoding step back where an edit list goes on elsewhere, and nowhere else.
    if may_jump or "mov" not in container.format.name:
        packets = _without_jumps(packets, Fraction(stream.time_base or 1), ticks, may_jump=may_jump)
    last_pts = -ticks
    doubtful: Packet[Any] | None = None
    for packet in packets:
        pts = packet.pts
        # The demuxer's last packet, which would flush a decoder, or AVI's "the same picture again".
        if not packet.size:
            continue
        if pts is None:
            packet.pts = pts = last_pts + ticks if packet.dts is None else packet.dts
        if packet.is_keyframe and packet.has_sidedata("encryption_info"):
            raise UnreadableVideo("the pictures of this video are encrypted; decrypt it first")
        last_pts = pts
        if doubtful is not None:
            yield doubtful
            doubtful = None
        if packet.is_corrupt:
            doubtful = packet
        else:
            yield packet
    # In a transport stream this stands for what was lost on the way, which may be anywhere.
    if doubtful is not None and container.format.name == "mpegts":
        yield doubtful
        doubtful = None
    _require_whole(container, stream)
    if doubtful is not None:
        raise UnreadableVideo("the file is cut off: it ends inside a picture")


def _require_whole(container: InputContainer, stream: VideoStream) -> None:
    # FFmpeg takes packets that lie behind the end of a file for the end of the video.
    missing = missing_bytes(container)
    if missing:
        raise UnreadableVideo(f"the file is cut off: {missing} bytes are missing at its end")
    if not len(stream.index_entries):
        return
    last, size = stream.index_entries[-1], container.size
    if last.pos + last.size > size > 0:
        raise UnreadableVideo(
            f"the file is cut off: its index goes to byte {last.pos + last.size}, it has {size} bytes"
        )


def _is_without_pts(container: InputContainer, stream: VideoStream) -> bool:
    codec = stream.codec_context.codec.canonical_name
    return container.format.name in _WITHOUT_PTS and codec in ("h264", "hevc")


def _without_jumps(
    packets: Iterable[Packet[Any]], ticks_s: Fraction, ticks: int, *, may_jump: bool
) -> Iterator[Packet[Any]]:
    jump = int((_JUMP_S if may_jump else _WILD_S) / ticks_s)
    # Elsewhere any step back is an error, but for rounding.
    back = int(_BACK_S / ticks_s) if may_jump else ticks // 2
    offset, last, due = 0, None, None
    for packet in packets:
        if not packet.size:
            continue
        # Presentation times may step back, but who lets its clock jump gives those of decoding, too.
        dts = packet.pts if packet.dts is None and may_jump else packet.dts
        if dts is not None:
            if due is not None and last is not None:
                step = dts + offset - due
                # Where no jump is to be expected, a duration that is too long makes none.
                if step > jump or dts + offset < (due if may_jump else last) - back:
                    offset -= step
            last = dts + offset
            due = last + (packet.duration or ticks)
        if offset:
            packet.dts = None if packet.dts is None else packet.dts + offset
            packet.pts = None if packet.pts is None else packet.pts + offset
        yield packet


def _with_picture_order(packets: Iterable[Packet[Any]], stream: VideoStream) -> Iterator[Packet[Any]]:
    """Give H.264 or HEVC packets the pts that their slices tell."""
    from av.bitstream import BitStreamFilterContext

    order = BitStreamFilterContext("dts2pts", in_stream=stream)
    ticks = picture_ticks(stream)
    head: list[tuple[bytes, bool]] = []
    read = given = 0
    next_dts = 0
    for packet in packets:
        if not packet.size:
            continue
        if len(head) < _LOOK_AHEAD:
            head.append((bytes(packet), packet.is_keyframe))
        if packet.dts is None:
            packet.dts = next_dts
        packet.duration = max(ticks, packet.duration or 0)  # AVI counts fields, and gives a picture one
        next_dts = packet.dts + packet.duration
        packet.pts = None
        read += 1
        for timed in _filtered(order.filter(packet), stream):
            given += 1
            yield timed
    # Flushing the filter gives wrong times for the last pictures; pictures that come after give right ones.
    for timed in _filtered(_repeated(head, order, next_dts, ticks), stream):
        if given == read:
            return
        given += 1
        yield timed


def _repeated(head: Sequence[tuple[bytes, bool]], order: Any, dts: int, ticks: int) -> Iterator[Packet[Any]]:
    from av.packet import Packet

    for number, (data, is_keyframe) in enumerate(islice(cycle(head), _LOOK_AHEAD)):
        packet: Packet[Any] = Packet(data)
        packet.dts, packet.duration, packet.is_keyframe = dts + number * ticks, ticks, is_keyframe
        yield from order.filter(packet)


def _unpacked(packets: Iterable[Packet[Any]], stream: VideoStream) -> Iterator[Packet[Any]]:
    """Undo the packing of two pictures into one packet, by which DivX put B-frames into AVI."""
    from av.bitstream import BitStreamFilterContext

    unpack = BitStreamFilterContext("mpeg4_unpack_bframes", in_stream=stream)
    for packet in packets:
        if packet.size:
            yield from _filtered(unpack.filter(packet), stream)


def _filtered(packets: Iterable[Packet[Any]], stream: VideoStream) -> Iterator[Packet[Any]]:
    for packet in packets:
        packet.time_base = Fraction(stream.time_base or 1)
        yield packet
