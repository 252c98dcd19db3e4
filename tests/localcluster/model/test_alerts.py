"""Alerts that follow from what jobs used: thresholds and texts of the server."""

from __future__ import annotations

from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler.alerts import Alerts
from ytcurate.localcluster.scheduler.statistics import JobStatistics

from .slots_helpers import GIB, job

pytestmark = pytest.mark.checked_against("server source")

MINUTE = 60_000


def used(
    count: int, *, minutes: float, cpu: float = 1.0, memory: int = GIB, tmpfs: int = 0,
    state: str = "completed", kind: str = "map", **options: Any,
) -> dict[str, YtError]:  # fmt: skip
    """Alerts after so many jobs, each of so many minutes, with `cpu` CPUs busy."""
    alerts, statistics = Alerts(kind), JobStatistics()
    for path, value in {
        ("time", "exec"): minutes * MINUTE,
        ("time", "total"): minutes * MINUTE,
        ("user_job", "cpu", "user"): minutes * MINUTE * cpu,
        ("user_job", "cpu", "system"): 0,
        ("user_job", "max_memory"): memory,
        ("user_job", "max_tmpfs_size"): tmpfs,
    }.items():
        statistics.add(path, value)
    for _ in range(count):
        alerts.add(job(**options), statistics, state)
    return alerts.find({})


def test_jobs_that_use_less_than_half_of_their_cpus_are_said() -> None:
    found = used(6, minutes=2, cpu=0.9, cpu_limit=2)
    assert list(found) == ["low_cpu_usage"]
    error = found["low_cpu_usage"]
    assert error.message == (
        "Average CPU usage of some of your job types is significantly lower than requested 'cpu_limit'. "
        "Consider decreasing cpu_limit in spec of your operation"
    )
    (inner,) = error.inner
    assert inner.message == 'Jobs of task "map" use 45.00% of requested cpu limit'
    assert inner.attributes == {"cpu_time": 648_000, "exec_time": 720_000, "cpu_limit": 2.0}


@pytest.mark.parametrize(
    ("count", "minutes", "cpu"), [(6, 2, 1.1), (5, 2, 0.1), (100, 0.9, 0.1)], ids=["busy", "few", "short"]
)
def test_busy_few_and_short_jobs_are_not_said_to_use_few_cpus(count: int, minutes: float, cpu: float) -> None:
    assert used(count, minutes=minutes, cpu=cpu, cpu_limit=2) == {}


def test_unused_memory_is_said_only_where_much_is_set_aside() -> None:
    found = used(1, minutes=1, memory=GIB, memory_limit=40 * GIB)
    assert [each.message for each in found["unused_memory"].inner] == [
        'Jobs of type "map" use less than 80.0% of requested memory'
    ]
    assert found["unused_memory"].inner[0].attributes == {"memory_reserve": 20 * GIB, "memory_usage": GIB}
    # After twenty jobs a cluster has learned what they need.
    assert used(20, minutes=1, memory=GIB, memory_limit=40 * GIB) == {}


def test_a_reserve_factor_of_one_with_little_used_is_said() -> None:
    found = used(1, minutes=1, memory=GIB, memory_limit=8 * GIB, memory_reserve_factor=1.0)
    assert [each.message for each in found["unused_memory"].inner] == [
        'Jobs of type "map" use less than 20.0% of requested memory with memory reserve factor set to 1'
    ]


def test_unused_tmpfs_is_said() -> None:
    options = {"memory_limit": 4 * GIB, "tmpfs_path": "t", "tmpfs_size": 2 * GIB}
    found = used(1, minutes=1, memory=0, tmpfs=GIB, **options)
    (inner,) = found["unused_tmpfs_space"].inner
    assert inner.message == 'Jobs of type "map" use less than 80.0% of requested tmpfs size in volume "t"'
    assert inner.attributes == {"max_used_tmpfs_size": GIB, "tmpfs_size": 2 * GIB}
    assert used(1, minutes=1, memory=0, tmpfs=2 * GIB, **options) == {}


def test_much_time_in_aborted_jobs_is_said_except_of_vanilla_operations() -> None:
    found = used(6, minutes=2, state="aborted")
    assert found["long_aborted_jobs"].attributes == {"aborted_jobs_time_ratio": 1.0}
    assert used(6, minutes=2, state="aborted", kind="vanilla") == {}
    assert used(5, minutes=2, state="aborted") == {}


def test_many_short_jobs_are_said() -> None:
    (inner,) = used(1001, minutes=0.5)["short_jobs_duration"].inner
    assert inner.message == (
        'Average duration of "map" jobs is less than 60 seconds, '
        "try increasing data_weight_per_job in operation spec"
    )
    assert used(1000, minutes=0.5) == {}
