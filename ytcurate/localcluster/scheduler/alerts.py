"""Alerts of an operation that follow from what its jobs used, with the texts of a real cluster."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler.spec import UserJob
from ytcurate.localcluster.scheduler.statistics import JobStatistics

MIB = 1024 * 1024
DEFAULTS: dict[str, float] = {
    "low_cpu_usage_alert_min_execution_time": 600_000,
    "low_cpu_usage_alert_min_average_job_time": 60_000,
    "low_cpu_usage_alert_cpu_usage_threshold": 0.5,
    "memory_usage_alert_max_unused_size": 8192 * MIB,
    "memory_usage_alert_max_unused_ratio": 0.2,
    "memory_reserve_factor_alert_max_unused_ratio": 0.8,
    "tmpfs_alert_max_unused_space_ratio": 0.2,
    "tmpfs_alert_min_unused_space_threshold": 512 * MIB,
    "tmpfs_alert_memory_usage_mute_ratio": 0.8,
    "aborted_jobs_alert_max_aborted_time": 600_000,
    "aborted_jobs_alert_max_aborted_time_ratio": 0.25,
    "short_jobs_alert_min_job_duration": 60_000,
    "short_jobs_alert_min_job_count": 1000,
}
"""The server's, in milliseconds and bytes; `alert_manager` of //sys/controller_agents/config changes them."""
RESERVE_QUANTILE = 0.95


@dataclass
class TaskUsage:
    """What the finished jobs of one task used; times in milliseconds by job state."""

    job: UserJob
    count: Counter[str] = field(default_factory=Counter)
    exec_time: Counter[str] = field(default_factory=Counter)
    total_time: Counter[str] = field(default_factory=Counter)
    cpu_time: Counter[str] = field(default_factory=Counter)
    memory: int = 0
    tmpfs: int = 0
    memory_factors: list[float] = field(default_factory=list)
    """Shares of the limit that jobs used, tmpfs included."""

    def add(self, statistics: JobStatistics, state: str) -> None:
        def total(*path: str) -> int:
            summary = statistics.values.get(path)
            return int(summary.sum) if summary is not None else 0

        self.count[state] += 1
        self.exec_time[state] += total("time", "exec")
        self.total_time[state] += total("time", "total")
        self.cpu_time[state] += total("user_job", "cpu", "user") + total("user_job", "cpu", "system")
        if state in ("completed", "failed"):
            memory, tmpfs = total("user_job", "max_memory"), total("user_job", "max_tmpfs_size")
            self.memory, self.tmpfs = max(self.memory, memory), max(self.tmpfs, tmpfs)
            self.memory_factors.append((memory + tmpfs) / self.job.memory_limit)

    def memory_reserve(self) -> float:
        """What a real cluster would set aside for the next job: it learns from those that have finished."""
        raw = self.job.raw
        fixed = raw.get("memory_reserve_factor")
        lowest = float(fixed or raw.get("user_job_memory_digest_lower_bound") or 0.05)
        lowest = max(lowest, sum(size for _, size in self.job.tmpfs) / self.job.memory_limit)
        expected = float(fixed or raw.get("user_job_memory_digest_default_value") or 0.5)
        factors = sorted([expected, *self.memory_factors])
        factor = factors[min(int(len(factors) * RESERVE_QUANTILE), len(factors) - 1)]
        return self.job.memory_limit * min(max(factor, lowest), 1.0)


class Alerts:
    """Of one operation. `find` gives those that hold now, by name."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._tasks: dict[str, TaskUsage] = {}
        self._lock = threading.Lock()

    def add(self, job: UserJob, statistics: JobStatistics, state: str) -> None:
        """A job is over."""
        with self._lock:
            self._tasks.setdefault(job.name, TaskUsage(job)).add(statistics, state)

    def find(self, config: Mapping[str, Any]) -> dict[str, YtError]:
        given = {name: config.get(name) for name in DEFAULTS}
        limits = {
            **DEFAULTS,
            **{name: value for name, value in given.items() if isinstance(value, int | float)},
        }
        with self._lock:
            tasks = dict(self._tasks)
            found = {
                "low_cpu_usage": _cpu(tasks, limits),
                "unused_memory": _memory(tasks, limits),
                "unused_tmpfs_space": _tmpfs(tasks, limits),
                "long_aborted_jobs": _aborted(tasks, limits) if self._kind != "vanilla" else None,
                "short_jobs_duration": _short(tasks, limits) if self._kind in ("map", "reduce") else None,
            }
        return {name: error for name, error in found.items() if error is not None}


def _gathered(message: str, errors: list[YtError]) -> YtError | None:
    return YtError(message, inner=errors) if errors else None


def _cpu(tasks: Mapping[str, TaskUsage], limits: Mapping[str, float]) -> YtError | None:
    errors = []
    for name, task in tasks.items():
        time, count, limit = task.exec_time["completed"], task.count["completed"], task.job.cpu_limit
        if not time or not limit:
            continue
        ratio = task.cpu_time["completed"] / (time * limit)
        if (
            time > limits["low_cpu_usage_alert_min_execution_time"]
            and time / count > limits["low_cpu_usage_alert_min_average_job_time"]
            and ratio < limits["low_cpu_usage_alert_cpu_usage_threshold"]
        ):
            attributes = {"cpu_time": task.cpu_time["completed"], "exec_time": time, "cpu_limit": limit}
            errors.append(
                YtError(
                    f'Jobs of task "{name}" use {100 * ratio:.2f}% of requested cpu limit',
                    attributes=attributes,
                )
            )
    return _gathered(
        "Average CPU usage of some of your job types is significantly lower than requested 'cpu_limit'. "
        "Consider decreasing cpu_limit in spec of your operation",
        errors,
    )


def _memory(tasks: Mapping[str, TaskUsage], limits: Mapping[str, float]) -> YtError | None:
    errors = []
    unused, of_full = (
        limits["memory_usage_alert_max_unused_ratio"],
        limits["memory_reserve_factor_alert_max_unused_ratio"],
    )
    for name, task in tasks.items():
        if not task.memory_factors:
            continue
        usage, reserve = task.memory + task.tmpfs, task.memory_reserve()
        attributes = {"memory_reserve": int(reserve), "memory_usage": usage}
        ratio = usage / reserve
        if ratio + unused < 1 and usage + limits["memory_usage_alert_max_unused_size"] < reserve:
            text = f'Jobs of type "{name}" use less than {100 * (1 - unused):.1f}% of requested memory'
            errors.append(YtError(text, attributes=attributes))
        if float(task.job.raw.get("memory_reserve_factor") or 0) >= 1 and ratio < 1 - of_full:
            text = (
                f'Jobs of type "{name}" use less than {100 * (1 - of_full):.1f}% of requested memory '
                "with memory reserve factor set to 1"
            )
            errors.append(YtError(text, attributes=attributes))
    return _gathered(
        "Operation has jobs that use memory inefficiently; "
        "consider specifying memory limit closer to actual usage",
        errors,
    )


def _tmpfs(tasks: Mapping[str, TaskUsage], limits: Mapping[str, float]) -> YtError | None:
    errors = []
    least = 1 - limits["tmpfs_alert_max_unused_space_ratio"]
    for name, task in tasks.items():
        # Usage is measured for all volumes of a job together.
        size = sum(each for _, each in task.job.tmpfs)
        if not size or not task.memory_factors:
            continue
        used_memory = (task.memory + task.tmpfs) / task.memory_reserve()
        is_large = size - task.tmpfs > limits["tmpfs_alert_min_unused_space_threshold"]
        if (
            used_memory <= limits["tmpfs_alert_memory_usage_mute_ratio"]
            and is_large
            and task.tmpfs < least * size
        ):
            volumes = ", ".join(path for path, _ in task.job.tmpfs)
            errors.append(
                YtError(
                    f'Jobs of type "{name}" use less than {100 * least:.1f}% of requested tmpfs size '
                    f'in volume "{volumes}"',
                    attributes={"max_used_tmpfs_size": task.tmpfs, "tmpfs_size": size},
                )
            )
    return _gathered(
        "Operation has jobs that use tmpfs inefficiently; "
        "consider specifying tmpfs size closer to actual usage",
        errors,
    )


def _aborted(tasks: Mapping[str, TaskUsage], limits: Mapping[str, float]) -> YtError | None:
    aborted = sum(task.total_time["aborted"] for task in tasks.values())
    completed = sum(task.total_time["completed"] for task in tasks.values())
    ratio = aborted / completed if completed else 1.0
    if (
        aborted <= limits["aborted_jobs_alert_max_aborted_time"]
        or ratio <= limits["aborted_jobs_alert_max_aborted_time_ratio"]
    ):
        return None
    return YtError(
        "Aborted jobs time ratio is too high, scheduling is likely to be inefficient; "
        "consider increasing job count to make individual jobs smaller",
        attributes={"aborted_jobs_time_ratio": ratio},
    )


def _short(tasks: Mapping[str, TaskUsage], limits: Mapping[str, float]) -> YtError | None:
    errors = []
    least = limits["short_jobs_alert_min_job_duration"]
    for name, task in tasks.items():
        count = task.count["completed"]
        if count > limits["short_jobs_alert_min_job_count"] and task.total_time["completed"] / count < least:
            text = (
                f'Average duration of "{name}" jobs is less than {least / 1000:g} seconds, '
                f"try increasing data_weight_per_job in operation spec"
            )
            average = int(task.total_time["completed"] / count)
            errors.append(YtError(text, attributes={"average_job_duration": average}))
    return _gathered(
        f"Operation has jobs with duration is less than {least / 1000:g} seconds, "
        "that leads to large overhead costs for scheduling",
        errors,
    )
