"""Source video → clips of copied packets, cut at keyframes. Nothing is decoded but posters.

Which keyframes: see ``KeyframePlan``. A picture that is shown before the keyframe at which its clip begins, a
leading picture of an open GOP, refers to the clip before, where its packet is not: it is in the file, as in
those of FFmpeg's segment muxer, but hidden, and ``frame_count`` leaves it out. Such a source loses these few
pictures at each cut; the cuts smart and encode lose none.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ytcurate.config import GIB, Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.clip import Clip
from ytcurate.media.copy_mux import ClipWriter, HeldPacket
from ytcurate.media.keyframes import shows_itself
from ytcurate.media.packet_times import picture_ticks, start_of, timed_packets
from ytcurate.media.probe import VideoLike, open_video
from ytcurate.media.segment import KeyframePlan, Segment, wanted_intervals

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

MAX_CLIP_BYTES = GIB
"""Of the packets held for one clip; no table takes a row as heavy."""
_PACKET_BYTES = 512
"""What a packet weighs in memory beside its data."""
_EMPTY_HEADERS = {"h264": b"\0\0\0\x08avcC", "hevc": b"\0\0\0\x08hvcC"}
"""What stands in an MP4 instead of a codec's header that could not be understood."""
_SAME_S = Fraction(2, 1_000_000)
"""A border so little behind a keyframe is its own: containers round their start to microseconds."""


class _Piece(NamedTuple):
    """The packets of one clip, before it is written."""

    held: Sequence[HeldPacket]
    begin: int
    """Number of the first packet, counted from the source's first keyframe."""
    end: int
    """Number of the first packet behind it."""
    extradata: bytes | None
    """The codec's header, if it is no more the source's."""


def copy_clips(
    video: VideoLike,
    segmenting: Segmenting,
    segments: Iterable[Segment] | None = None,
    *,
    preview: str = "none",
) -> Iterator[Clip]:
    """Cut a video at keyframes.

    Held in memory are the packets from the beginning of the oldest clip that is not finished and, with
    ``min_seconds``, one finished clip.

    Args:
        video: a whole container file.
        segmenting: where to cut.
        segments: instead of the lengths of ``segmenting``: one after the other without gaps. One without a
            keyframe of its own belongs to the clip before.
        preview: which clips get a poster: ``every``, ``first`` or ``none``.

    Raises:
        UnreadableVideo: as ``cut_clips``.
    """
    import av
    from av.stream import Discard

    with open_video(video) as (container, stream):
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        _require_header(stream)
        reader = _PieceReader(stream, segmenting, segments, start_of(container, stream))
        pieces = reader.pieces(timed_packets(container, stream))
        if segmenting.min_seconds:
            pieces = _joined(pieces, Fraction(str(segmenting.min_seconds)) / Fraction(stream.time_base or 1))
        overlaps = segments is None and segmenting.stride < segmenting.clip_length
        writer = ClipWriter(stream, preview=preview, is_written_again=overlaps)
        try:
            for piece in pieces:
                clip = writer.write(piece.held, start_pts=reader.start_pts, extradata=piece.extradata)
                del piece  # lets go of its packets while those of the next one are read
                if clip is not None:
                    yield clip
        except UnreadableVideo:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableVideo(f"reading breaks off in segment {writer.next_index}: {reason}") from error
        if writer.next_index == 0:
            raise UnreadableVideo(f"the video stream of this {container.format.name} has no packets to show")


def _require_header(stream: VideoStream) -> None:
    """Refuse a stream whose parameter sets are damaged: FFmpeg writes clips without them, and none opens.

    Looked at are those found between the packets, as in transport streams, for FFmpeg rewrites them.
    """
    import av

    codec = stream.codec_context.codec.canonical_name
    if codec not in _EMPTY_HEADERS or (stream.codec_context.extradata or b"")[:1] == b"\1":
        return
    head = io.BytesIO()
    try:
        with av.open(head, mode="w", format="mp4", options={"movflags": "empty_moov"}) as output:
            output.add_stream_from_template(stream, opaque=True)
            output.start_encoding()
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableVideo(f"{codec} of this kind cannot be put into mp4: {error}") from error
    if _EMPTY_HEADERS[codec] in head.getvalue():
        raise UnreadableVideo(
            f"the header of this {codec} stream is damaged, and clips of copied packets could not be opened. "
            "Encode it: cut encode, or a codec."
        )


class _PieceReader:
    """Collects the packets of each clip."""

    def __init__(
        self,
        stream: VideoStream,
        segmenting: Segmenting,
        segments: Iterable[Segment] | None,
        start_pts: int | None,
    ) -> None:
        self.start_pts = start_pts or 0
        """What 0 seconds is; settled when the first piece is given."""
        self._is_start_known = start_pts is not None
        self._stream = stream
        self._time_base = Fraction(stream.time_base or 1)
        self._ticks = picture_ticks(stream)
        self._segmenting = segmenting
        self._segments = segments
        self._held: list[HeldPacket] = []
        self._bytes = 0
        self._dropped = 0  # packets before the first that is held
        self._extradata: bytes | None = None
        self._broken: Exception | None = None  # what reading ended with

    def pieces(self, packets: Iterable[Packet[Any]]) -> Iterator[_Piece]:
        """Give the packets of each clip as soon as it is finished.

        Packets before the first keyframe are left out, since nothing tells their pictures, as the ffmpeg
        program does; but of a source that has no keyframe at all they are the only piece. Where reading
        breaks off, the last piece has what could be read of it.

        Raises:
            UnreadableVideo: one clip has more than ``MAX_CLIP_BYTES``; or, after the last piece, see
                ``timed_packets``.
            av.error.FFmpegError: after the last piece, reading breaks off.
        """
        plan: KeyframePlan | None = None
        is_held = True
        ticks = self._ticks
        for packet in self._readable(packets):
            pts = packet.pts or 0
            if packet.is_keyframe:
                if plan is None:
                    self._drop(len(self._held))
                    self._dropped = 0
                    plan = self._plan(pts)
                number = self._dropped + len(self._held)
                has_header = number > 0 and packet.has_sidedata("new_extradata")
                # A hidden keyframe is where an edit list goes on elsewhere.
                changes = has_header or (number > 0 and packet.is_discard)
                if changes or (pts >= plan.next_pts and (number == 0 or self._can_begin(packet))):
                    ended = (plan.split if changes else plan.take)(number, pts)
                    if ended is not None:
                        yield self._piece(*ended)
                    is_held = plan.first_held is not None
                    self._drop((number if plan.first_held is None else plan.first_held) - self._dropped)
                if has_header:
                    self._extradata = bytes(packet.get_sidedata("new_extradata"))
            if not is_held:
                self._dropped += 1  # what lies between two clips
                continue
            self._held.append(
                HeldPacket(packet, pts, packet.dts, packet.duration or ticks, packet.is_discard)
            )
            self._bytes += packet.size + _PACKET_BYTES
            if self._bytes > MAX_CLIP_BYTES:
                raise self._too_large()
        count = self._dropped + len(self._held)
        if plan is None and self._held:
            plan = self._plan(min(one.pts for one in self._held))
            plan.take(0, 0)
        ended = plan.finish(count) if plan is not None else None
        if ended is not None:
            yield self._piece(*ended)
        if self._broken is not None:
            raise self._broken

    def _readable(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        import av

        try:
            yield from packets
        except (av.error.FFmpegError, UnreadableVideo) as error:
            self._broken = error

    def _can_begin(self, packet: Packet[Any]) -> bool:
        context = self._stream.codec_context
        return shows_itself(context.codec.canonical_name, context.extradata or b"", bytes(packet))

    def _plan(self, first_pts: int) -> KeyframePlan:
        if not self._is_start_known:
            self.start_pts = first_pts
        segmenting = self._segmenting
        wanted: Iterable[tuple[Fraction, Fraction]] = ()
        if self._segments is not None:
            wanted = ((one.start_s - _SAME_S, one.end_s - _SAME_S) for one in self._segments)
        elif segmenting.split != "whole":
            wanted = wanted_intervals(segmenting.clip_length, segmenting.stride)
        return KeyframePlan(
            ((self._pts_at(start_s), self._pts_at(end_s)) for start_s, end_s in wanted),
            merges=self._segments is not None,
        )

    def _pts_at(self, second: Fraction) -> int:
        """The first tick at or after a second of the source."""
        return self.start_pts + math.ceil(second / self._time_base)

    def _too_large(self) -> UnreadableVideo:
        start_s = float((self._held[0].pts - self.start_pts) * self._time_base)
        return UnreadableVideo(
            f"the clip that begins at {start_s:.1f} s is over {MAX_CLIP_BYTES / GIB:g} GiB, more than any "
            "table takes in a row, and no keyframe ends it. Cut shorter clips; if keyframes are too rare for "
            "that, cut with encode."
        )

    def _piece(self, begin: int, end: int) -> _Piece:
        held = self._held
        if begin > self._dropped or end < self._dropped + len(held):
            held = held[begin - self._dropped : end - self._dropped]
        return _Piece(held, begin, end, self._extradata)

    def _drop(self, number: int) -> None:
        """Let go of the first packets."""
        self._dropped += number
        if number == len(self._held):
            self._held, self._bytes = [], 0
        elif number:
            self._bytes -= sum(one.packet.size + _PACKET_BYTES for one in self._held[:number])
            self._held = self._held[number:]


def _joined(pieces: Iterable[_Piece], min_ticks: Fraction) -> Iterator[_Piece]:
    """Join a piece that is too short to the one before if they touch; one piece is held back.

    It is the last one, or stands behind keyframes so rare that the plan catches up with short clips. What
    was finished before reading breaks off is given before the error goes on.
    """
    import av

    before: _Piece | None = None
    source = iter(pieces)
    while True:
        try:
            piece = next(source, None)
        except (av.error.FFmpegError, ValueError):
            if before is not None:
                yield before
            raise
        if piece is None:
            break
        if before is None:
            before = piece
            continue
        touches = piece.begin <= before.end and piece.extradata == before.extradata
        if touches and _ticks_of(piece) < min_ticks:
            rest = piece.held[before.end - piece.begin :]
            before = _Piece([*before.held, *rest], before.begin, piece.end, before.extradata)
        else:
            yield before
            before = piece
    if before is not None:
        yield before


def _ticks_of(piece: _Piece) -> int:
    return max(one.pts + one.duration for one in piece.held) - piece.held[0].pts
