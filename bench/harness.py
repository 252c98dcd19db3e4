"""What all measurements share: arguments, repetition, machine and versions, printing, gathering.

A measurement module has one function that returns a dictionary, and ends with::

    if __name__ == "__main__":
        run(measure, __doc__)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "RESULTS.md"
Result = dict[str, Any]
"""``name``, ``ratio``, and whatever else a measurement tells. Everything can be written as JSON."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    json: bool = False
    quick: bool = False
    """Few repetitions on small inputs: shows that the measurement runs; its figures mean nothing."""
    repeats: int | None = None

    def repetitions(self, usual: int) -> int:
        """How often to repeat: as asked, else 1 when quick, else the module's usual number."""
        return self.repeats or (1 if self.quick else usual)


@dataclass
class Timing:
    """One way of doing something, measured several times."""

    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    """Processor time of the whole process, all threads."""

    @property
    def median_ms(self) -> float:
        """Of the wall-clock times."""
        return statistics.median(self.wall_ms)

    @property
    def median_cpu_ms(self) -> float:
        """Of the processor times."""
        return statistics.median(self.cpu_ms)

    def summary(self) -> Result:
        """Medians, and the spread: (slowest - fastest) / median."""
        return {
            "ms": round(self.median_ms, 1),
            "cpu_ms": round(self.median_cpu_ms, 1),
            "spread": round((max(self.wall_ms) - min(self.wall_ms)) / self.median_ms, 3),
            "runs": len(self.wall_ms),
        }


def interleave(
    ways: Mapping[str, Callable[[], object]], repeats: int, *, warm_up: int = 1
) -> dict[str, Timing]:
    """Run several ways in turn, so that what else the machine does falls on all of them.

    Args:
        ways: by name; each call is one run.
        repeats: measured runs of each.
        warm_up: runs of each before, not measured.
    """
    for _ in range(warm_up):
        for way in ways.values():
            way()
    timings = {name: Timing() for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            cpu, wall = time.process_time(), time.perf_counter()
            way()
            timings[name].wall_ms.append((time.perf_counter() - wall) * 1000)
            timings[name].cpu_ms.append((time.process_time() - cpu) * 1000)
    return timings


@contextmanager
def one_core() -> Iterator[int]:
    """Keep this process and the threads it starts on one core; yields its number."""
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, allowed)


def peak_memory_mib() -> float:
    """The most memory this process has held so far, MiB. It never falls: measure in a process of its own."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_memory_of(code: str) -> float:
    """Run Python code in a fresh interpreter and read its peak memory, MiB."""
    tail = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    command = [sys.executable, "-c", code + tail]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return float(output.splitlines()[-1])


def machine() -> Result:
    """Processor, cores that may be used, memory, load, and GPUs where ``nvidia-smi`` finds any."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    found: Result = {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory) / 2**20, 1),
        "load": round(os.getloadavg()[0], 2),
    }
    gpus = _gpus()
    return found | ({"gpus": gpus} if gpus else {})


def versions(*packages: str) -> dict[str, str]:
    """Python and the installed versions of packages; those that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def run(measure: Callable[[Options], Result], doc: str | None) -> None:
    """Be the main program of a measurement module: parse, measure, print."""
    parser = argparse.ArgumentParser(description=(doc or "").strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="show that it runs; the figures mean nothing")
    parser.add_argument("--repeats", type=int, help="measured runs of each way")
    options = Options(**vars(parser.parse_args()))
    result = measure(options)
    if options.quick:
        result["quick"] = True
    if options.json:
        print(json.dumps(result), flush=True)
    else:
        print("\n".join(as_text(result)))


def as_text(result: Result) -> list[str]:
    """A result as lines for people: plain values one per line, tables as tables."""
    lines = []
    for key, value in result.items():
        if is_table(value):
            lines += ["", f"{key}:", *as_table(value)]
        elif isinstance(value, dict):
            lines.append(f"{key}: " + ", ".join(f"{name} {part}" for name, part in value.items()))
        else:
            lines.append(f"{key}: {value}")
    return lines


def as_table(rows: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Rows by name, each a dictionary of the same keys, as a Markdown table."""
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    cells = [["", *columns]] + [
        [name, *(str(row.get(column, "")) for column in columns)] for name, row in rows.items()
    ]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns) + 1)]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def gather(names: Sequence[str], *, quick: bool = False, timeout_s: float = 3600) -> list[Result]:
    """Run measurement modules one after the other, each in a process of its own.

    Args:
        names: of modules in ``bench``, without the package.
        quick: as the flag.
        timeout_s: for each.

    Returns:
        Their results; one that failed has the key ``error`` and no ``ratio``.
    """
    results = []
    for name in names:
        command = [sys.executable, "-m", f"bench.{name}", "--json", *(["--quick"] if quick else [])]
        print(f"bench: {name}", file=sys.stderr, flush=True)
        try:
            done = subprocess.run(
                command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=timeout_s
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
        except (subprocess.SubprocessError, ValueError, IndexError) as error:
            results.append({"name": name, "error": str(error)})
    return results


def is_table(value: object) -> bool:
    """Whether a value of a result is a table: dictionaries by name."""
    return isinstance(value, dict) and bool(value) and all(isinstance(row, dict) for row in value.values())


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=30
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return []
