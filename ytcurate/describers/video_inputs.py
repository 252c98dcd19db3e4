"""Which models take video through this package, and what each is told about the time of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ytcurate.errors import EngineUnavailable

if TYPE_CHECKING:
    from ytcurate.media.frames import Frames


@dataclass(frozen=True, kw_only=True)
class VideoInput:
    """How one family of models takes a video."""

    metadata: bool
    """It is told which picture of the clip each one is; if not, it only knows their order."""
    tokens_per_pair: int = 0
    """Tokens of text that its processor writes around each pair of pictures: a time, in words."""


_QWEN3 = VideoInput(metadata=True, tokens_per_pair=12)

VIDEO_INPUTS: dict[str, VideoInput] = {
    "qwen2_vl": VideoInput(metadata=False),
    "qwen2_5_vl": VideoInput(metadata=True),
    "qwen3_vl": _QWEN3,
    "qwen3_vl_moe": _QWEN3,
    "qwen3_5": _QWEN3,
    "qwen3_5_moe": _QWEN3,
}
"""``model_type`` of a checkpoint's config.json → how it takes video. Qwen2-VL has no sense of seconds."""


def video_input(model: str, model_type: str) -> VideoInput:
    """Look a model up.

    Raises:
        EngineUnavailable: it is not known to take video.
    """
    if model_type not in VIDEO_INPUTS:
        raise EngineUnavailable(
            f"model {model}: type {model_type!r} is not known to take video; "
            f"known are {', '.join(VIDEO_INPUTS)}."
        )
    return VIDEO_INPUTS[model_type]


def video_metadata(frames: Frames) -> dict[str, Any]:
    """Say which picture of the clip each one is, in the words of transformers' ``VideoMetadata``.

    A model's time scale is len(frames_indices) / total_num_frames * fps: without the indices it believes the
    pictures nearly simultaneous, and says nothing.
    """
    return {
        "total_num_frames": frames.info.frame_count,
        "fps": float(frames.info.fps),
        "frames_indices": frames.indices,
        "duration": float(frames.info.duration_s),
        "width": frames.info.width,
        "height": frames.info.height,
        "video_backend": "pyav",
    }
