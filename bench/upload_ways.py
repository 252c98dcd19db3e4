"""The ways to fill a table that ``bench.upload`` compares, each one run of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil

import ytcurate
from bench.harness import Result
from bench.processes import Cost, run_command
from ytcurate.tables.rows import CLIPS
from ytcurate.tables.store import create_table, read_rows

PLACE = "//tmp/bench-upload"
TABLE = f"{PLACE}/clips"
YTCURATE = Path(sys.executable).parent / "ytcurate"

Row = dict[str, Any]


@dataclass(frozen=True)
class Spent:
    """One run of one way."""

    clips: int
    """Rows in the table afterwards."""
    wall_s: float
    cpu_s: float
    """Of all processes but the cluster's."""
    cluster_cpu_s: float
    posters: int = 0


class Bench:
    """A cluster, and a folder of source videos."""

    def __init__(self, client: Any, cluster: psutil.Process, folder: Path) -> None:
        self._client = client
        self._cluster = cluster
        self._folder = folder
        self._proxy = str(client.config["proxy"]["url"])

    def ours(self, *arguments: str) -> Spent:
        """Run the command, with its defaults but for these arguments."""
        return self._run([str(YTCURATE), "upload", str(self._folder), TABLE, "--strict", *arguments])

    def plain(self) -> Spent:
        """Run the plain way."""
        return self._run([sys.executable, "-m", "bench.seed_upload", str(self._folder), TABLE])

    def limit(self, rows: Sequence[Row], count: int, streams: int) -> Spent:
        """Write rows from memory, as fast as this client and this cluster can.

        Args:
            rows: written again and again.
            count: how many to write in all.
            streams: at once, each of a client of its own into a table of its own.
        """
        before, cpu_s, started = self._cluster_cpu_s(), time.process_time(), time.perf_counter()
        shares = [count * (each + 1) // streams - count * each // streams for each in range(streams)]
        tables = [f"{TABLE}-{each}" for each in range(streams)]
        with ThreadPoolExecutor(streams) as pool:
            for _ in pool.map(self._stream, [rows] * streams, shares, tables):
                pass
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
        return Spent(self._clean_up(tables), wall_s, cpu_s, self._cluster_cpu_s() - before)

    def peak(self, source: Path) -> Result:
        """Run the command once more and look at its memory; that run's time is not used."""
        command = [str(YTCURATE), "upload", str(source), TABLE, "--strict", "--proxy", self._proxy]
        cost = run_command(command, watch_memory=True)
        clips = self._clean_up([TABLE])
        files = [source] if source.is_file() else list(source.iterdir())
        return {
            "peak_mb": round(cost.peak_bytes / 1e6),
            "source_mb": round(sum(path.stat().st_size for path in files) / 1e6),
            "files": len(files),
            "clips": clips,
        }

    def _run(self, command: list[str]) -> Spent:
        before = self._cluster_cpu_s()
        cost: Cost = run_command([*command, "--proxy", self._proxy])
        cluster_cpu_s = self._cluster_cpu_s() - before
        # The plain way's table has no such column.
        posters = sum(row.get("preview") is not None for row in read_rows(self._client, TABLE, ["preview"]))
        return Spent(self._clean_up([TABLE]), cost.wall_s, cost.cpu_s, cluster_cpu_s, posters)

    def _stream(self, rows: Sequence[Row], count: int, table: str) -> None:
        import yt.wrapper as yt

        client = ytcurate.connect(self._proxy)
        # One request, sent as rows come: with retries the client gathers 128 MiB first.
        client.config["write_retries"]["enable"] = False
        client.config["write_retries"]["rows_chunk_size"] = 1
        client.config["proxy"]["content_encoding"] = "identity"
        create_table(client, table, CLIPS)
        client.write_table(yt.TablePath(table, append=True, client=client), numbered(rows, count), raw=False)

    def _cluster_cpu_s(self) -> float:
        return float(sum(self._cluster.cpu_times()[:2]))

    def _clean_up(self, tables: Sequence[str]) -> int:
        """Remove what was written, or the disk fills; returns how many rows it was."""
        rows = sum(int(self._client.get(f"{table}/@row_count")) for table in tables)
        self._client.remove(PLACE, recursive=True)
        return rows


def numbered(rows: Sequence[Row], count: int) -> Iterator[Row]:
    """The same rows again and again, as those of different sources."""
    for number, row in enumerate(islice(cycle(rows), count)):
        yield {**row, "ds_index": number}
