"""The clips that are measured, made once with the ffmpeg program and kept in ``build/bench-clips``.

``python -m bench.clips`` makes them all (a few minutes). The content moves as a game does: a fractal that is
panned and zoomed under moving shapes, with fine noise. B-frames come out as often as in filmed video.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.harness import ROOT

FOLDER = ROOT / "build" / "bench-clips"


class ClipRecipe(NamedTuple):
    """How a clip is made."""

    width: int
    height: int
    rate: int
    codec: str
    """ffmpeg's options for the encoder."""
    bit_rate: str
    ending: str = "mp4"


CLIPS = {
    "h264 1080p60 2.5 Mbit/s": ClipRecipe(1920, 1080, 60, "libx264", "2500k"),
    "h264 1080p60 8 Mbit/s": ClipRecipe(1920, 1080, 60, "libx264", "8000k"),
    "h264 720p30 1.5 Mbit/s": ClipRecipe(1280, 720, 30, "libx264", "1500k"),
    "hevc 1080p60 2.5 Mbit/s": ClipRecipe(
        *(1920, 1080, 60), "libx265 -preset fast -tag:v hvc1 -x265-params log-level=none", "2500k"
    ),
    "vp9 1080p60 2.5 Mbit/s": ClipRecipe(
        *(1920, 1080, 60), "libvpx-vp9 -deadline realtime -cpu-used 7 -row-mt 1", "2500k", "webm"
    ),
    "av1 1080p60 2.5 Mbit/s": ClipRecipe(1920, 1080, 60, "libsvtav1 -preset 9", "2500k"),
}
"""Ten seconds each."""

MAIN = "h264 1080p60 2.5 Mbit/s"


def make_clip(name: str, *, quick: bool = False) -> Path:
    """Make a clip, or find it made.

    Args:
        name: one of ``CLIPS``.
        quick: a quarter of the width and height, two seconds.
    """
    recipe = CLIPS[name]
    stem = name.replace(" ", "-").replace("/", "p") + ("-quick" if quick else "")
    path = FOLDER / f"{stem}.{recipe.ending}"
    if path.exists():
        return path
    FOLDER.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".part.{recipe.ending}")
    width, height = (recipe.width // 4, recipe.height // 4 // 2 * 2) if quick else recipe[:2]
    command = [
        *("ffmpeg", "-y", "-nostdin", "-v", "error", "-filter_complex", _content(width, height, recipe.rate)),
        *("-t", "2" if quick else "10", "-c:v", *recipe.codec.split(), "-b:v", recipe.bit_rate),
        *("-pix_fmt", "yuv420p", str(unfinished)),
    ]
    print(f"bench: making {path.name}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=1200)
    unfinished.rename(path)
    return path


def _content(width: int, height: int, rate: int) -> str:
    """A filter graph without an input: the moving picture."""
    size = f"{width}x{height}"
    return (
        f"mandelbrot=size={width * 2}x{height * 2}:rate={rate}:maxiter=300:end_scale=0.2:end_pts={rate * 20},"
        "format=yuv420p,select=eq(n\\,0),loop=loop=-1:size=1,"
        f"crop={width}:{height}:x='{width // 2}+{width // 2.5}*sin(n/{rate * 2})'"
        f":y='{height // 2}+{height // 2.5}*cos(n/{rate * 3})',setpts=N/{rate}/TB[far];"
        f"testsrc2=size={size}:rate={rate},format=yuv420p[near];"
        "[far][near]blend=all_mode=average:shortest=0,noise=alls=4:allf=t,format=yuv420p"
    )


if __name__ == "__main__":
    for clip in CLIPS:
        print(make_clip(clip))
