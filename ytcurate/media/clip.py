"""Clip: what every way of cutting gives, and how it is named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction

from ytcurate.media.probe import VideoInfo


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
