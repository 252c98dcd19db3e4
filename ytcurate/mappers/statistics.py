"""What jobs count, and how they tell the cluster while they run."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ytcurate.describers.base import Description, Outcome

_WRITE_EVERY_S = 3.0


@dataclass(kw_only=True)
class StreamStatistics:
    """Running totals of one stream. Seconds are those of the wall clock unless said otherwise."""

    clips_read: int = 0
    clips_done: int = 0
    decode_s: float = 0.0
    """Seconds spent decoding, summed over threads."""
    engine_start_s: float = 0.0
    """Until the engine could take the first clip."""
    engine_waited_s: float = 0.0
    """Seconds the engine stood idle for want of decoded clips."""
    stream_s: float = 0.0
    """Since the engine could take the first clip."""
    engine_restarts: int = 0
    requests_repeated: int = 0
    """Asked a second time: the reply did not fit its schema, or the engine failed on it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_decode(self, seconds: float) -> None:
        """Count time from any thread."""
        with self._lock:
            self.decode_s += seconds


class JobReport:
    """Writes the job's custom statistics every few seconds: what came since the last time."""

    def __init__(self, statistics: StreamStatistics) -> None:
        self._stream = statistics
        self._totals: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._next = 0.0

    def add(self, outcome: Outcome, descriptions: Iterable[Description]) -> None:
        """Count one finished clip."""
        self._totals["clips_done"] += 1
        self._totals[f"outcome_{outcome}"] += 1
        for each in descriptions:
            self._totals["prompt_tokens"] += each.prompt_tokens or 0
            self._totals["output_tokens"] += each.output_tokens or 0
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Tell the cluster the difference to the last time; outside a map job nothing is written."""
        from yt.wrapper import write_statistics

        self._next = time.monotonic() + _WRITE_EVERY_S
        stream = self._stream
        self._totals |= {
            "decode_ms": round(stream.decode_s * 1000),
            "engine_start_ms": round(stream.engine_start_s * 1000),
            "engine_waited_ms": round(stream.engine_waited_s * 1000),
            "stream_ms": round(stream.stream_s * 1000),
            "engine_restarts": stream.engine_restarts,
            "requests_repeated": stream.requests_repeated,
        }
        # The cluster sums what a job writes, so each time only the difference is written.
        difference = {name: total - self._written[name] for name, total in self._totals.items()}
        self._written = Counter(self._totals)
        if runs_in_map_job():
            write_statistics(difference)


class JobCounts:
    """Counts what a job has done, and writes it as custom statistics: what came since the last time.

    Args:
        time_name: of the statistic with the milliseconds that went by.
        is_job: whether this is a map job; elsewhere nothing is written.
    """

    def __init__(self, time_name: str, *, is_job: bool) -> None:
        self._time_name = time_name
        self._is_job = is_job
        self._new: Counter[str] = Counter()
        self._written_s = time.monotonic()

    def add(self, outcome: str, /, **counts: int) -> None:
        """Count one row, and write every few seconds.

        Args:
            outcome: what became of it, counted as ``outcome_`` and that.
            counts: what else it adds to the statistics of these names.
        """
        for name, count in counts.items():
            self._new[name] += count
        self._new[f"outcome_{outcome}"] += 1
        if time.monotonic() - self._written_s > _WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what is new; outside a map job nothing is."""
        from yt.wrapper import write_statistics

        now_s = time.monotonic()
        self._new[self._time_name] += round((now_s - self._written_s) * 1000)
        if self._is_job:
            write_statistics(dict(self._new))
        self._new, self._written_s = Counter(), now_s


def runs_in_map_job() -> bool:
    """Tell a map job from everything else, a notebook kernel on the cluster included.

    Kernels are jobs too and have the same variables in their environment, but not the client's runner.
    Only where that runs are the descriptors of a map job open: elsewhere number 5 is somebody's file.
    """
    return os.path.basename(sys.argv[0]) == "_py_runner.py"  # noqa: PTH119
