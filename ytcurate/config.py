"""Settings, as small frozen values grouped by what they describe. The only home of defaults.

Each is checked when it is built, so a wrong value stops a call before anything is started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ytcurate.errors import UsageError

MIB = 2**20
GIB = 2**30

PATCH_AREA_PX = 28 * 28
"""Pixels that become one visual token of Qwen2.5-VL: a patch of 14x14, merged 2x2."""

DEFAULT_ROW_WEIGHT_BYTES = 16 * MIB
"""What a table writer takes when nothing is said (upstream default of ``max_row_weight``)."""

PORTABLE_ROW_WEIGHT_BYTES = 128 * MIB
"""The most that an upstream cluster lets ``max_row_weight`` be; Tracto accepts 800 MiB and more."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise UsageError(message)


def _require_one_of(name: str, value: str, known: Sequence[str]) -> None:
    _require(value in known, f"{name} {value!r}: there are {', '.join(known)}.")


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
        _require(0 <= self.quality <= 51, f"quality must be 0 to 51, it is {self.quality}.")


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
        _require(
            self.clip_seconds > 0,
            f"clip_seconds must be above 0, it is {self.clip_seconds}. The default is 10.",
        )
        _require_one_of("split", self.split, SPLITS)
        _require_one_of("detector", self.detector, DETECTORS)
        if self.cut is not None:
            _require_one_of("cut", self.cut, CUTS)
        if self.codec is not None:
            _require_one_of("codec", self.codec, CODECS)
        if self.stride_seconds is not None:
            _require(self.split == "fixed", f"stride_seconds goes with split fixed; split is {self.split}.")
            _require(self.stride_seconds > 0, f"stride_seconds must be above 0, it is {self.stride_seconds}.")
        _require(self.min_seconds >= 0, f"min_seconds must be 0 or more, it is {self.min_seconds}.")
        if self.max_seconds is not None:
            _require(self.split == "scenes", f"max_seconds goes with split scenes; split is {self.split}.")
            _require(
                self.max_seconds > 0 and self.max_seconds >= 2 * self.min_seconds,
                f"max_seconds must be above 0 and at least twice min_seconds ({self.min_seconds}), so that "
                f"the parts of a long scene are not too short; it is {self.max_seconds}.",
            )
        if self.threshold is not None:
            _require(self.split == "scenes", f"threshold goes with split scenes; split is {self.split}.")
            _require(self.threshold > 0, f"threshold must be above 0, it is {self.threshold}.")

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
            _require(value > 0, f"{name} must be above 0, it is {value}. See SourceLimits for the default.")


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What is looked at when a clip is scored, beside what always is."""

    text: bool = False
    """Also the share of the picture that is overlaid text; costs next to nothing."""
    square: bool = False
    """Keyframes are squashed to squares, as other pipelines keep them. False: they keep their shape."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Which clips are good enough to be kept. One that is None is not looked at.

    Defaults are those of the streaming curation pipelines that were compared (brightness, contrast, sharpness
    and motion of Anyscale's example); black and frozen shares are ours.
    """

    min_seconds: float | None = 1.0
    max_seconds: float | None = None
    min_brightness: float | None = 30.0
    """Mean gray, 0 to 255."""
    max_brightness: float | None = 240.0
    min_contrast: float | None = 20.0
    """Standard deviation of gray."""
    min_sharpness: float | None = 50.0
    """Variance of the Laplacian, at full resolution."""
    min_motion: float | None = 0.5
    """Mean optical flow between five pictures of the clip, px; it grows with resolution and length."""
    min_motion_rate: float | None = None
    """Mean optical flow, diagonals of the picture per second; independent of resolution and length."""
    max_motion_rate: float | None = None
    max_black: float | None = 0.5
    """Share of the time that is black."""
    max_frozen: float | None = 0.5
    """Share of the time in which the picture does not change, for half a second or more."""
    max_text: float | None = None
    """Share of the picture that is overlaid text; needs ``Scoring.text``."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _require(value is None or value >= 0, f"{name} must be 0 or more, it is {value}.")
        for name in ("seconds", "brightness", "motion_rate"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            _require(
                least is None or most is None or least <= most,
                f"min_{name} {least} is above max_{name} {most}: no clip would be kept.",
            )


@dataclass(frozen=True, kw_only=True)
class LabelRules:
    """Which labels let a clip be kept."""

    safe_field: str | None = "is_safe"
    """Boolean field that must be true; a clip whose label does not say so is not kept. None: no filter."""
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → values of which it must have one."""
    block: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → values that it must not have."""


@dataclass(frozen=True, kw_only=True)
class FrameSampling:
    """Which pictures of a clip the model sees, and how large. Defaults are those of qwen-vl-utils."""

    fps: float = 2.0
    """Pictures per second of video."""
    min_frames: int = 4
    max_frames: int = 768
    min_pixels: int = 16 * PATCH_AREA_PX
    """A picture is enlarged to at least this many pixels."""
    max_frame_pixels: int = 768 * PATCH_AREA_PX
    """A picture is reduced to at most this many pixels."""
    total_pixels: int = 20480 * PATCH_AREA_PX
    """Budget for all pictures of one clip, in pixels of picture pairs."""

    def __post_init__(self) -> None:
        _require(self.fps > 0, f"fps must be above 0, it is {self.fps}. The default is 2.")
        _require(
            2 <= self.min_frames <= self.max_frames,
            f"2 <= min_frames <= max_frames is needed, they are {self.min_frames} and {self.max_frames}.",
        )
        _require(
            0 < self.min_pixels <= self.max_frame_pixels,
            f"0 < min_pixels <= {self.max_frame_pixels} is needed, it is {self.min_pixels}.",
        )
        _require(
            self.total_pixels >= self.min_pixels,
            f"total_pixels must be at least min_pixels ({self.min_pixels}), it is {self.total_pixels}.",
        )

    @property
    def max_visual_tokens(self) -> int:
        """The most visual tokens a clip can take: every pair of pictures at its share of the budget.

        Rounding a side up to 28 and the floor of 1.05 x ``min_pixels`` for very long clips are included.
        """
        shared = self.total_pixels // PATCH_AREA_PX
        floor = self.max_frames // 2 * int(self.min_pixels * 1.05) // PATCH_AREA_PX
        return max(shared, floor)


@dataclass(frozen=True, kw_only=True)
class ClipLimits:
    """What decoding one clip may cost; a clip that would cost more counts as unreadable."""

    max_source_pixels: int = 8192 * 4352
    """Width times height as stored. The default is the largest picture of H.264 and HEVC up to level 6.2."""
    max_decode_seconds: float = 300.0
    """Wall-clock time for one clip, looked at between packets. Ten seconds of video take one to four."""
    max_decoded_bytes: int = GIB
    """All sampled pictures of a clip, as the model sees them, and one at full size. The decoder's own
    reference pictures, up to 16 of ``max_source_pixels``, come on top."""

    def __post_init__(self) -> None:
        for name in ("max_source_pixels", "max_decode_seconds", "max_decoded_bytes"):
            value = getattr(self, name)
            _require(value > 0, f"{name} must be above 0, it is {value}. See ClipLimits for the default.")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the model chooses its words. Defaults are the seed notebook's."""

    temperature: float = 0.1
    top_p: float = 0.001
    repetition_penalty: float = 1.05
    max_tokens: int = 256

    def __post_init__(self) -> None:
        _require(self.temperature >= 0, f"temperature must be 0 or more, it is {self.temperature}.")
        _require(0 < self.top_p <= 1, f"top_p must be above 0 and at most 1, it is {self.top_p}.")
        _require(
            self.repetition_penalty > 0,
            f"repetition_penalty must be above 0, it is {self.repetition_penalty}.",
        )
        _require(self.max_tokens >= 1, f"max_tokens must be 1 or more, it is {self.max_tokens}.")


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How the engine is run inside a job."""

    describer: str = "vllm"
    """``vllm``, ``transformers`` or ``endpoint`` (an OpenAI-compatible server at ``endpoint_url``)."""
    endpoint_url: str | None = None
    """Base URL of the server, with ``/v1``; only for the ``endpoint`` describer."""
    endpoint_pictures: str = "video"
    """``video``, or ``images`` for a server that takes no video: with their times in words between them."""
    revision: str | None = None
    """Commit, tag or branch of a model on the hub; a run records the commit it stands for."""
    max_clips_in_flight: int = 0
    """Requests held at once for each copy of the model: more than it runs, so that it never waits for one;
    at least as many as a clip has questions.
    0: 64, or 4 for a copy that runs on a processor."""
    max_model_len: int | None = None
    """Context in tokens. None: sized from the pixel budget, at most what the model allows."""
    gpu_memory_utilization: float = 0.9
    quantization: str | None = None
    """vLLM's name of a way to quantise while loading (``fp8``, ...). None: as the checkpoint is."""
    load_format: str = "auto"
    """vLLM's name of a way to load weights: ``runai_streamer``, ``dummy`` (none, for measuring), ..."""
    tensor_parallel: int | None = None
    """Devices that one copy of the model is spread over. None: as the preset says, else 1."""
    data_parallel: int | None = None
    """Copies of the model in one job. None: as many as the job's devices hold."""

    def __post_init__(self) -> None:
        kinds = ("vllm", "transformers", "endpoint")
        _require(self.describer in kinds, f"describer {self.describer!r}: there are {', '.join(kinds)}.")
        _require(
            (self.describer == "endpoint") == (self.endpoint_url is not None),
            "an endpoint_url goes with the endpoint describer, and only with it: "
            f"describer is {self.describer}, endpoint_url is {self.endpoint_url}.",
        )
        _require(
            self.endpoint_pictures in ("video", "images"),
            f"endpoint_pictures is video or images, it is {self.endpoint_pictures!r}.",
        )
        _require(
            self.max_clips_in_flight >= 0,
            f"max_clips_in_flight must be 0 or more, it is {self.max_clips_in_flight}.",
        )
        _require(
            0 < self.gpu_memory_utilization <= 1,
            f"gpu_memory_utilization must be above 0 and at most 1, it is {self.gpu_memory_utilization}.",
        )
        for name in ("tensor_parallel", "data_parallel"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name} must be 1 or more, it is {value}.")


@dataclass(frozen=True, kw_only=True)
class Buffering:
    """How far a describe job reads and decodes ahead of the engine. Bounds its memory."""

    decode_threads: int = 0
    """Clips decoded at once. 0: as many as the job has cores."""
    max_ahead_clips: int = 0
    """Clips read but not yet given to the engine. 0: three for each decoding thread."""
    max_ahead_bytes: int = 4 * GIB
    """Encoded bytes of all clips that are not finished, and decoded pictures of those the engine has not."""

    def __post_init__(self) -> None:
        _require(self.decode_threads >= 0, f"decode_threads must be 0 or more, it is {self.decode_threads}.")
        _require(
            self.max_ahead_clips >= 0, f"max_ahead_clips must be 0 or more, it is {self.max_ahead_clips}."
        )
        _require(
            self.max_ahead_bytes >= MIB,
            f"max_ahead_bytes must be 1 MiB or more, it is {self.max_ahead_bytes}.",
        )
