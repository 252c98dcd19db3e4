"""From a clip's bytes to sized frames: ours against the fastest reader of qwen-vl-utils, on one core.

Every reader that is installed and can read a clip is tried once, the fastest is measured, as qwen-vl-utils
sets it up. ``ratio`` is that of the 2.5 Mbit/s H.264 clip. ``against_tuned`` is the ratio to torchcodec told
to use one thread (TORCHCODEC_NUM_THREADS), which on one core is quicker than its eight. ``same`` compares
indices; ``psnr_db`` is the lowest of all pictures: from 50 on they differ by rounding only.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.clips import CLIPS, MAIN, make_clip
from bench.harness import Options, Result, interleave, machine, one_core, peak_memory_of, run, versions
from bench.readers import PlainReader
from ytcurate.media.frames import Frames, sample_frames


def measure(options: Options) -> Result:
    """Compare on every clip; only the main one when quick."""
    import torch

    torch.set_num_threads(1)
    names = [MAIN] if options.quick else list(CLIPS)
    paths = {name: make_clip(name, quick=options.quick) for name in names}
    with one_core():
        clips = {name: compare(path, options.repetitions(5)) for name, path in paths.items()}
    peaks = {
        "ours": peak_memory_of(f"from ytcurate import sample_frames\nsample_frames({str(paths[MAIN])!r})"),
        "plain": peak_memory_of(
            "import pathlib; from bench.readers import PlainReader\n"
            f"PlainReader('torchcodec', threads=1).read(pathlib.Path({str(paths[MAIN])!r}))"
        ),
    }
    return {
        "name": "frames",
        "ratio": clips[MAIN]["ratio"],
        "clips": clips,
        "peak_mib": {way: round(peak) for way, peak in peaks.items()},
        "machine": machine(),
        "versions": versions("av", "torch", "torchvision", "qwen-vl-utils", "torchcodec", "decord"),
    }


def compare(path: Path, repeats: int) -> Result:
    """Measure one clip both ways."""
    video = path.read_bytes()
    reader = fastest_reader(path)
    found: dict[str, Any] = {}

    def ours() -> None:
        found["ours"] = sample_frames(video)

    def plain() -> None:
        found["plain"] = reader.read(path)

    tuned = PlainReader("torchcodec", threads=1)
    timings = interleave({"ours": ours, "tuned": lambda: tuned.read(path), "plain": plain}, repeats)
    frames, (pixels, metadata) = found["ours"], found["plain"]
    one, other = timings["ours"], timings["plain"]
    return {
        "ratio": round(other.median_ms / one.median_ms, 2),
        "against_tuned": round(timings["tuned"].median_ms / one.median_ms, 2),
        "ours_ms": round(one.median_ms),
        "plain_ms": round(other.median_ms),
        "ours_cpu_ms": round(one.median_cpu_ms),
        "plain_cpu_ms": round(other.median_cpu_ms),
        "spread": f"{one.summary()['spread']:.0%}, {other.summary()['spread']:.0%}",
        "reader": reader.name,
        "same": [int(index) for index in metadata["frames_indices"]] == frames.indices,
        "psnr_db": lowest_psnr(frames, pixels),
        "frames": len(frames.indices),
    }


def fastest_reader(path: Path) -> PlainReader:
    """Try every reader once; those that cannot read the clip are out."""
    times: dict[PlainReader, float] = {}
    failures = []
    for reader in PlainReader.available():
        start = time.perf_counter()
        try:
            reader.read(path)
        except Exception as error:  # noqa: BLE001 - a reader fails in any way it likes
            failures.append(f"{reader.name}: {error}")
            continue
        times[reader] = time.perf_counter() - start
    if not times:
        raise RuntimeError(f"no reader of qwen-vl-utils reads {path.name}: {'; '.join(failures)}")
    return min(times, key=lambda reader: times[reader])


def lowest_psnr(frames: Frames, pixels: Any) -> float | None:
    """Of the picture that differs most, dB; None if sizes differ."""
    theirs = pixels.permute(0, 2, 3, 1).numpy()
    if theirs.shape != frames.pixels.shape:
        return None
    error = max(
        float(np.mean((one.astype(np.float32) - other) ** 2))
        for one, other in zip(frames.pixels, theirs, strict=True)
    )
    return round(10 * float(np.log10(255**2 / max(error, 1e-9))), 1)


if __name__ == "__main__":
    run(measure, __doc__)
