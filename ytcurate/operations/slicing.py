"""How input is cut into jobs, and long work into waves. Arithmetic only; nothing is asked of a cluster.

Jobs are cut by data weight: that keeps them interruptible, which a fixed number of jobs does not
(YTsaurus documentation, "map"). The weight follows from the time one clip takes and the time a job should
run; short jobs would spend the devices on loading the model again and again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from ytcurate.config import MIB
from ytcurate.errors import UsageError
from ytcurate.operations.presets import Preset

TYPICAL_CLIP_BYTES = 3 * MIB
"""Ten seconds of 1080p video: the mean in the platform's public notebooks. For specs of unknown tables."""
UNLIMITED_SLOTS = 64
"""Jobs at once that planning counts on where nothing limits them but the pool."""
_LEAST_WORK = 2.0
"""A job is shortened to use more devices only down to this many times its start-up."""
_WAVE_JOBS_PER_SLOT = 3


@dataclass(frozen=True)
class Rate:
    """How fast one job describes."""

    seconds_per_clip: float
    measured: bool = False
    """False: a preset's assumption."""

    def __post_init__(self) -> None:
        if self.seconds_per_clip <= 0:
            raise UsageError(f"seconds_per_clip must be above 0, it is {self.seconds_per_clip}.")

    @classmethod
    def assumed(cls, preset: Preset) -> Rate:
        """Return the rate a preset assumes."""
        return cls(preset.seconds_per_clip)

    def __str__(self) -> str:
        return f"{self.seconds_per_clip:.3g} s per clip {'measured' if self.measured else 'assumed'}"


@dataclass(frozen=True, kw_only=True)
class JobPlan:
    """How one operation is cut, and what it will cost."""

    rows: int
    data_weight: int
    """Bytes of all rows."""
    data_weight_per_job: int
    """What the spec says; the cluster may cut a little differently."""
    jobs: int
    jobs_at_once: int
    gpus_per_job: int
    start_minutes: float
    """Of each job."""
    rate: Rate

    @property
    def clips_per_job(self) -> int:
        """Clips of one job, rounded up."""
        return math.ceil(self.rows / self.jobs) if self.jobs else 0

    @property
    def job_minutes(self) -> float:
        """How long one job runs, its start included."""
        return self.start_minutes + self.clips_per_job * self.rate.seconds_per_clip / 60

    @property
    def minutes(self) -> float:
        """How long all of it takes if there is room at once for all jobs that may run at once."""
        return math.ceil(self.jobs / self.jobs_at_once) * self.job_minutes if self.jobs else 0.0

    @property
    def gpu_hours(self) -> float:
        """Devices times hours, starts included."""
        return self._job_hours * self.gpus_per_job

    @property
    def start_share(self) -> float:
        """Which part of the jobs' time goes into starting them, 0 to 1."""
        return self.jobs * self.start_minutes / 60 / self._job_hours if self.jobs else 0.0

    @property
    def _job_hours(self) -> float:
        return self.jobs * self.start_minutes / 60 + self.rows * self.rate.seconds_per_clip / 3600

    def to_json(self) -> dict[str, Any]:
        """Give the figures as ``--dry-run`` prints them."""
        return {
            "rows": self.rows,
            "data_weight": self.data_weight,
            "data_weight_per_job": self.data_weight_per_job,
            "jobs": self.jobs,
            "jobs_at_once": self.jobs_at_once,
            "clips_per_job": self.clips_per_job,
            "seconds_per_clip": self.rate.seconds_per_clip,
            "measured": self.rate.measured,
            "job_minutes": round(self.job_minutes, 1),
            "minutes": round(self.minutes, 1),
            "gpu_hours": round(self.gpu_hours, 2),
            "start_share": round(self.start_share, 3),
        }

    def __str__(self) -> str:
        if not self.jobs:
            return "0 rows: nothing to do"
        cost = f", {_short(self.gpu_hours)} GPU-hours" if self.gpus_per_job else ""
        return (
            f"{_count(self.rows, 'row')}, {_bytes(self.data_weight)} → "
            f"{_count(self.jobs, 'job')} of {_count(self.clips_per_job, 'clip')}, "
            f"{self.jobs_at_once} at once: about {max(1, round(self.minutes))} min{cost}, "
            f"{self.start_share:.0%} of it starting ({self.rate})"
        )


def plan_jobs(
    rows: int, data_weight: int, preset: Preset, rate: Rate | None = None, max_gpus: int | None = None
) -> JobPlan:
    """Cut one operation into jobs.

    A job runs about ``preset.target_job_minutes``. Where the devices at once are limited, the number of
    jobs is a multiple of what runs at once, so that none of them waits for a last job; a small input is
    spread over all of them only as far as each job still runs twice as long as it takes to start.
    A ``data_weight_per_job`` in the preset is taken as it is.

    Args:
        rows: clips of the input.
        data_weight: their bytes; the table's attribute of that name.
        preset: what a job gets.
        rate: None: what the preset assumes.
        max_gpus: devices at once; None: as the preset says.

    Raises:
        UsageError: there are fewer devices than one job needs.
    """
    rate = rate or Rate.assumed(preset)
    limit = _slots(preset, max_gpus)
    if not rows:
        jobs, per_job = 0, usual_data_weight(preset)
    elif preset.data_weight_per_job is not None:
        per_job = preset.data_weight_per_job
        jobs = min(rows, max(1, math.ceil(data_weight / per_job)))
    else:
        jobs = _job_count(rows, preset, rate, limit)
        per_job = max(1, math.ceil(data_weight / jobs))
    return JobPlan(
        rows=rows,
        data_weight=data_weight,
        data_weight_per_job=per_job,
        jobs=jobs,
        jobs_at_once=min(jobs, limit or UNLIMITED_SLOTS),
        gpus_per_job=preset.resources.gpu,
        start_minutes=preset.start_minutes,
        rate=rate,
    )


def wave_rows(
    rows: int, data_weight: int, preset: Preset, rate: Rate | None = None, max_gpus: int | None = None
) -> int:
    """Say how many rows one wave takes: three jobs for each that runs at once, one after the other.

    All waves are about equally long: the last one is not left with a few rows. Arguments and errors are
    those of ``plan_jobs``.
    """
    rate = rate or Rate.assumed(preset)
    if preset.data_weight_per_job is not None:
        clips = max(1.0, preset.data_weight_per_job * rows / max(data_weight, 1))
    else:
        clips = _clips_per_job(preset, rate)
    slots = _slots(preset, max_gpus) or UNLIMITED_SLOTS
    waves = max(1, round(rows / (clips * slots * _WAVE_JOBS_PER_SLOT)))
    return math.ceil(rows / waves)


def usual_data_weight(preset: Preset) -> int:
    """Bytes for one job of a table nothing is known about: clips of typical size at the assumed rate."""
    if preset.data_weight_per_job is not None:
        return preset.data_weight_per_job
    return round(_clips_per_job(preset, Rate.assumed(preset)) * TYPICAL_CLIP_BYTES)


def _slots(preset: Preset, max_gpus: int | None) -> int | None:
    """Jobs at once; None for as many as the pool gives."""
    placement = preset.placement if max_gpus is None else replace(preset.placement, max_gpus=max_gpus)
    slots = placement.slots(preset.resources)
    return preset.jobs_at_once if slots is None else slots


def _clips_per_job(preset: Preset, rate: Rate) -> float:
    """Clips whose description takes a job's target time."""
    return max(1.0, preset.target_job_minutes * 60 / rate.seconds_per_clip)


def _job_count(rows: int, preset: Preset, rate: Rate, slots: int | None) -> int:
    by_target = rows / _clips_per_job(preset, rate)
    if slots is None:
        return min(rows, math.ceil(by_target))
    even = slots * max(1, round(by_target / slots))
    start_s = preset.start_minutes * 60
    worth_while = rows * rate.seconds_per_clip / (_LEAST_WORK * start_s) if start_s else math.inf
    # Long starts do not forbid the target itself, they only limit spreading beyond it.
    most = max(1, math.ceil(by_target), math.floor(min(worth_while, even)))
    return min(rows, even, most)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def _bytes(number: int) -> str:
    return f"{_short(number / 1e9)} GB" if number >= 1e9 else f"{_short(number / 1e6)} MB"
