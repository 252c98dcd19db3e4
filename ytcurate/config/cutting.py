"""Settings of cutting: where a source video is cut and how, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from ytcurate.config.checks import require, require_one_of
from ytcurate.config.sizes import GIB

SPLITS = ("fixed", "scenes", "whole")
CUTS = ("copy", "smart", "encode")
DETECTORS = ("adaptive", "content", "hash", "histogram", "threshold")
CODECS = ("h264", "hevc")
"""Codecs that clips can be encoded to."""
PREVIEWS = ("every", "first", "none")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How pictures are encoded again, where that is asked for or needed."""

    encoder: str | None = None
    """FFmpeg's name (``libx264``, ``h264_nvenc``, ...). None: hardware if it works here, else software."""
    quality: int = 18
    """Constant quality on x264's scale, 0 (lossless) to 51; other encoders take their nearest equal."""
    preset: str | None = None
    """Speed of the encoder, by its own name. None: the encoder's default."""

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 51, f"quality must be 0 to 51, it is {self.quality}.")


@dataclass(frozen=True, kw_only=True)
class Segmenting:
    """Where a source video is cut, and how."""

    clip_seconds: float = 10.0
    """Wanted length of a clip. Copied packets begin and end at keyframes, so there it is a wish."""
    split: str = "fixed"
    """``fixed``: clips of ``clip_seconds``; ``scenes``: where the picture changes; ``whole``: not at all."""
    cut: str | None = None
    """``copy``: packets unchanged, at keyframes; ``smart``: exact to the picture, encoding only what lies
    between a border and the next keyframe; ``encode``: exact, all encoded. None: smart for scenes, copy
    otherwise."""
    stride_seconds: float | None = None
    """From the start of a clip to the start of the next, for ``fixed``. Less than ``clip_seconds``: clips
    overlap; more: parts are left out. None: ``clip_seconds``."""
    min_seconds: float = 0.0
    """A shorter last clip, or a shorter scene, is joined to its neighbour. Nothing is left out."""
    max_seconds: float | None = None
    """A longer scene is cut into equal parts; for ``scenes``. None: scenes of any length."""
    detector: str = "adaptive"
    """What finds scenes: PySceneDetect's name."""
    threshold: float | None = None
    """Of the detector. None: its own default."""
    codec: str | None = None
    """Sources of any other codec are encoded to this one. None: every source keeps its codec."""
    encoding: Encoding = field(default_factory=Encoding)

    def __post_init__(self) -> None:
        require(
            self.clip_seconds > 0,
            f"clip_seconds must be above 0, it is {self.clip_seconds}. The default is 10.",
        )
        require_one_of("split", self.split, SPLITS)
        require_one_of("detector", self.detector, DETECTORS)
        if self.cut is not None:
            require_one_of("cut", self.cut, CUTS)
        if self.codec is not None:
            require_one_of("codec", self.codec, CODECS)
        if self.stride_seconds is not None:
            require(self.split == "fixed", f"stride_seconds goes with split fixed; split is {self.split}.")
            require(self.stride_seconds > 0, f"stride_seconds must be above 0, it is {self.stride_seconds}.")
        require(self.min_seconds >= 0, f"min_seconds must be 0 or more, it is {self.min_seconds}.")
        if self.max_seconds is not None:
            require(self.split == "scenes", f"max_seconds goes with split scenes; split is {self.split}.")
            require(
                self.max_seconds > 0 and self.max_seconds >= 2 * self.min_seconds,
                f"max_seconds must be above 0 and at least twice min_seconds ({self.min_seconds}), so that "
                f"the parts of a long scene are not too short; it is {self.max_seconds}.",
            )
        if self.threshold is not None:
            require(self.split == "scenes", f"threshold goes with split scenes; split is {self.split}.")
            require(self.threshold > 0, f"threshold must be above 0, it is {self.threshold}.")

    @property
    def clip_length(self) -> Fraction:
        """``clip_seconds`` as an exact fraction of a second."""
        return Fraction(str(self.clip_seconds))

    @property
    def stride(self) -> Fraction:
        """From start to start, as an exact fraction of a second."""
        return self.clip_length if self.stride_seconds is None else Fraction(str(self.stride_seconds))

    @property
    def cutting(self) -> str:
        """``cut``, or what it stands for when it is None."""
        return self.cut or ("smart" if self.split == "scenes" else "copy")

    def way(self) -> str:
        """How clips are made, as part of their ids: what changes a clip of the same times."""
        if self.cutting == "copy" and self.codec is None:
            return "copy"
        encoding = self.encoding
        words = (self.cutting, self.codec, encoding.encoder, encoding.quality, encoding.preset)
        return " ".join(str(word) for word in words)


@dataclass(frozen=True, kw_only=True)
class SourceLimits:
    """What one source video may cost; one that would cost more is a row with a reason."""

    stall_seconds: float = 120.0
    """Without a sign of progress while it is fetched, read or cut."""
    max_seconds: float = 4 * 3600.0
    """In all. An hour of video is cut in seconds when packets are copied, and takes about an hour of one core
    for each encoding of 1080p60."""
    max_memory_bytes: int = 4 * GIB
    """Of the process that cuts it, beyond what it takes by itself. A row is in memory up to four times."""
    max_source_bytes: int = 256 * GIB
    """Of a download."""

    def __post_init__(self) -> None:
        for name in ("stall_seconds", "max_seconds", "max_memory_bytes", "max_source_bytes"):
            value = getattr(self, name)
            require(value > 0, f"{name} must be above 0, it is {value}. See SourceLimits for the default.")
