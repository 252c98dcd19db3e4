"""Source video → clips, by copying packets in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.probe import VideoInfo, VideoLike, describe_stream, open_video
from ytcurate.media.segment import KeyframeCutter

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_CONTAINERS = {"vp8": "webm"}
"""Container by codec where MP4, the default, cannot hold the codec."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One segment of a source video as a video of its own; sound is left out."""

    segment_index: int
    """0, 1, 2, ... in the order of time."""
    video: bytes
    """The whole file; its first picture is displayed at 0."""
    file_type: str
    """``mp4``, or the container that can hold the codec."""
    start_s: Fraction
    """When its first picture is displayed in the source, from the source's start."""
    length_s: Fraction
    """From its first picture to the end of its last."""
    info: VideoInfo
    preview: bytes | None = None
    """A JPEG of its first picture, at most 320 px and 100 KB, where it was asked for and could be made."""


def cut_clips(
    video: VideoLike, segmenting: Segmenting | None = None, *, preview: str = "none"
) -> Iterator[Clip]:
    """Cut a whole video into clips at keyframes, without decoding; packets are copied unchanged.

    One segment is held in memory at a time, whatever the length of the source. Yields in the order of
    time. A clip is as long as the keyframes allow: see ``KeyframeCutter`` for where cuts fall.

    Args:
        video: a whole container file, as bytes or as a path.
        segmenting: where to cut, and how.
        preview: which clips get a poster: ``every``, ``first`` (of the source) or ``none``.

    Raises:
        UnreadableVideo: at once if no video stream can be opened; after the clips before it if the file
            breaks off in the middle.
    """
    import av

    cutter = KeyframeCutter((segmenting or Segmenting()).clip_length)
    with open_video(video) as (container, stream):
        origin_s = Fraction(container.start_time or 0, av.time_base)
        time_base = Fraction(stream.time_base or 1)
        held: list[Packet[Any]] = []
        index = 0
        try:
            for packet in container.demux(stream):
                if packet.size == 0:  # the demuxer's last packet, which would flush a decoder
                    continue
                time_s = None if packet.pts is None else packet.pts * time_base - origin_s
                if cutter.starts_segment(time_s=time_s, is_keyframe=packet.is_keyframe):
                    yield _mux(held, stream, index, origin_s)
                    held, index = [], index + 1
                held.append(packet)
        except av.error.FFmpegError as error:
            raise UnreadableVideo(f"reading breaks off in segment {index}: {error.strerror}") from error
        if held:
            yield _mux(held, stream, index, origin_s)
        elif index == 0:
            raise UnreadableVideo(f"the video stream of this {container.format.name} has no packets")


def clip_id(source_digest: bytes, start_s: Fraction, length_s: Fraction, way: str = "copy") -> str:
    """Name a clip so that the same cut of the same bytes always has the same name.

    Args:
        source_digest: of the source's bytes.
        start_s: when the clip begins in the source.
        length_s: of the clip.
        way: how it was made; see ``Segmenting.way``.

    Returns:
        32 hexadecimal digits: a hash of the source's bytes, the times, and the way of cutting.
    """
    text = f"{source_digest.hex()} {start_s} {length_s} {way}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _mux(packets: list[Packet[Any]], stream: VideoStream, index: int, origin_s: Fraction) -> Clip:
    """Write the packets of one segment into a file of their own, its clock starting at 0."""
    import av

    time_base = Fraction(stream.time_base or 1)
    shown = [(packet.pts, packet) for packet in packets if packet.pts is not None]
    if not shown:
        raise UnreadableVideo(f"no packet of segment {index} has a presentation time")
    # Leading pictures of an open GOP refer to the segment before; those are never displayed here.
    first_pts = next((pts for pts, packet in shown if packet.is_keyframe), shown[0][0])
    end_pts = max(pts + (packet.duration or 0) for pts, packet in shown)
    frame_count = len(packets) - sum(pts < first_pts for pts, _ in shown)
    file_type = _CONTAINERS.get(stream.codec_context.codec.canonical_name, "mp4")
    buffer = io.BytesIO()
    try:
        with av.open(buffer, mode="w", format=file_type) as output:
            # Opaque: what decodes a stream need not be able to write it (AV1 is read by dav1d).
            target = output.add_stream_from_template(stream, opaque=True)
            for packet in packets:
                packet.stream = target
                packet.pts = None if packet.pts is None else packet.pts - first_pts
                packet.dts = None if packet.dts is None else packet.dts - first_pts
                packet.time_base = time_base
                output.mux(packet)
    except (av.error.FFmpegError, ValueError) as error:
        codec = stream.codec_context.codec.canonical_name
        raise UnreadableVideo(f"{codec} cannot be put into {file_type} (segment {index}): {error}") from error
    length_s = (end_pts - first_pts) * time_base
    return Clip(
        segment_index=index,
        video=buffer.getvalue(),
        file_type=file_type,
        start_s=first_pts * time_base - origin_s,
        length_s=length_s,
        info=describe_stream(stream, frame_count=frame_count, duration_s=length_s),
    )
