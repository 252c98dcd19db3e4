"""Searching a million vectors of 512 for one text, all of them compared, on the cores that there are.

The plain way is what is usually written: scores of all vectors by one product, all scores sorted, the first k
taken. ``cold_seconds`` is the first search after the file was put out of the page cache. ``duplicates`` are
seconds to find near duplicates among vectors of which a tenth are copies with some noise; ``cpu_seconds`` is
the time of all cores together, which another program on the machine does not change.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import ROOT, Options, Result, interleave, machine, peak_memory_of, run, versions
from ytcurate.vectors.duplicates import find_duplicates
from ytcurate.vectors.search import search_vectors

FOLDER = ROOT / "build" / "bench-search"
DIMENSION = 512
K = 10
_BLOCK = 20_000


def measure(options: Options) -> Result:
    """Measure search, cold and warm, and near duplicates."""
    count = 50_000 if options.quick else 1_000_000
    path = make_vectors(count)
    matrix = np.load(path, mmap_mode="r")
    queries = unit_vectors(np.random.default_rng(1), 20)
    cold = cold_seconds(path, matrix, queries[0])
    found: dict[str, Any] = {}
    turn = iter(range(10**6))

    def ours() -> None:
        query = queries[next(turn) % len(queries)]
        found["ours"] = search_vectors(matrix, query[None], K)[1][0]

    def plain() -> None:
        found["plain"] = plain_search(matrix, queries[0])

    timings = interleave({"ours": ours, "plain": plain}, options.repetitions(7))
    batch = statistics.median(seconds_of(lambda: search_vectors(matrix, queries, K)) for _ in range(3))
    same = [
        len(set(search_vectors(matrix, query[None], K)[1][0]) & set(plain_search(matrix, query)))
        for query in queries[: 2 if options.quick else 10]
    ]
    sizes = (2_000,) if options.quick else (20_000, 50_000)
    return {
        "name": "search",
        "ratio": round(timings["plain"].median_ms / timings["ours"].median_ms, 2),
        "seconds": round(timings["ours"].median_ms / 1000, 3),
        "cold_seconds": round(cold, 3),
        "plain_seconds": round(timings["plain"].median_ms / 1000, 3),
        "seconds_for_20_queries": round(batch, 3),
        "recall": sum(same) / (K * len(same)),
        "vectors": count,
        "peak_mb": round(peak_memory_beyond(path)),
        "duplicates": {f"{size} clips": duplicates(size) for size in sizes},
        "machine": machine(),
        "versions": versions("numpy"),
    }


def unit_vectors(random: np.random.Generator, count: int) -> np.ndarray:
    """Vectors of length 1 whose components weigh less and less, as those of a model do; float32."""
    weights = (np.arange(1, DIMENSION + 1) ** -0.5).astype(np.float32)
    vectors = random.standard_normal((count, DIMENSION), dtype=np.float32) * weights
    vectors[:, 0] += 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def make_vectors(count: int) -> Path:
    """Write the vectors once, in blocks; 2 GB for a million."""
    path = FOLDER / f"{count}.npy"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        random = np.random.default_rng(0)
        shape = (count, DIMENSION)
        matrix = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            partial, mode="w+", dtype=np.float32, shape=shape
        )
        for start in range(0, count, _BLOCK):
            matrix[start : start + _BLOCK] = unit_vectors(random, min(_BLOCK, count - start))
        matrix.flush()
        partial.rename(path)
    return path


def plain_search(matrix: np.ndarray, query: np.ndarray) -> np.ndarray:
    """The k best by one product and one sort."""
    best: np.ndarray = np.argsort(-(matrix @ query))[:K]
    return best


def cold_seconds(path: Path, matrix: np.ndarray, query: np.ndarray) -> float:
    """Search once with nothing of the file in memory."""
    # A page that this process has mapped stays in memory whatever the system is told.
    with contextlib.suppress(AttributeError):
        matrix._mmap.madvise(4)  # type: ignore[attr-defined]  # MADV_DONTNEED
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return seconds_of(lambda: search_vectors(matrix, query[None], K))


def seconds_of(action: Any) -> float:
    """Wall-clock time of a call."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def peak_memory_beyond(path: Path) -> float:
    """Most memory of a process that searches, without the pages of the file itself, MB."""
    code = (
        "import numpy as np\nfrom ytcurate.vectors.search import search_vectors\n"
        f"matrix = np.load({str(path)!r}, mmap_mode='r')\n"
        f"search_vectors(matrix, np.array(matrix[:1]), {K})"
    )
    return (peak_memory_of(code) * 2**20 - path.stat().st_size) / 1e6


def duplicates(count: int) -> Result:
    """Find near duplicates of which the number is known."""
    random = np.random.default_rng(2)
    matrix = unit_vectors(random, count)
    copies = count // 10
    matrix[-copies:] = matrix[:copies] + 0.002 * random.standard_normal((copies, DIMENSION), np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    cpu, wall = time.process_time(), time.perf_counter()
    found = find_duplicates(matrix)
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "planted": copies,
        "found": int((~found.kept).sum()),
    }


if __name__ == "__main__":
    run(measure, __doc__)
