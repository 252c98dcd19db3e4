"""A few decoded pictures → packets that can stand beside packets copied from the same source."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from ytcurate.config import Encoding
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.clip_writer import CodedPicture
from ytcurate.media.encoder_table import ENCODERS
from ytcurate.media.packet_index import SourceIndex
from ytcurate.media.progress import report_progress

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

EDGE_ENCODERS = {"h264": "libx264", "hevc": "libx265"}
"""Encoder by codec. In software always: the parts of a clip must be alike on every machine."""

_PARAMETER_SET_ID = 31
"""Number of the encoder's own parameter sets of H.264. Sources number theirs from 0, so both kinds can stand
in the header of one file."""

_PROFILES = {
    "Baseline": "baseline",
    "Constrained Baseline": "baseline",
    "Main": "main",
    "High": "high",
    "High 10": "high10",
    "High 4:2:2": "high422",
}
"""x264's name by FFmpeg's. A decoder that plays the source plays the edges. Others: what x264 chooses."""


def can_encode_edges(index: SourceIndex) -> bool:
    """Whether edges can have the pixel format of the source."""
    import av

    name = EDGE_ENCODERS[index.codec]
    if name not in av.codecs_available:
        return False
    formats = av.Codec(name, "w").video_formats or []
    return index.pix_fmt in {video_format.name for video_format in formats}


def try_edges(encoding: Encoding) -> None:
    """Make sure that the edges of H.264 sources can be encoded here.

    Raises:
        UsageError: PyAV has no such encoder, or it does not know the preset.
    """
    import av

    name = EDGE_ENCODERS["h264"]
    if name not in av.codecs_available:
        raise UsageError(
            f"Smart cutting needs {name} in PyAV's FFmpeg, which has none. Install av from PyPI, or cut "
            "with encode."
        )
    context = _new_context(name, 64, 64, "yuv420p")
    context.time_base = Fraction(1, 25)
    context.options = _options(name, encoding)
    try:
        context.open()
    except av.error.FFmpegError as error:
        raise UsageError(f"{name} does not take preset {encoding.preset!r} ({error.strerror}).") from error


def encode_edge(
    frames: Iterable[VideoFrame], stream: VideoStream, index: SourceIndex, encoding: Encoding
) -> list[CodedPicture]:
    """Encode pictures to packets of the source's codec with start codes; the first is a closed keyframe.

    Pixel format, colours, shape of pixels and fields are the source's. There are no B-frames, so decoding
    order is display order.

    Args:
        frames: in display order.
        stream: of the source.
        index: of the source.
        encoding: quality; also the preset, unless that is of another encoder.

    Returns:
        As many packets as there are pictures.

    Raises:
        UnreadableVideo: the encoder does not take these pictures.
    """
    import av
    from av.video.frame import PictureType

    context: VideoCodecContext | None = None
    coded: list[CodedPicture] = []
    try:
        for frame in frames:
            if context is None:
                context = _open_encoder(frame, stream, index, encoding)
            if (frame.width, frame.height, frame.format.name) != (
                context.width,
                context.height,
                context.pix_fmt,
            ):
                pts = frame.pts
                frame = frame.reformat(context.width, context.height, context.pix_fmt)
                frame.pts = pts
            # Else the encoder would make the same types of pictures as the source has.
            frame.pict_type = PictureType.NONE
            frame.time_base = index.time_base
            coded += (_cut_loose(packet) for packet in context.encode(frame))
            report_progress()
        if context is not None:
            coded += (_cut_loose(packet) for packet in context.encode(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableVideo(f"pictures cannot be encoded to {index.codec}: {error}") from error
    return coded


def _cut_loose(packet: Packet[Any]) -> CodedPicture:
    return CodedPicture(bytes(packet), packet.pts or 0, packet.is_keyframe)


def _open_encoder(
    frame: VideoFrame, stream: VideoStream, index: SourceIndex, encoding: Encoding
) -> VideoCodecContext:
    name = EDGE_ENCODERS[index.codec]
    source = stream.codec_context
    context = _new_context(name, frame.width, frame.height, frame.format.name)
    context.time_base = index.time_base
    context.framerate = stream.average_rate or stream.guessed_rate or Fraction(25)
    context.gop_size, context.max_b_frames = 250, 0
    if source.sample_aspect_ratio:
        context.sample_aspect_ratio = source.sample_aspect_ratio
    context.color_range = source.color_range
    context.color_primaries, context.color_trc = source.color_primaries, source.color_trc
    context.colorspace = source.colorspace
    options = _options(name, encoding)
    if name == "libx264":
        options["x264-params"] = f"sps-id={_PARAMETER_SET_ID}"
        if (profile := _PROFILES.get(source.profile or "")) is not None:
            options["profile"] = profile
        if index.is_interlaced:
            context.field_order = source.field_order
            options["flags"] = "+ildct+ilme"
    context.options = options
    return context


def _new_context(name: str, width: int, height: int, pix_fmt: str) -> VideoCodecContext:
    from av.codec import CodecContext

    context = cast("VideoCodecContext", CodecContext.create(name, "w"))
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    return context


def _options(name: str, encoding: Encoding) -> dict[str, str]:
    options = ENCODERS[name].options(encoding.quality)
    if encoding.preset is not None and encoding.encoder in (None, name):
        options["preset"] = encoding.preset
    return options
