"""Cutting untrusted videos in a process of their own, under limits of memory and time.

Run as a program it is that process: it cuts one file after another and prints a line of JSON for each.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEMORY_BYTES = 3 * 2**30
SECONDS_PER_FILE = 30.0
DECODED_PIXELS = 4096 * 4096
"""Clips of larger pictures are not decoded here: that is no matter of the cut."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What became of one file."""

    name: str
    clips: list[dict[str, Any]] = field(default_factory=list)
    """``frames``, ``width``, ``height``, ``first_pts``, ``first_frame_pts``, ``decoded``, ``problem``, ..."""
    error: str | None = None
    """The class of the exception that ended it, with its module."""
    reason: str | None = None
    """Its message."""
    took_s: float = 0.0
    peak_mib: float = 0.0
    """The most memory that the process has held up to here."""
    ended: str | None = None
    """How the process ended, if it did not come back from this file."""


def cut_all(
    folder: Path, names: list[str], *, as_bytes: bool = False, clip_seconds: float = 2, preview: str = "every"
) -> list[Attempt]:
    """Cut these files, in this order, from inside the folder; a process that ends is replaced.

    Args:
        folder: where the files are; names are given relative to it.
        names: of the files.
        as_bytes: read each file and cut its bytes, as a data set gives them.
        clip_seconds: wanted length of a clip.
        preview: which clips get a poster.
    """
    attempts: list[Attempt] = []
    settings = {"as_bytes": as_bytes, "clip_seconds": clip_seconds, "preview": preview}
    while len(attempts) < len(names):
        rest = names[len(attempts) :]
        done, ended = _run(folder, {"names": rest} | settings)
        attempts += done
        if len(done) < len(rest):
            attempts.append(Attempt(name=rest[len(done)], ended=ended or "ended early"))
    return attempts


def _run(folder: Path, work: dict[str, Any]) -> tuple[list[Attempt], str | None]:
    # Standard input is a pipe to which nobody writes: a name that stands for it must not be waited for.
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "tests.support.cutting", json.dumps(work), str(folder)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=read_end, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    attempts: list[Attempt] = []
    waiting, buffer = selectors.DefaultSelector(), b""
    waiting.register(process.stdout, selectors.EVENT_READ)
    ended = None
    try:
        while len(attempts) < len(work["names"]):
            if not waiting.select(SECONDS_PER_FILE):
                ended = f"over {SECONDS_PER_FILE:.0f} s"
                break
            chunk = os.read(process.stdout.fileno(), 2**20)
            if not chunk:
                break
            *lines, buffer = (buffer + chunk).split(b"\n")
            attempts += [Attempt(**json.loads(line)) for line in lines]
    finally:
        if ended:
            process.kill()
        status = process.wait(SECONDS_PER_FILE)
        waiting.close()
        process.stdout.close()
        os.close(read_end)
        os.close(write_end)
    if ended is None and status:
        ended = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
    return attempts, ended


def _attempt(name: str, work: dict[str, Any]) -> dict[str, Any]:
    from ytcurate.config import Segmenting
    from ytcurate.media.cut import cut_clips

    started, found = time.monotonic(), {"name": name, "clips": []}
    video = Path(name).read_bytes() if work["as_bytes"] else Path(name)
    try:
        for clip in cut_clips(video, Segmenting(clip_seconds=work["clip_seconds"]), preview=work["preview"]):
            found["clips"].append(_look_at(clip))
    except Exception as error:  # noqa: BLE001  the caller says which ones are right
        found["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        found["reason"] = str(error)
    found["took_s"] = time.monotonic() - started
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def _look_at(clip: Any) -> dict[str, Any]:
    """Open a clip and decode it; what is wrong with it is told, not raised."""
    import hashlib
    import io

    import av

    found = {
        "frames": clip.info.frame_count,
        "width": clip.info.width,
        "height": clip.info.height,
        "length_s": float(clip.length_s),
        "file_type": clip.file_type,
        "sha256": hashlib.sha256(clip.video).hexdigest(),
        "has_preview": clip.preview is not None,
    }
    try:
        with av.open(io.BytesIO(clip.video)) as container:
            stream = container.streams.video[0]
            found["is_large"] = clip.info.width * clip.info.height > DECODED_PIXELS
            shown = [p.pts for p in container.demux(stream) if p.size and not p.is_discard]
            found["packets"] = len(shown)
            found["first_pts"] = min((pts for pts in shown if pts is not None and pts >= 0), default=None)
        if not found["is_large"]:
            found |= _decode(clip.video)
    except (av.error.FFmpegError, IndexError, MemoryError) as error:
        found["problem"] = f"{type(error).__name__}: {error}"
    return found


def _decode(video: bytes) -> dict[str, Any]:
    import io

    import av

    decoded, errors, first, sizes = 0, 0, None, set()
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for packet in container.demux(stream):
            try:
                for frame in packet.decode():
                    decoded += 1
                    first = frame.pts if first is None else first
                    sizes.add((frame.width, frame.height))
            except av.error.FFmpegError:
                errors += 1
    return {"decoded": decoded, "decode_errors": errors, "first_frame_pts": first, "sizes": sorted(sizes)}


def _main() -> None:
    import av.logging

    av.logging.set_level(None)
    work = json.loads(sys.argv[1])
    sys.path.insert(0, str(ROOT))
    os.chdir(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in work["names"]:
        sys.stdout.write(json.dumps(_attempt(name, work)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
