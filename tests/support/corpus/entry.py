"""What one file of the corpus is, and the good videos that most of them start from."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from tests.support.corpus.boxes import find, patch, table

CLIP_SECONDS = 2
"""What the expectations hold for."""
FPS, GOP, SECONDS = 10, 10, 6
PICTURES = FPS * SECONDS
"""Of a good video: a keyframe each second, so three clips of 20 pictures."""
GOOD = (20, 20, 20)
BROKEN = r"not a video|cannot be (opened|read|put)|breaks off|no (packets?|pictures|video stream|known codec)"
"""Words of every reason that a broken file may give; entries with a better one ask for it."""
LOST = r"breaks off|cut off|incomplete|damaged|missing|ends? (early|before)"
"""Words of a reason that says that a part of the video is lost."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A troublesome file: how it is made, what is wrong with it, and what is right to make of it."""

    name: str
    """File name; bytes that are not UTF-8 are surrogates, as ``os.fsdecode`` gives them."""
    trouble: str
    """What is wrong with it, or odd."""
    write: Callable[[Path], None] = field(repr=False)
    """Makes the file at a path."""
    frames: tuple[int, ...] | None = None
    """Pictures of each clip where that is well defined, else None."""
    min_clips: int = 0
    """At least so many clips, where ``frames`` is None."""
    max_clips: int = 10_000
    reason: str | None = None
    """A regular expression for the sentence that ends the clips. None: there is none."""
    may_fail: bool = False
    """A reason may come instead of, or after, some of the clips: it depends on the release of FFmpeg."""
    whole: bool = True
    """Every picture of a clip can be decoded; False where the pictures themselves are damaged."""

    @property
    def expectation(self) -> str:
        """``clips``, ``some``, ``reason`` or ``either``, as the index names it."""
        if self.may_fail:
            return "either"
        if self.reason is None:
            return "clips"
        return "some" if self.min_clips or self.frames else "reason"


def content(data: bytes) -> Callable[[Path], None]:
    """A maker of a file that holds these bytes."""
    return lambda path: _write(path, data)


def made(make: Callable[[], bytes]) -> Callable[[Path], None]:
    """A maker of a file whose bytes are made when they are asked for."""
    return lambda path: _write(path, make())


def clips(name: str, trouble: str, write: Callable[[Path], None], *frames: int, **more: object) -> Entry:
    """An entry that gives these clips and nothing else."""
    return Entry(name=name, trouble=trouble, write=write, frames=frames or GOOD, **more)


def some(
    name: str, trouble: str, write: Callable[[Path], None], min_clips: int, reason: str, **more: object
) -> Entry:
    """An entry that gives clips of the readable part and then a reason."""
    return Entry(name=name, trouble=trouble, write=write, min_clips=min_clips, reason=reason, **more)


def reason(name: str, trouble: str, write: Callable[[Path], None], words: str = BROKEN) -> Entry:
    """An entry that gives no clip but a reason."""
    return Entry(name=name, trouble=trouble, write=write, max_clips=0, reason=words)


def either(name: str, trouble: str, write: Callable[[Path], None], **more: object) -> Entry:
    """An entry of which it depends on the decoder what comes out; never a crash or a hang."""
    more = {"reason": None, "whole": False} | more
    return Entry(name=name, trouble=trouble, write=write, may_fail=True, **more)


def pictures(count: int = PICTURES, width: int = 128, height: int = 96) -> Iterator[av.VideoFrame]:
    """Moving coarse noise, the same each time: pictures differ, and do not compress away."""
    rng = np.random.default_rng(1)
    side = 8
    for index in range(count):
        coarse = rng.integers(0, 255, (-(-height // side), -(-width // side), 3), np.uint8)
        picture = np.kron(coarse, np.ones((side, side, 1), np.uint8))[:height, :width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        yield frame


@cache
def good(
    file_format: str = "mp4",
    codec: str = "libx264",
    *,
    count: int = PICTURES,
    width: int = 128,
    height: int = 96,
    pix_fmt: str = "yuv420p",
    b_frames: int = 0,
    options: tuple[tuple[str, str], ...] = (),
    muxer: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A good video of 6 s: 10 pictures a second, every tenth a keyframe."""
    file = io.BytesIO()
    container_options = {"fflags": "+bitexact"} | dict(muxer)
    with av.open(file, mode="w", format=file_format, container_options=container_options) as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.gop_size, stream.max_b_frames = GOP, b_frames
        stream.codec_context.thread_count = 1
        fixed = (
            {"sc_threshold": "0", "preset": "ultrafast", "crf": "30", "bf": str(b_frames)}
            if codec == "libx264"
            else {}
        )
        stream.options = fixed | dict(options)
        for frame in pictures(count, width, height):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@cache
def faststart() -> bytes:
    """The good MP4 with its index, the moov, in front."""
    video = good()
    start, end = find(video, "moov")
    moved = video[: find(video, "free")[0]] + video[start:end] + video[find(video, "free")[0] : start]
    offsets = table(moved, "stco")
    (count,) = struct.unpack_from(">I", moved, offsets + 4)
    old = struct.unpack_from(f">{count}I", moved, offsets + 8)
    return patch(moved, offsets + 8, f"{count}I", *(offset + end - start for offset in old))


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
