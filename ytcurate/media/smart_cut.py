"""Segments of H.264 and HEVC sources → clips exact to the picture, most packets copied.

Each part of a clip brings its own parameter sets, so a clip of copied and encoded pictures is one stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ytcurate.config import Encoding
from ytcurate.errors import UnreadableVideo
from ytcurate.media.annexb import as_broken_link, parameter_sets
from ytcurate.media.clip_writer import CodedPicture, ExactClip, write_clip
from ytcurate.media.edge_encoder import EDGE_ENCODERS, can_encode_edges, encode_edge
from ytcurate.media.packet_index import Key, SourceIndex
from ytcurate.media.probe import VideoLike
from ytcurate.media.smart_plan import SmartPlan, plan_smart
from ytcurate.media.source_reader import PacketReader, PictureReader


def can_cut_smart(index: SourceIndex) -> bool:
    """Whether parts of a source can be copied: its codec is known here, and a time tells a packet."""
    return index.codec in EDGE_ENCODERS and index.has_exact_times and can_encode_edges(index)


def smart_clips(
    video: VideoLike, index: SourceIndex, spans: Iterable[range], encoding: Encoding
) -> Iterator[ExactClip | None]:
    """Cut segments, copying what can be copied. One segment is held in memory at a time.

    Args:
        video: the source.
        index: of it; ``can_cut_smart`` says yes.
        spans: pictures of each segment, places in display order; none is empty.
        encoding: how the edges are encoded.

    Yields:
        For each span a clip; None if all its pictures are lost to damage.

    Raises:
        UnreadableVideo: reading breaks off.
    """
    with PacketReader(video, index) as packets, PictureReader(video, index) as pictures:
        cutter = _Cutter(index, packets, pictures, encoding)
        for span in spans:
            yield cutter.cut(span)


class _Cutter:
    def __init__(
        self, index: SourceIndex, packets: PacketReader, pictures: PictureReader, encoding: Encoding
    ) -> None:
        self._index = index
        self._packets = packets
        self._pictures = pictures
        self._encoding = encoding

    def cut(self, span: range) -> ExactClip | None:
        plan = plan_smart(self._index, span)
        if not plan.head and not plan.tail:
            return self._write(self._copy_unchanged(plan), span, None)
        head, tail = self._encode(plan.head), self._encode(plan.tail)
        copied = self._copy(plan, is_first=not head)
        parts = [*head, *copied, *tail]
        if not parts:
            return None
        sets = dict.fromkeys(
            parameter_sets(self._index.codec, part[0].data) for part in (copied, head, tail) if part
        )
        # Those of HEVC have one number all, and a player takes them from the packets.
        extradata = b"".join(sets) if self._index.codec == "h264" else next(iter(sets))
        return self._write(parts, span, extradata)

    def _write(self, pictures: Sequence[CodedPicture], span: range, extradata: bytes | None) -> ExactClip:
        return write_clip(
            pictures,
            self._packets.stream,
            time_base=self._index.time_base,
            end_pts=self._index.end_pts(span.stop - 1),
            extradata=extradata,
        )

    def _encode(self, places: range) -> list[CodedPicture]:
        if not places:
            return []
        return encode_edge(self._pictures.read(places), self._packets.stream, self._index, self._encoding)

    def _copy_unchanged(self, plan: SmartPlan) -> list[CodedPicture]:
        return [
            CodedPicture(bytes(packet), int(self._index.pts[number]), packet.is_keyframe)
            for number, packet in self._packets.read(plan.copied)
            if self._index.ranks[number] >= plan.head.stop
        ]

    def _copy(self, plan: SmartPlan, *, is_first: bool) -> list[CodedPicture]:
        """Copy packets with start codes, the first one with its parameter sets."""
        import av
        from av.bitstream import BitStreamFilterContext

        stream, codec = self._packets.stream, self._index.codec
        copied: list[CodedPicture] = []
        try:
            # Puts parameter sets before keyframes, too. It leaves packets as they are that have start codes.
            start_codes = BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
            for number, packet in self._packets.read(plan.copied):
                if self._index.ranks[number] < plan.head.stop:
                    continue
                is_keyframe = packet.is_keyframe
                data = b"".join(bytes(changed) for changed in start_codes.filter(packet))
                if not copied:
                    if not parameter_sets(codec, data):
                        data = parameter_sets(codec, stream.codec_context.extradata or b"") + data
                    if self._index.keys[number] == Key.OPEN and not is_first:
                        data = as_broken_link(data)
                copied.append(CodedPicture(data, int(self._index.pts[number]), is_keyframe))
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"{codec} packets are not well-formed ({error.strerror})") from error
        return copied
