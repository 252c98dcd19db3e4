"""Which pictures of a clip a Qwen2.5-VL model sees and how large they are. Arithmetic only.

The rules are qwen-vl-utils' (0.0.14, ``smart_nframes``, ``smart_resize``, ``fetch_video``), with which the
published models are used; the tests compare both, index by index. transformers' and vLLM's own samplers
choose other pictures, so they must be told not to sample again.
"""

from __future__ import annotations

import math
from fractions import Fraction

from ytcurate.config import FrameSampling
from ytcurate.errors import UnreadableVideo

FRAME_FACTOR = 2
"""Pictures are taken in pairs: one visual token covers two."""
SIZE_FACTOR_PX = 28
"""Sides are multiples of this: a patch of 14, merged two by two."""
MAX_ASPECT = 200


def frame_indices(frame_count: int, fps: Fraction | float, sampling: FrameSampling) -> list[int]:
    """Choose pictures, evenly from the first to the last inclusive.

    Args:
        frame_count: pictures in the clip, in display order.
        fps: average frame rate of the clip.
        sampling: wanted rate and bounds.

    Returns:
        Indices in display order; an even number of them. Not always distinct in a very short clip.

    Raises:
        UnreadableVideo: the clip has fewer than two pictures.
    """
    lowest = math.ceil(sampling.min_frames / FRAME_FACTOR) * FRAME_FACTOR
    highest = math.floor(min(sampling.max_frames, frame_count) / FRAME_FACTOR) * FRAME_FACTOR
    wanted = frame_count / float(fps) * sampling.fps
    chosen = min(max(wanted, lowest), highest, frame_count)
    number = math.floor(chosen / FRAME_FACTOR) * FRAME_FACTOR
    if number < FRAME_FACTOR:
        raise UnreadableVideo(f"at least {FRAME_FACTOR} pictures are needed, the clip has {frame_count}")
    # torch's own linspace: its float32 rounding decides ties, and other implementations differ in them.
    import torch

    return [int(index) for index in torch.linspace(0, frame_count - 1, number).round()]


def frame_size(width: int, height: int, number: int, sampling: FrameSampling) -> tuple[int, int]:
    """Choose the size that pictures are resized to.

    Args:
        width: of the clip, px.
        height: of the clip, px.
        number: pictures taken; they share ``total_pixels``.
        sampling: the pixel bounds.

    Returns:
        Width and height, multiples of 28, close to the clip's aspect ratio.

    Raises:
        UnreadableVideo: one side is more than 200 times the other.
    """
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UnreadableVideo(f"{width}x{height} is more than {MAX_ASPECT} times as long as it is wide")
    share = sampling.total_pixels / number * FRAME_FACTOR
    most = max(min(sampling.max_frame_pixels, share), int(sampling.min_pixels * 1.05))
    factor = SIZE_FACTOR_PX
    out_w, out_h = (max(factor, round(side / factor) * factor) for side in (width, height))
    if out_w * out_h > most:
        scale = math.sqrt(width * height / most)
        out_w, out_h = (math.floor(side / scale / factor) * factor for side in (width, height))
    elif out_w * out_h < sampling.min_pixels:
        scale = math.sqrt(sampling.min_pixels / (width * height))
        out_w, out_h = (math.ceil(side * scale / factor) * factor for side in (width, height))
    if out_w == 0 or out_h == 0:
        raise UnreadableVideo(f"{width}x{height} is too long and narrow for {int(most)} pixels")
    return out_w, out_h
