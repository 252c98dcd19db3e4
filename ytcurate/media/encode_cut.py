"""Segments of any source → clips exact to the picture, all encoded in one pass of the FFmpeg program.

FFmpeg reads the source, and its output is cut as it comes: nothing is written to disk, and no more is held
than the packets of the segments that are not finished. A keyframe is forced at every border. The borders are
given as chapters of an input of their own: a list of hours of them is longer than one argument of a program
may be (128 KiB on Linux), and scenes follow no formula.

Pictures come out upright: a rotation that the source's header asks for is carried out. Fields stay fields
with libx264; other encoders get both fields as one picture. Sides that the pixel format does not allow, odd
ones with 4:2:0, get a black line of one pixel at the right or at the bottom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from ytcurate.config import ClipLimits, Encoding
from ytcurate.errors import UnreadableVideo
from ytcurate.media.clip_writer import CodedPicture, ExactClip, write_clip
from ytcurate.media.encoder_table import Encoder
from ytcurate.media.ffmpeg_program import FFmpegRun, sync_option
from ytcurate.media.packet_index import SourceIndex
from ytcurate.media.probe import VideoLike
from ytcurate.media.progress import report_progress

_OFFSET_S = 10_000
"""Added to the times of FFmpeg's output, which are to be above 0 in decoding order too."""
_TEN_BITS = "yuv420p10le"
_FULL_COLOUR = {
    name.format(halved): name.format(444)
    for name in ("yuv{}p", "yuvj{}p", "yuv{}p10le", "yuv{}p12le")
    for halved in (420, 422)
} | {"nv12": "yuv444p"}
"""Pixel formats that want even sides, and those of the same depth and range that do not."""
_TAGS = {"hevc": "hvc1"}
"""Apple's players take HEVC under this name only."""


def encode_clips(
    video: VideoLike, index: SourceIndex, spans: Sequence[range], encoder: Encoder, encoding: Encoding
) -> Iterator[ExactClip | None]:
    """Encode segments; one decode and one encode of the source, up to the end of the last segment.

    Parts between segments, where clips do not follow one another closely, are encoded too and thrown away.

    Args:
        video: the source.
        index: of it.
        spans: pictures of each segment, places in display order, by their starts; they may overlap.
        encoder: that works here.
        encoding: quality and preset.

    Yields:
        For each span a clip; None if all its pictures are lost to damage.

    Raises:
        UnreadableVideo: after the clips before it, where FFmpeg gives up; says what FFmpeg said last.
    """
    if not spans:
        return
    borders = sorted({border for span in spans for border in (span.start, span.stop)})
    # A picture more or less at the end of the source belongs to the last segment, and to no other.
    last = len(borders) - (borders[-1] == len(index.times))
    parts = {border: number for number, border in enumerate(borders)}
    held: dict[int, list[CodedPicture]] = defaultdict(list)
    pending = list(reversed(spans))
    before = {
        "format_whitelist": index.container,
        "max_pixels": str(ClipLimits.max_source_pixels),
        **dict(encoder.input_options),
    }
    options = _options(index, encoder, encoding)
    zero_pts = index.origin_pts if index.has_clock else _zero_pts(video, index, before, options)
    limits = [_limit(index, border) - 2 * zero_pts for border in borders[:last]]
    with FFmpegRun(video, _chapters(limits, index.time_base), before, options) as run:
        for part, picture in _read_parts(run, limits, index.time_base, zero_pts):
            while pending and parts[pending[-1].stop] <= part:
                yield _join(run, index, pending.pop(), parts, held)
                for number in [n for n in held if not pending or n < parts[pending[-1].start]]:
                    del held[number]
            if not pending:
                return
            if part >= parts[pending[-1].start]:
                held[part].append(picture)
        if not held and len(pending) == len(spans):
            raise UnreadableVideo(f"no picture can be decoded: {run.complaint()}")
        while pending:
            yield _join(run, index, pending.pop(), parts, held)


def _options(index: SourceIndex, encoder: Encoder, encoding: Encoding) -> dict[str, Any]:
    """FFmpeg's options for the output."""
    pixel_format = _pixel_format(index, encoder)
    filters = list(encoder.filters)
    full = _FULL_COLOUR.get(pixel_format)
    if full is not None and (index.width % 2 or index.height % 2):
        # With halved colours the filter would take the last real line for its own.
        filters = [f"format={full}", "pad=ceil(iw/2)*2:ceil(ih/2)*2", *filters]
    options: dict[str, Any] = {
        "map": f"1:{index.stream_index}",
        "map_chapters": 0,
        "map_metadata": -1,
        "force_key_frames": "chapters",
        "enc_time_base": f"{index.time_base.numerator}/{index.time_base.denominator}",
        sync_option(): "passthrough",
        "output_ts_offset": _OFFSET_S,
        "c:v": encoder.name,
        **encoder.options(encoding.quality),
    }
    if not encoder.filters:
        options["pix_fmt"] = pixel_format
    if filters:
        options["vf"] = ",".join(filters)
    if encoding.preset is not None:
        options["preset"] = encoding.preset
    if index.is_interlaced and encoder.name == "libx264":
        options["flags"] = "+ilme+ildct"
    return options


def _pixel_format(index: SourceIndex, encoder: Encoder) -> str:
    from av import VideoFormat

    if index.pix_fmt in encoder.pixel_formats:
        return index.pix_fmt
    bits = (component.bits for component in VideoFormat(index.pix_fmt or "yuv420p").components)
    is_deep = max(bits) > 8 and _TEN_BITS in encoder.pixel_formats
    return _TEN_BITS if is_deep else encoder.pixel_formats[0]


def _limit(index: SourceIndex, border: int) -> int:
    """A time between a border's picture and the one before, so that no rounding moves it; half ticks."""
    if border == 0:
        return 2 * int(index.times[0]) - 1
    return int(index.times[border - 1]) + int(index.times[border])


def _chapters(limits: Sequence[int], time_base: Fraction) -> bytes:
    """A file of FFmpeg's metadata format with a chapter at each limit."""
    half = time_base / 2
    return b";FFMETADATA1\n" + b"".join(
        b"[CHAPTER]\nTIMEBASE=%d/%d\nSTART=%d\nEND=%d\n" % (half.numerator, half.denominator, limit, limit)
        for limit in limits
    )


def _zero_pts(
    video: VideoLike, index: SourceIndex, before: Mapping[str, str], options: Mapping[str, Any]
) -> int:
    """Find out which time FFmpeg takes for 0, where the container has no times and it makes its own."""
    with FFmpegRun(video, _chapters([], index.time_base), before, {**options, "frames:v": 1}) as run:
        for _, picture in _read_parts(run, [], index.time_base, 0):
            return int(index.times[0]) - picture.pts
        raise UnreadableVideo(f"no picture can be decoded: {run.complaint()}")


def _read_parts(
    run: FFmpegRun, limits: Sequence[int], time_base: Fraction, zero_pts: int
) -> Iterator[tuple[int, CodedPicture]]:
    """Packets in decoding order, each with the number of the last limit before it; -1 before the first."""
    part = -1
    for packet in run.packets():
        report_progress()
        if packet.pts is None:
            raise UnreadableVideo("the encoder gives a picture without a time")
        at = round((packet.pts * Fraction(run.stream.time_base or 1) - _OFFSET_S) / time_base)
        if part + 1 < len(limits) and 2 * at >= limits[part + 1]:
            if not packet.is_keyframe:
                raise UnreadableVideo(f"the encoder made no keyframe at {float(at * time_base)} s")
            while part + 1 < len(limits) and 2 * at >= limits[part + 1]:
                part += 1
        yield part, CodedPicture(bytes(packet), at + zero_pts, packet.is_keyframe)


def _join(
    run: FFmpegRun,
    index: SourceIndex,
    span: range,
    parts: Mapping[int, int],
    held: Mapping[int, list[CodedPicture]],
) -> ExactClip | None:
    pictures = [
        picture for number in range(parts[span.start], parts[span.stop]) for picture in held.get(number, [])
    ]
    if not pictures:
        return None
    return write_clip(
        pictures,
        run.stream,
        time_base=index.time_base,
        end_pts=index.end_pts(span.stop - 1),
        tag=_TAGS.get(run.stream.codec_context.codec.canonical_name),
    )
