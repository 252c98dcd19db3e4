"""Uploading a folder of 1080p60 videos: ours against the plain way, and against what the cluster takes.

The same files into one local cluster, all ways in turn. ``ratio`` is the plain way's time over ours.
``limit_share`` is our clips per second over those of the same client that writes the same rows from memory in
one stream, with the best settings known; ``limit_share_parallel`` is over the best of one to three streams at
once, which two cores hardly leave room beside. Ours is timed with the start of its program, and reads, hashes
and cuts besides. ``preview_share`` is the time that one core takes for the posters that ours made, over ours;
``preview_difference`` is what ours saves without them, which differs less than two runs of one way do. By
default a large upload on few cores makes one poster for each source; ``all posters`` makes one for each clip.
``peak_mb`` is the memory of all our processes together (PSS: shared pages once), for the folder or for one
large file, whichever is more; a MB is 10^6 bytes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.clips import MAIN
from bench.describe import local_cluster
from bench.harness import Options, Result, machine, run, versions
from bench.processes import adopt_orphans
from bench.sources import make_folder
from bench.upload_parts import measure_parts, read_rows
from bench.upload_ways import Bench, Spent
from ytcurate.localcluster.lifecycle import status

FILES, CLIPS_OF_A_FILE, CLIPS_OF_A_LARGE_FILE = 20, 60, 400
QUICK_FILES, QUICK_CLIPS, QUICK_LARGE = 2, 10, 30
REPEATS = 3
STREAMS = (1, 2, 3)
LIMIT = "limit, 1 at once"


def measure(options: Options) -> Result:
    """Upload the same files every way."""
    files, clips = (QUICK_FILES, QUICK_CLIPS) if options.quick else (FILES, CLIPS_OF_A_FILE)
    folder = make_folder(files, clips, quick=options.quick)
    large = make_folder(1, QUICK_LARGE if options.quick else CLIPS_OF_A_LARGE_FILE, quick=options.quick)
    paths = sorted(folder.iterdir())
    repeats = options.repetitions(REPEATS)
    parts = measure_parts(paths[:1], repeats)
    with tempfile.TemporaryDirectory(prefix="bench-") as data, local_cluster(Path(data)) as client:
        bench = Bench(client, _process_of(Path(data)), folder)
        ways = take_turns(bench, read_rows(paths[:1]), repeats)
        peaks = {"folder": bench.peak(folder), "one large file": bench.peak(next(large.iterdir()))}
    times = {name: median(each.wall_s for each in runs) for name, runs in ways.items()}
    return {
        "name": "upload",
        "ratio": round(times["plain"] / times["ours"], 2),
        "limit_share": round(times[LIMIT] / times["ours"], 3),
        "limit_share_parallel": round(
            min(times[name] for name in times if name.startswith("limit")) / times["ours"], 3
        ),
        "peak_mb": max(each["peak_mb"] for each in peaks.values()),
        "preview_share": round(ways["ours"][0].posters * parts["posters"]["ms"] / 1000 / times["ours"], 3),
        "preview_difference": round(1 - times["ours, no posters"] / times["ours"], 3),
        "clips": ways["ours"][0].clips,
        "clip": MAIN,
        "ways": {name: summary(runs) for name, runs in ways.items()},
        "ms_per_clip by part, on one core": parts,
        "peaks": peaks,
        "machine": machine(),
        "versions": versions("ytsaurus-client", "ytsaurus-yson", "av"),
    }


def take_turns(bench: Bench, rows: list[dict[str, Any]], repeats: int) -> dict[str, list[Spent]]:
    """Run every way, then every way again, after one run of ours that does not count.

    Args:
        bench: where to.
        rows: what the limit writes from memory.
        repeats: measured runs of each way.

    Raises:
        RuntimeError: not all ways wrote the same number of clips.
    """
    clips = bench.ours().clips  # files and programs come into memory; so does the cluster's room
    ways: dict[str, Callable[[], Spent]] = {
        "plain": bench.plain,
        "ours": bench.ours,
        "ours, no posters": partial(bench.ours, "--preview", "none"),
        "ours, all posters": partial(bench.ours, "--preview", "every"),
    }
    for streams in STREAMS:
        ways[f"limit, {streams} at once"] = partial(bench.limit, rows, clips, streams)
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            # What earlier ways left to be written to the disk would be written at this one's expense.
            os.sync()
            one = way()
            if one.clips != clips:
                raise RuntimeError(f"{name} wrote {one.clips} clips, ours {clips}")
            print(f"bench: {name}: {one.wall_s:.1f} s", file=sys.stderr, flush=True)
            spent[name].append(one)
    return spent


def summary(runs: list[Spent]) -> Result:
    """Medians, most of them for each clip, and the spread: (slowest - fastest) / median."""
    walls = [each.wall_s for each in runs]
    clips, wall_s = runs[0].clips, median(walls)
    return {
        "seconds": round(wall_s, 2),
        "clips_per_second": round(clips / wall_s, 1),
        "ms_per_clip": round(wall_s / clips * 1000, 2),
        "cpu_ms_per_clip": round(median(each.cpu_s for each in runs) / clips * 1000, 2),
        "cluster_cpu_ms_per_clip": round(median(each.cluster_cpu_s for each in runs) / clips * 1000, 2),
        "spread": round((max(walls) - min(walls)) / wall_s, 3),
        "runs": len(runs),
    }


def _process_of(data: Path) -> psutil.Process:
    """The cluster's. It must outlive what is measured, so orphans are adopted only after its start."""
    running = status(data)
    if running is None:
        raise RuntimeError(f"the local cluster of {data} has stopped")
    adopt_orphans()
    return psutil.Process(running.pid)


if __name__ == "__main__":
    run(measure, __doc__)
