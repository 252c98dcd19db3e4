"""The source videos that uploads are measured on, made once and kept in ``build/bench-sources``.

Each is the main clip of ``bench.clips`` again and again, packets copied, with a title of its own: all files
differ, so an upload takes none of them for another.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.clips import MAIN, make_clip
from bench.harness import ROOT

FOLDER = ROOT / "build" / "bench-sources"


def make_folder(files: int, clips: int, *, quick: bool = False) -> Path:
    """Make a folder of source videos, or find it made.

    Args:
        files: how many.
        clips: of each, in the length of the main clip (10 s; 2 s when quick).
        quick: of the small clip.
    """
    folder = FOLDER / f"{files}x{clips}{'-quick' if quick else ''}"
    clip = make_clip(MAIN, quick=quick)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        _make(folder / f"game-{number:02}.mp4", clip, clips)
    return folder


def _make(path: Path, clip: Path, clips: int) -> None:
    if path.exists():
        return
    # Not a video's ending: a folder that was left half made must not hold a broken source.
    unfinished = path.with_suffix(".part")
    command = [
        *("ffmpeg", "-y", "-nostdin", "-v", "error", "-stream_loop", str(clips - 1), "-i", str(clip)),
        *("-c", "copy", "-metadata", f"title={path.stem}", "-f", "mp4", str(unfinished)),
    ]
    print(f"bench: making {path.relative_to(ROOT)}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, timeout=600)
    unfinished.rename(path)
