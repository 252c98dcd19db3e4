"""Which encoder pictures are encoded with on this machine: tried, not guessed."""

from __future__ import annotations

from functools import lru_cache

from ytcurate.config import CODECS, Encoding, Segmenting
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.edge_encoder import EDGE_ENCODERS, try_edges
from ytcurate.media.encode_cut import encode_clips
from ytcurate.media.encoder_table import ENCODERS, Encoder
from ytcurate.media.ffmpeg_program import ffmpeg_program
from ytcurate.media.packet_index import index_source
from ytcurate.media.probe import probe

_TRIAL_SIZE = (320, 240)
"""Width and height. Encoders in hardware take no picture that is much smaller."""
_TRIAL_PICTURES = 12


def require_encoder(segmenting: Segmenting) -> None:
    """Make sure that clips can be encoded here as they are to be; encodes a few small pictures for that.

    ``smart`` needs no more than PyAV for sources of H.264 and HEVC. It needs the FFmpeg program for others,
    and that is seen when such a source comes.

    Raises:
        UsageError: they cannot; says what to install or to change.
    """
    encoding = segmenting.encoding
    if encoding.encoder is not None:
        _check_name(encoding.encoder, segmenting.codec)
    if segmenting.cutting == "copy" and segmenting.codec is None:
        return
    if segmenting.cutting == "smart":
        try_edges(encoding)
    if segmenting.cutting == "encode" or segmenting.codec is not None:
        choose_encoder(segmenting, segmenting.codec or "h264")


def chosen_encoder(segmenting: Segmenting, source_codec: str = "h264") -> str | None:
    """Name the encoder with which pictures of a source are encoded here.

    Args:
        segmenting: how it is cut.
        source_codec: FFmpeg's name.

    Returns:
        FFmpeg's name, as ``libx264``; None if packets are copied only.

    Raises:
        UsageError: none works here.
    """
    if cuts_smart(segmenting, source_codec):
        return EDGE_ENCODERS[source_codec]
    if segmenting.cutting == "copy" and segmenting.codec in (None, source_codec):
        return None
    return choose_encoder(segmenting, source_codec).name


def cuts_smart(segmenting: Segmenting, source_codec: str) -> bool:
    """Whether packets of a source of this codec are to be copied between encoded edges."""
    keeps = segmenting.codec in (None, source_codec)
    return segmenting.cutting == "smart" and source_codec in EDGE_ENCODERS and keeps


def choose_encoder(segmenting: Segmenting, source_codec: str) -> Encoder:
    """Choose what encodes a source: the encoder that was asked for, else the first that works here.

    Raises:
        UsageError: none works, with the reason of each.
    """
    encoding = segmenting.encoding
    if encoding.encoder is not None:
        names = [_check_name(encoding.encoder, segmenting.codec).name]
    else:
        codec = segmenting.codec or (source_codec if source_codec in CODECS else "h264")
        names = [encoder.name for encoder in ENCODERS.values() if encoder.codec == codec]
    program = ffmpeg_program()
    reasons = []
    for name in names:
        reason = _try_encoder(program, name, encoding.quality, encoding.preset)
        if reason is None:
            return ENCODERS[name]
        reasons.append(f"{name}: {reason}")
    raise UsageError(
        f"No encoder works with {program} on this machine. " + "; ".join(reasons) + ". "
        "Install an FFmpeg with libx264 and libx265, or name another encoder or preset."
    )


def _check_name(name: str, codec: str | None) -> Encoder:
    encoder = ENCODERS.get(name)
    if encoder is None:
        raise UsageError(f"encoder {name!r}: there are {', '.join(ENCODERS)}.")
    if codec not in (None, encoder.codec):
        raise UsageError(f"encoder {name} makes {encoder.codec}, and the codec asked for is {codec}.")
    return encoder


@lru_cache
def _try_encoder(program: str, name: str, quality: int, preset: str | None) -> str | None:
    """Cut a tiny video in two with an encoder; the reason if that does not give what it should."""
    video = _trial_video()
    half = _TRIAL_PICTURES // 2
    spans = [range(half), range(half, _TRIAL_PICTURES)]
    encoding = Encoding(encoder=name, quality=quality, preset=preset)
    try:
        clips = list(encode_clips(video, index_source(video), spans, ENCODERS[name], encoding))
        counts = [0 if clip is None else probe(clip.video).frame_count for clip in clips]
    except UnreadableVideo as error:
        return str(error)
    return None if counts == [half, half] else f"{counts} pictures came back instead of {[half, half]}"


def _trial_video() -> bytes:
    """Gray pictures that grow brighter, in the YUV4MPEG2 format."""
    width, height = _TRIAL_SIZE
    chroma = bytes([128]) * (width * height // 2)
    pictures = (bytes([20 + number]) * (width * height) + chroma for number in range(_TRIAL_PICTURES))
    header = f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n".encode()
    return header + b"".join(b"FRAME\n" + picture for picture in pictures)
