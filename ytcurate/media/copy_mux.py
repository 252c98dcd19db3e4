"""Packets of one segment → a clip: a file of its own, its clock starting at 0."""

from __future__ import annotations

import io
import operator
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ytcurate.errors import UnreadableVideo
from ytcurate.media.clip import Clip
from ytcurate.media.keyframes import needs_nothing_before
from ytcurate.media.poster import PosterMaker
from ytcurate.media.probe import describe_stream

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_BUFFER_BYTES = 2**20
_HIDING = ("h264", "hevc")
"""Codecs of which a clip has the undecodable pictures too, as FFmpeg's own segments have: at times below 0,
where an edit list hides them. Of others they are left out, for nothing can refer to them."""
_SAME_BYTES = {"fflags": "+bitexact"}
"""Without it FFmpeg gives each Matroska file a random number of its own."""
_CONTAINERS = (("mp4", "mp4"), ("matroska", "mkv"), ("mov", "mov"), ("asf", "asf"))
"""FFmpeg's names of the muxers, and of the files; tried in this order."""


class HeldPacket(NamedTuple):
    """A packet and its times in the source; writing a packet changes the packet's own."""

    packet: Packet[Any]
    pts: int
    dts: int | None
    duration: int
    """Ticks; at least 1."""
    is_discard: bool
    """An edit list hides its picture; others may refer to it."""


_PTS, _DTS, _DURATION, _IS_DISCARD = (operator.itemgetter(place) for place in (1, 2, 3, 4))
"""Of a ``HeldPacket``; a source has many, and these are quick."""


class ClipWriter:
    """Writes the clips of one source, one after the other."""

    def __init__(self, stream: VideoStream, *, preview: str, is_written_again: bool) -> None:
        """Find out what can hold the stream.

        Args:
            stream: of the opened source.
            is_written_again: whether a packet may be in several clips.
            preview: which clips get a poster: ``every``, ``first`` or ``none``.
        """
        self._stream = stream
        self._preview = preview
        self._is_written_again = is_written_again
        self._poster = PosterMaker(stream) if preview != "none" else None
        self._time_base = Fraction(stream.time_base or 1)
        self._codec = stream.codec_context.codec.canonical_name
        self._format, self._file_type = _container_for(stream)
        self._index = 0

    @property
    def next_index(self) -> int:
        """``segment_index`` of the clip that comes next."""
        return self._index

    def write(
        self, held: Sequence[HeldPacket], *, start_pts: int, extradata: bytes | None = None
    ) -> Clip | None:
        """Write a clip.

        Args:
            held: its packets in file order, beginning with a keyframe where the source has one.
            start_pts: what 0 seconds is.
            extradata: the codec's header, where it is no more the one of the source.

        Returns:
            None if an edit list hides every picture.

        Raises:
            UnreadableVideo: the container cannot hold the codec, or these times.
        """
        undecodable = self._undecodable(held)
        if undecodable and self._codec not in _HIDING:
            held = [one for number, one in enumerate(held) if number not in undecodable]
            undecodable = set()
        shown = held
        if undecodable or any(map(_IS_DISCARD, held)):
            numbers = [
                number for number, one in enumerate(held) if not one.is_discard and number not in undecodable
            ]
            if not numbers:
                return None
            shown = [held[number] for number in numbers]
            held = held[: numbers[-1] + 1]  # what is hidden behind an edit list's end: nothing refers to it
        times = list(map(_PTS, shown))
        first_pts = min(times)
        end_pts = max(map(operator.add, times, map(_DURATION, shown)))
        index = self._index
        poster = None
        if self._poster is not None and (index == 0 or self._preview == "every"):
            poster = self._poster.make(held, first_pts)
        length_s = (end_pts - first_pts) * self._time_base
        clip = Clip(
            segment_index=index,
            video=self._mux(held, first_pts, extradata),
            file_type=self._file_type,
            start_s=(first_pts - start_pts) * self._time_base,
            length_s=length_s,
            info=describe_stream(self._stream, frame_count=len(shown), duration_s=length_s),
            preview=poster,
        )
        self._index += 1
        return clip

    def _undecodable(self, held: Sequence[HeldPacket]) -> set[int]:
        """Numbers of the packets that are shown before the keyframe and need what came before it."""
        first = held[0]
        if min(map(_PTS, held)) >= first.pts or not first.packet.is_keyframe:
            return set()
        extradata = self._stream.codec_context.extradata or b""
        keyframe = bytes(first.packet)
        return {
            number
            for number, one in enumerate(held)
            if one.pts < first.pts
            and not needs_nothing_before(self._codec, extradata, keyframe, bytes(one.packet))
        }

    def _mux(self, held: Sequence[HeldPacket], first_pts: int, extradata: bytes | None) -> bytes:
        import av

        buffer = io.BytesIO()
        index = self._index
        decode_times = _decode_times(held)
        try:
            with av.open(
                buffer,
                mode="w",
                format=self._format,
                buffer_size=_BUFFER_BYTES,
                container_options=_SAME_BYTES,
            ) as output:
                target = _add_stream(output, self._stream)
                if extradata is not None:
                    target.codec_context.extradata = extradata
                for (packet, pts, _, duration, _), dts in zip(held, decode_times, strict=True):
                    packet.stream = target
                    packet.pts = pts - first_pts
                    packet.dts = dts - first_pts
                    packet.duration = duration
                    if self._is_written_again:
                        packet.time_base = self._time_base
                    output.mux_one(packet)
        except (av.error.FFmpegError, ValueError, OverflowError) as error:
            raise UnreadableVideo(
                f"{self._codec} cannot be put into {self._file_type} (segment {index}): {error}. Encode it: "
                "cut encode, or a codec."
            ) from error
        return buffer.getvalue()


def _decode_times(held: Sequence[HeldPacket]) -> list[int]:
    """The packets' dts if they rise and none is above its pts; else the latest that do, made from the pts."""
    display = list(map(_PTS, held))
    times = list(map(_DTS, held))
    if (
        None not in times
        and all(map(operator.lt, times, times[1:]))
        and all(map(operator.le, times, display))
    ):
        return times
    made = sorted(display)
    for number in range(1, len(made)):
        made[number] = max(made[number], made[number - 1] + 1)
    lead = max(0, *map(operator.sub, made, display))
    return [dts - lead for dts in made]


def _container_for(stream: VideoStream) -> tuple[str, str]:
    """FFmpeg's name of the muxer, and the file type: of the first that can hold the stream."""
    import av

    codec = stream.codec_context.codec.canonical_name
    if codec == "rawvideo":  # muxers take it, and what comes out cannot be decoded
        raise UnreadableVideo(
            "pictures that are not coded cannot be copied. Encode them: cut encode, or a codec."
        )
    # Only files of QuickTime's kind have edit lists, and their clips need them, too.
    is_quicktime = "mov" in stream.container.format.name
    for muxer, file_type in [("webm", "webm")] if codec == "vp8" else _CONTAINERS:
        if is_quicktime and muxer not in ("mp4", "mov"):
            continue
        try:
            with av.open(io.BytesIO(), mode="w", format=muxer) as output:
                _add_stream(output, stream)
                output.start_encoding()
        except (av.error.FFmpegError, ValueError):
            continue
        return muxer, file_type
    raise UnreadableVideo(
        f"none of {', '.join(name for _, name in _CONTAINERS)} can hold {codec} packets. Encode them: cut "
        "encode, or a codec."
    )


def _add_stream(output: OutputContainer, source: VideoStream) -> VideoStream:
    # Opaque: what decodes a stream need not be able to write it (AV1 is read by dav1d).
    target = output.add_stream_from_template(source, opaque=True)
    aspect = source.sample_aspect_ratio
    if aspect:  # some containers have it where their packets do not
        target.codec_context.sample_aspect_ratio = aspect
    if source.codec_context.codec_tag == "hvc1":  # the tag of HEVC that QuickTime plays
        target.codec_context.codec_tag = "hvc1"
    return target
