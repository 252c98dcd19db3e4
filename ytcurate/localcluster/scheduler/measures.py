"""What is measured of a job: its system statistics, under the names of a real cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.scheduler.statistics import JobStatistics

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.job import JobProcess

BRIEF = ("row_count", "uncompressed_data_size", "compressed_data_size", "data_weight")


class TmpfsUse:
    """Bytes in each tmpfs volume, now and at most."""

    def __init__(self, volumes: int) -> None:
        self.sizes = [0] * volumes
        self.most = [0] * volumes
        self.most_together = 0

    def seen(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.most = [max(pair) for pair in zip(self.most, sizes, strict=True)]
        self.most_together = max(self.most_together, sum(sizes))

    @property
    def size(self) -> int:
        return sum(self.sizes)


def input_values(segments: Sequence[Segment]) -> dict[str, int]:
    """Statistics of input, by name; sizes of what is not read whole are estimated from the mean row."""

    def part(segment: Segment, size: int) -> int:
        return size * segment.row_count // max(segment.chunk.row_count, 1)

    return {
        "row_count": sum(each.row_count for each in segments),
        "data_weight": sum(each.data_weight for each in segments),
        "chunk_count": len(segments),
        "uncompressed_data_size": sum(part(each, each.chunk.uncompressed_size) for each in segments),
        "compressed_data_size": sum(part(each, each.chunk.disk_size) for each in segments),
    }


def add_input(statistics: JobStatistics, segments: Sequence[Segment]) -> None:
    for name, value in input_values(segments).items():
        statistics.add(("data", "input", name), value)


def add_outputs(
    statistics: JobStatistics, writers: Sequence[RowWriter], outputs: Sequence[list[Chunk]]
) -> None:
    for index, (writer, chunks) in enumerate(zip(writers, outputs, strict=True)):
        values = {
            "row_count": writer.row_count,
            "data_weight": writer.data_weight,
            "chunk_count": len(chunks),
            "uncompressed_data_size": sum(chunk.uncompressed_size for chunk in chunks),
            "compressed_data_size": sum(chunk.disk_size for chunk in chunks),
        }
        for name, value in values.items():
            statistics.add(("data", "output", str(index), name), value)


def add_times(statistics: JobStatistics, begun: float, prepared: float, finished: float) -> None:
    """In milliseconds, from times in seconds."""
    statistics.add(("time", "prepare"), int((prepared - begun) * 1000))
    statistics.add(("time", "exec"), int((finished - prepared) * 1000))
    statistics.add(("time", "total"), int((finished - begun) * 1000))


def add_limits(job: JobProcess) -> None:
    """Memory and tmpfs, with what there was of them."""
    statistics, user_job, tmpfs = job.statistics, job.user_job, job.tmpfs
    reserve = int(user_job.memory_limit * user_job.memory_reserve_factor)
    values = {
        "max_memory": job.max_memory,
        "tmpfs_size": tmpfs.size,
        "max_tmpfs_size": tmpfs.most_together,
        "memory_limit": user_job.memory_limit,
        "memory_reserve": reserve,
        "memory_reserve_factor_x10000": 10_000 * reserve // user_job.memory_limit,
        "woodpecker": 0,
    }
    for name, value in values.items():
        statistics.add(("user_job", name), value)
    for index, (size, most) in enumerate(zip(tmpfs.sizes, tmpfs.most, strict=True)):
        statistics.add(("user_job", "tmpfs_volumes", str(index), "size"), size)
        statistics.add(("user_job", "tmpfs_volumes", str(index), "max_size"), most)
    if job.source is not None:
        statistics.add(("user_job", "pipes", "input", "bytes"), job.context.size)


def wait(process: subprocess.Popen[bytes], statistics: JobStatistics) -> int:
    """Wait for the end of a process and count its processor time; returns its exit code."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    statistics.add(("user_job", "cpu", "user"), int(usage.ru_utime * 1000))
    statistics.add(("user_job", "cpu", "system"), int(usage.ru_stime * 1000))
    return process.returncode


def in_brief(segments: Sequence[Segment]) -> dict[str, Any]:
    """`brief_statistics` of a job that has read so much."""
    values = input_values(segments)
    return {f"processed_input_{name}": values[name] for name in BRIEF}
