"""Clip → Frames: the pictures a model sees, decoded from memory and resized."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ytcurate.config import ClipLimits, FrameSampling
from ytcurate.errors import UnreadableVideo
from ytcurate.media.decode import (
    Deadline,
    NotExact,
    PacketIndex,
    decode_all,
    decode_planned,
    index_packets,
    place_pictures,
    prepare_decoder,
)
from ytcurate.media.frame_rule import frame_indices
from ytcurate.media.probe import VideoInfo, VideoLike, open_video
from ytcurate.media.resize import Resizer

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Pictures sampled from one clip, in display order."""

    pixels: np.ndarray
    """uint8, shape (N, H, W, 3), RGB; N is even, H and W are multiples of 28."""
    indices: list[int]
    """Place of each picture among the clip's pictures in display order; N of them."""
    info: VideoInfo
    """The clip they come from. ``fps`` is its number of pictures over its duration."""

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.indices):
            raise ValueError(f"one index per picture: {self.pixels.shape = }, {len(self.indices) = }")

    @property
    def seconds_per_frame(self) -> Fraction:
        """Mean time between two sampled pictures, seconds."""
        return self.info.frame_count / self.info.fps / len(self.indices)


def sample_frames(
    video: VideoLike, sampling: FrameSampling | None = None, limits: ClipLimits | None = None
) -> Frames:
    """Decode the pictures of one clip that a Qwen2.5-VL model is shown.

    Indices, sizes and full-size colours are those of qwen-vl-utils 0.0.14 with torchcodec. Pictures that no
    wanted one refers to are not decoded where packets tell (H.264, HEVC; VP8, VP9 and AV1 before keyframes);
    if one turns out damaged or missing, everything is decoded.

    One thread does all the work, torch's included, whatever ``torch.set_num_threads`` says. Run many clips
    side by side. A thread beside others that are busy in Python waits for the interpreter at every packet:
    processes do not.

    Args:
        video: a whole container file, as bytes or as a path.
        sampling: rate and pixel bounds.
        limits: what the clip may cost.

    Raises:
        UnreadableVideo: no video stream, fewer than two pictures, not even one can be decoded, or the clip
            is over a limit.
    """
    sampling, limits = sampling or FrameSampling(), limits or ClipLimits()
    deadline = Deadline(limits)
    with open_video(video) as (container, stream):
        refuse_large(stream.width, stream.height, limits)
        context = prepare_decoder(stream, limits)
        index = index_packets(container, stream)
        indices = frame_indices(index.info.frame_count, index.rate, sampling)
        try:
            pixels = _gather(decode_planned(context, index, indices, deadline), indices, sampling, limits)
        except NotExact:
            pixels = None
        if pixels is None:
            return _sample_all(context, index, sampling, limits, deadline)
    return Frames(pixels=pixels, indices=indices, info=index.info)


def refuse_large(width: int, height: int, limits: ClipLimits) -> None:
    """Refuse a picture before it is allocated.

    Raises:
        UnreadableVideo: it is over ``max_source_pixels``.
    """
    if width * height > limits.max_source_pixels:
        raise UnreadableVideo(
            f"pictures of {width}x{height} are over the limit of {limits.max_source_pixels} pixels. "
            "Reduce the video, or raise ClipLimits.max_source_pixels."
        )


def _sample_all(
    context: VideoCodecContext,
    index: PacketIndex,
    sampling: FrameSampling,
    limits: ClipLimits,
    deadline: Deadline,
) -> Frames:
    """Sample by decoding everything; again, over what can be decoded, if the end of the clip cannot."""
    shown = 0

    def decode_and_count() -> Iterator[VideoFrame]:
        nonlocal shown
        shown = 0
        context.flush_buffers()
        for frame in decode_all(context, index, deadline):
            shown += 1
            yield frame

    info = index.info
    for order in (index.order, None):
        indices = frame_indices(info.frame_count, index.rate, sampling)
        placed = place_pictures(decode_and_count(), replace(index, order=order), indices)
        pixels = _gather(placed, indices, sampling, limits)
        if pixels is not None:
            return Frames(pixels=pixels, indices=indices, info=info)
        # Damaged packets give no picture. Sample again over what can really be decoded.
        if shown < 2:
            break
        info = replace(info, frame_count=shown)
    raise UnreadableVideo(
        f"{shown} of {index.info.frame_count} pictures can be decoded; two are needed"
        if shown < 2
        else f"the clip ends elsewhere each time it is decoded, last after {shown} pictures"
    )


def _gather(
    placed: Iterable[tuple[int, VideoFrame]],
    indices: Sequence[int],
    sampling: FrameSampling,
    limits: ClipLimits,
) -> np.ndarray | None:
    """Resize each wanted picture as it comes; at most one is held at full size.

    Returns:
        uint8, shape (N, H, W, 3); None if a picture is missing.
    """
    resizer: Resizer | None = None
    pixels = np.empty(0)
    missing = set(indices)
    for place, frame in placed:
        refuse_large(frame.width, frame.height, limits)
        if resizer is None:
            resizer = Resizer.for_clip(frame, len(indices), sampling, limits)
            pixels = np.empty((len(indices), *resizer.shape), np.uint8)
        missing.discard(place)
        first = indices.index(place)
        resizer.resize_into(pixels[first], frame)
        for copy in range(first + 1, first + indices.count(place)):
            pixels[copy] = pixels[first]
    return None if missing else pixels
