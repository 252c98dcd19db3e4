"""A clip and a question as a message of the OpenAI chat protocol; pictures travel without loss."""

from __future__ import annotations

import base64
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np

from ytcurate.describers.prompts import Prompt
from ytcurate.media.frames import Frames


class PicturesAs(StrEnum):
    """How a server is given the pictures of a clip."""

    VIDEO = "video"
    """One video whose frames are PNG files, with their places in the clip: vLLM 0.26 and newer, started with
    ``--trust-request-mm-kwargs`` where it has that flag (0.32 does). The server's model is told exactly what
    it would be told in a job of its own."""
    IMAGES = "images"
    """A list of images, the time of each in words before it: any server with image input. The model is not
    asked what a job asks: it sees images, not a video, and takes about twice the tokens."""


def chat_request(frames: Frames, question: Prompt, pictures: PicturesAs) -> tuple[list[Any], dict[str, Any]]:
    """Write a question about a clip.

    Returns:
        The messages, and what goes into the request's body beside them.
    """
    told: dict[str, Any] = {}
    files = [base64.b64encode(encode_png(picture)).decode() for picture in frames.pixels]
    if pictures is PicturesAs.VIDEO:
        # "jpeg" names the way of sending frames; vLLM opens each by its content, PNG as well.
        parts = [_part("video_url", "data:video/jpeg;base64," + ",".join(files))]
        told["media_io_kwargs"] = {
            "video": {
                "num_frames": -1,
                "fps": float(frames.info.fps),
                "frames_indices": [int(index) for index in frames.indices],
                "total_num_frames": frames.info.frame_count,
                "duration": float(frames.info.duration_s),
            }
        }
    else:
        parts = [_text("These are pictures of one video, each after its time in the video.")]
        for index, file in zip(frames.indices, files, strict=True):
            seconds = float(Fraction(index) / frames.info.fps)
            parts += [_text(f"{seconds:.1f} s:"), _part("image_url", f"data:image/png;base64,{file}")]
    messages = [
        {"role": "system", "content": question.system},
        {"role": "user", "content": [*parts, _text(question.text)]},
    ]
    return messages, told


def encode_png(picture: np.ndarray) -> bytes:
    """Encode one picture (uint8, (H, W, 3), RGB) as a PNG file."""
    import av

    encoder = av.CodecContext.create("png", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "rgb24"
    encoder.time_base = Fraction(1)
    # Frames of video hardly get smaller with more effort: level 1 takes a fifth of the default's time.
    encoder.options = {"compression_level": "1"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _part(kind: str, url: str) -> dict[str, Any]:
    return {"type": kind, kind: {"url": url}}
