"""The local cluster's own cost: large cells, small rows, an empty operation, memory.

``write_ratio`` and ``read_ratio`` are the time of the same client against a server that stores nothing (it
throws away what is written and reads from memory) over its time against the local cluster, for cells of 3 MB
in a table with a schema, sent as they are; ``ratio`` is the lower of the two. That server hands the small
commands around a write on to the cluster, so it is a little slower than it could be. ``client_share_write``
and ``client_share_read`` are the client's part of the processor time of both processes, for 200,000 rows of
100 bytes in a table with a schema, with the client as it comes. ``empty_map_seconds`` is an operation of one
job that does nothing, from its start to its end by the cluster's clock, without the start of the Python that
the job runs. ``peak_mb`` is the most memory a fresh server held while a large table (``--megabytes``) was
written and read; a MB is 10^6 bytes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.harness import ROOT, Options, Result, interleave, machine, run, versions
from ytcurate.localcluster import lifecycle

CELL = 3_000_000
CELLS, QUICK_CELLS = 100, 10
ROWS, QUICK_ROWS = 200_000, 20_000
MEGABYTES, QUICK_MEGABYTES = 5000, 50
REPEATS = 3
WIDTH = 100
FUNCTIONS_SHOWN = 6
LARGE, SMALL = "//tmp/large", "//tmp/small"
CELL_SCHEMA = [{"name": "v", "type": "string"}]
SCHEMA = [{"name": "key", "type": "int64"}, {"name": "value", "type": "string"}]


@dataclass(frozen=True)
class Cluster:
    """A local cluster for one measurement."""

    proxy: str
    process: psutil.Process

    def client(self, encoding: str = "identity") -> Any:
        """A client that asks often."""
        return make_client(self.proxy, encoding)

    def cpu_s(self) -> float:
        """Processor time of the server so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def peak_mb(self) -> float:
        """The most memory the server has held so far, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kib) * 1024 / 1e6


def make_client(proxy: str, encoding: str = "identity") -> Any:
    """A client for a proxy; "identity" sends without compression, "gzip" is what it does by itself."""
    import yt.wrapper as yt

    client = yt.YtClient(proxy=proxy)
    config = yt.config.get_config(client)
    config["proxy"]["content_encoding"] = encoding
    config["write_retries"]["enable"] = False
    config["operation_tracker"]["poll_period"] = 50
    return client


@contextmanager
def local_cluster() -> Iterator[Cluster]:
    """A fresh one in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data = Path(folder) / "data"
        started, _ = lifecycle.start(data, ["--port", "0"])
        try:
            yield Cluster(started.proxy, psutil.Process(started.pid))
        finally:
            lifecycle.stop(data)


@contextmanager
def bare_server(cluster: Cluster) -> Iterator[str]:
    """The URL of a server that stores nothing."""
    command = [sys.executable, "-m", "bench.bare_server", cluster.proxy]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def measure(options: Options, megabytes: int | None = None) -> Result:
    """Measure all four.

    Args:
        options: as given.
        megabytes: size of the table that the memory is measured with.
    """
    repeats = options.repetitions(REPEATS)
    size_mb = megabytes or (QUICK_MEGABYTES if options.quick else MEGABYTES)
    with local_cluster() as cluster:
        cells = large_cells(cluster, QUICK_CELLS if options.quick else CELLS, repeats)
        rows = small_rows(cluster, QUICK_ROWS if options.quick else ROWS)
        maps = [empty_map(cluster) for _ in range(repeats)]
    start_s = python_start(repeats)
    return {
        "name": "cluster_io",
        "ratio": min(cells["write"]["ratio"], cells["read"]["ratio"]),
        "write_ratio": cells["write"]["ratio"],
        "read_ratio": cells["read"]["ratio"],
        "client_share_write": rows["write"]["client_share"],
        "client_share_read": rows["read"]["client_share"],
        "empty_map_seconds": round(median(maps) - start_s, 3),
        "python_start_seconds": round(start_s, 3),
        "peak_mb": round(peak_memory(size_mb), 1),
        "peak_table_mb": size_mb,
        "cells of 3 MB": cells,
        "rows of 100 bytes": {name: without_profile(each) for name, each in rows.items()},
        "where the client's time goes": {name: each["profile"] for name, each in rows.items()},
        "machine": machine(),
        "versions": versions("ytsaurus-client", "ytsaurus-yson", "uvicorn", "httptools", "pyarrow"),
    }


def large_cells(cluster: Cluster, count: int, repeats: int) -> dict[str, Result]:
    """Write and read cells of 3 MB, here and against a server that stores nothing.

    Raises:
        RuntimeError: not all that was written was read.
    """
    import yt.wrapper as yt

    cell = bytes(range(256)) * (CELL // 256)
    with bare_server(cluster) as bare:
        here, nowhere = cluster.client(), make_client(bare)
        path = yt.TablePath(LARGE, schema=CELL_SCHEMA)

        def write(client: Any) -> None:
            client.write_table(path, ({"v": cell} for _ in range(count)))

        def read(client: Any) -> None:
            # Raw: what parsing the rows costs is the client's alone, and the same.
            size = sum(len(piece) for piece in pieces_of(client))
            if size < count * len(cell):
                raise RuntimeError(f"{size} bytes read of {count * len(cell)}")

        write(here)
        found = {
            "write": interleave({"bare": lambda: write(nowhere), "cluster": lambda: write(here)}, repeats),
            "read": interleave({"bare": lambda: read(nowhere), "cluster": lambda: read(here)}, repeats),
        }
    size_mb = count * len(cell) / 1e6
    return {
        name: {
            "ratio": round(ways["bare"].median_ms / ways["cluster"].median_ms, 3),
            "cluster_mb_per_second": round(size_mb / ways["cluster"].median_ms * 1000),
            "bare_mb_per_second": round(size_mb / ways["bare"].median_ms * 1000),
            "runs": repeats,
        }
        for name, ways in found.items()
    }


def pieces_of(client: Any) -> Iterator[bytes]:
    """A table's rows as they come."""
    import yt.wrapper as yt

    stream = client.read_table(LARGE, format=yt.YsonFormat(format="binary"), raw=True)
    while piece := stream.read(1 << 20):
        yield piece


def small_rows(cluster: Cluster, count: int) -> dict[str, Result]:
    """Write and read rows of 100 bytes; whose processor time it takes, and where the client's goes.

    Raises:
        RuntimeError: not all that was written was read.
    """
    import yt.wrapper as yt

    client = cluster.client("gzip")
    rows = [{"key": number, "value": "x" * WIDTH} for number in range(count)]
    found: dict[str, Result] = {}
    for suffix, schema in (("", SCHEMA), (", no schema", None)):
        client.remove(SMALL, force=True)
        path = yt.TablePath(SMALL, schema=schema) if schema else SMALL
        found["write" + suffix] = shares(cluster, count, partial(client.write_table, path, rows))
        found["read" + suffix] = shares(cluster, count, partial(read_all, client, count))
    return found


def read_all(client: Any, count: int) -> None:
    """Read the small rows.

    Raises:
        RuntimeError: some are missing.
    """
    if sum(1 for _ in client.read_table(SMALL)) != count:
        raise RuntimeError("rows are missing")


def shares(cluster: Cluster, count: int, way: Callable[[], object]) -> Result:
    """Time of one way, and whose it is."""
    way()
    wall, own, server = time.perf_counter(), time.process_time(), cluster.cpu_s()
    way()
    wall_s = time.perf_counter() - wall
    own_s, server_s = time.process_time() - own, cluster.cpu_s() - server
    return {
        "seconds": round(wall_s, 2),
        "rows_per_second": round(count / wall_s),
        "client_cpu_s": round(own_s, 2),
        "server_cpu_s": round(server_s, 2),
        "client_share": round(own_s / (own_s + server_s), 3),
        "profile": profile_of(way),
    }


def profile_of(way: Any) -> Result:
    """The functions that take most of the time by themselves, with their share of the whole."""
    profile = cProfile.Profile()
    profile.runcall(way)
    stats = pstats.Stats(profile)
    times: dict[str, float] = {}
    for (file, _, function), (_, _, own_s, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        name = function if file == "~" else f"{Path(file).stem}.{function}"
        times[name] = times.get(name, 0.0) + own_s
    whole = sum(times.values())
    largest = sorted(times.items(), key=lambda each: -each[1])[:FUNCTIONS_SHOWN]
    return {name: round(own_s / whole, 3) for name, own_s in largest}


def without_profile(figures: Result) -> Result:
    """Figures that fit into a table."""
    return {name: value for name, value in figures.items() if name != "profile"}


def empty_map(cluster: Cluster) -> float:
    """Seconds from start to end of an operation whose job runs an empty Python program."""
    client = cluster.client()
    client.write_table("//tmp/one", [{"x": 1}])
    command = f"cat > /dev/null; {sys.executable} -c pass"
    operation = client.run_map(command, "//tmp/one", "//tmp/none", format="json")
    times = client.get_operation(operation.id, attributes=["start_time", "finish_time"])
    start, finish = (datetime.fromisoformat(str(times[name])) for name in ("start_time", "finish_time"))
    return (finish - start).total_seconds()


def python_start(repeats: int) -> float:
    """Seconds of an empty Python program."""
    command = [sys.executable, "-c", "pass"]
    ways = {"python": lambda: subprocess.run(command, check=True)}
    return interleave(ways, max(repeats, 3))["python"].median_ms / 1000


def peak_memory(megabytes: int) -> float:
    """The most memory a fresh server holds while a table of so many MB is written and read, MB."""
    cell = b"\xff" * CELL
    count = max(megabytes * 1_000_000 // CELL, 1)
    with local_cluster() as cluster:
        client = cluster.client()
        client.write_table(LARGE, ({"v": cell} for _ in range(count)))
        for _ in pieces_of(client):
            pass
        return cluster.peak_mb()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--megabytes", type=int)
    given, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    run(lambda options: measure(options, given.megabytes), __doc__)
