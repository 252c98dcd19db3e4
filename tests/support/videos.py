"""Small videos, made in memory with PyAV, each with one thing that is odd about it."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_video(
    *,
    fps: Fraction = Fraction(30),
    seconds: float = 5,
    gop: int = 30,
    b_frames: int = 0,
    width: int = 64,
    height: int = 48,
    codec: str = "libx264",
    file_format: str = "mp4",
    sound: bool = False,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video whose picture number i is a gray of level 16 + i mod 200: a picture tells its number."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.gop_size = gop
        stream.max_b_frames = b_frames
        if codec == "libx264":
            fixed = {"sc_threshold": "0", "crf": "10", "threads": "1", "bf": str(b_frames)}
            stream.options = fixed | (options or {})
        audio = container.add_stream("aac", rate=48000) if sound else None
        for index in range(round(seconds * fps)):
            picture = np.full((height, width, 3), gray_level(index), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = index
            frame.time_base = 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(
                np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
            )
            silence.rate = 48000
            for index in range(round(seconds * 48000 / 1024)):
                silence.pts = index * 1024
                container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return file.getvalue()


def gray_level(index: int) -> int:
    return 16 + index % 200


def make_sound_only(seconds: float = 1) -> bytes:
    """An MP4 file with sound and no video stream."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.rate = 48000
        for index in range(round(seconds * 48000 / 1024)):
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def keyframe_times(video: bytes | Path) -> list[Fraction]:
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        stream = container.streams.video[0]
        return [
            packet.pts * stream.time_base
            for packet in container.demux(stream)
            if packet.pts is not None and packet.is_keyframe
        ]


def packet_sizes(video: bytes | Path) -> list[int]:
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        return [packet.size for packet in container.demux(video=0) if packet.size]


def display_times(video: bytes) -> list[Fraction]:
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        return [frame.pts * stream.time_base for frame in container.decode(stream)]
