"""Clips as the model meets them: frames sampled and reduced the way the product does it, and the prompt."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import Qwen2_5_VLProcessor

from ytcurate.demo.world import OneThing, Scene

from .checkpoint import SIDE_PX

Pictures = npt.NDArray[np.uint8]
"""Pictures: uint8, shape (N, H, W, 3), RGB."""


def is_held_out(shown: Scene | OneThing) -> bool:
    """Whether this is kept from training: one in eight, told by a checksum of its sentence."""
    return zlib.crc32(shown.sentence().encode()) % 8 == 0


def frame_indices(total_frames: int, fps: float) -> list[int]:
    """Which frames the model sees: two per second, an even number, first and last frame included.

    Source: qwen-vl-utils 0.0.14, the rule of ``smart_nframes`` and of its readers.
    """
    most = min(768, total_frames) // 2 * 2
    wanted = min(max(total_frames / fps * 2.0, 4.0), most, total_frames)
    count = int(wanted) // 2 * 2
    return [int(index) for index in torch.linspace(0, total_frames - 1, count).round().long()]


def reduce_pictures(pictures: Pictures, side_px: int = SIDE_PX) -> Pictures:
    """Reduce square pictures to ``side_px``: bicubic with antialiasing, 8 bit."""
    channels_first = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    reduced = torch.nn.functional.interpolate(
        channels_first, size=(side_px, side_px), mode="bicubic", antialias=True
    )
    result: Pictures = reduced.permute(0, 2, 3, 1).contiguous().numpy()
    return result


def decode_pictures(video: bytes) -> Pictures:
    """Decode every frame of a video, in display order."""
    import av

    with av.open(io.BytesIO(video), mode="r") as container:
        container.streams.video[0].thread_count = 1
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack([frame.astype(np.uint8, copy=False) for frame in frames])


def sample_clip(video: bytes, fps: float) -> tuple[Pictures, dict[str, Any]]:
    """Decode a clip and return the frames that the model sees, with the metadata that vLLM asks for."""
    pictures = decode_pictures(video)
    indices = frame_indices(len(pictures), fps)
    metadata = {
        "total_num_frames": len(pictures),
        "fps": fps,
        "duration": len(pictures) / fps,
        "frames_indices": indices,
        "video_backend": "pyav",
    }
    return reduce_pictures(pictures[indices]), metadata


def render_prompt(processor: Qwen2_5_VLProcessor, system: str, user: str) -> str:
    """Render the message of one request: the system line, then the video followed by the user's text."""
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": [{"type": "video"}, {"type": "text", "text": user}]},
    ]
    prompt: str = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return prompt


def text_positions(
    before: int,
    grid: Sequence[int],
    seconds_per_grid: float,
    after: int,
    *,
    tokens_per_second: int,
    resume_after_time: bool,
) -> torch.Tensor:
    """Rotary positions of one message with one video.

    Two conventions are in use for the text after a video. vLLM (as Qwen published it) resumes after
    the largest position of the video, time included; transformers 5.19 resumes after the larger side
    of the picture only. Training on both makes the answer independent of the engine.

    Args:
        before: tokens before the video.
        grid: time, height and width of the video, in merged tokens.
        after: tokens after the video.
        resume_after_time: the first convention.

    Returns:
        int64, shape (3, tokens): time, height, width.
    """
    steps, height, width = grid
    time = (torch.arange(steps) * seconds_per_grid * tokens_per_second).long()
    video = torch.stack(torch.meshgrid(time, torch.arange(height), torch.arange(width), indexing="ij"))
    resume = int(video.max()) + 1 if resume_after_time else max(height, width)
    pieces = [
        torch.arange(before).expand(3, -1),
        video.reshape(3, -1) + before,
        torch.arange(after).expand(3, -1) + before + resume,
    ]
    return torch.cat(pieces, dim=1)
