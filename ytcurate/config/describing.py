"""Settings of describing: what the model sees of a clip, how it answers, and what a job may take."""

from __future__ import annotations

from dataclasses import dataclass

from ytcurate.config.checks import require
from ytcurate.config.sizes import GIB, MIB, PATCH_AREA_PX


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
        require(self.fps > 0, f"fps must be above 0, it is {self.fps}. The default is 2.")
        require(
            2 <= self.min_frames <= self.max_frames,
            f"2 <= min_frames <= max_frames is needed, they are {self.min_frames} and {self.max_frames}.",
        )
        require(
            0 < self.min_pixels <= self.max_frame_pixels,
            f"0 < min_pixels <= {self.max_frame_pixels} is needed, it is {self.min_pixels}.",
        )
        require(
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
            require(value > 0, f"{name} must be above 0, it is {value}. See ClipLimits for the default.")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the model chooses its words. Defaults are the seed notebook's."""

    temperature: float = 0.1
    top_p: float = 0.001
    repetition_penalty: float = 1.05
    max_tokens: int = 256

    def __post_init__(self) -> None:
        require(self.temperature >= 0, f"temperature must be 0 or more, it is {self.temperature}.")
        require(0 < self.top_p <= 1, f"top_p must be above 0 and at most 1, it is {self.top_p}.")
        require(
            self.repetition_penalty > 0,
            f"repetition_penalty must be above 0, it is {self.repetition_penalty}.",
        )
        require(self.max_tokens >= 1, f"max_tokens must be 1 or more, it is {self.max_tokens}.")


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
        require(self.describer in kinds, f"describer {self.describer!r}: there are {', '.join(kinds)}.")
        require(
            (self.describer == "endpoint") == (self.endpoint_url is not None),
            "an endpoint_url goes with the endpoint describer, and only with it: "
            f"describer is {self.describer}, endpoint_url is {self.endpoint_url}.",
        )
        require(
            self.endpoint_pictures in ("video", "images"),
            f"endpoint_pictures is video or images, it is {self.endpoint_pictures!r}.",
        )
        require(
            self.max_clips_in_flight >= 0,
            f"max_clips_in_flight must be 0 or more, it is {self.max_clips_in_flight}.",
        )
        require(
            0 < self.gpu_memory_utilization <= 1,
            f"gpu_memory_utilization must be above 0 and at most 1, it is {self.gpu_memory_utilization}.",
        )
        for name in ("tensor_parallel", "data_parallel"):
            value = getattr(self, name)
            require(value is None or value >= 1, f"{name} must be 1 or more, it is {value}.")


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
        require(self.decode_threads >= 0, f"decode_threads must be 0 or more, it is {self.decode_threads}.")
        require(
            self.max_ahead_clips >= 0, f"max_ahead_clips must be 0 or more, it is {self.max_ahead_clips}."
        )
        require(
            self.max_ahead_bytes >= MIB,
            f"max_ahead_bytes must be 1 MiB or more, it is {self.max_ahead_bytes}.",
        )
