"""What the jobs get that cut videos on the cluster, and how many videos each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ytcurate import __version__
from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES, GIB, MIB, PORTABLE_ROW_WEIGHT_BYTES
from ytcurate.connection import account
from ytcurate.errors import UsageError
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES, measure_archive
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges
from ytcurate.operations.spec import build_spec
from ytcurate.uploading.plan import UploadPlan

_JOB_ITSELF_BYTES = 4 * GIB
"""Memory of a job beside what the videos take that are cut in it: a row of a GiB, three times, and Python."""
_JOBS_IN_WAVE = 192
_LEAST_JOB_BYTES = 16 * MIB


@dataclass(frozen=True, kw_only=True)
class ClusterJobs:
    """How to cut on the cluster; what clips come out does not depend on it."""

    preset: str = "cpu"
    """Name of a preset, or a file."""
    resources: JobResources | ResourceChanges | None = None
    """All of what a job gets, or the fields that win over the preset's."""
    placement: Placement | None = None
    """Pool and pool trees; what is set wins over the preset."""
    job_minutes: float | None = None
    """How long a job should take. None: as the preset says."""
    job_bytes: int | None = None
    """Source video of one job. None: what takes it ``job_minutes``."""
    wave_bytes: int | None = None
    """Source video of one operation. None: as much as 192 jobs take."""
    keep_videos: bool = False
    """Leave whole videos that were uploaded first where they are."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Your own part of the spec, merged last."""
    ship_anyway: bool = False
    """Send more than 20 MiB of code to jobs."""

    def __post_init__(self) -> None:
        for name in ("job_minutes", "job_bytes", "wave_bytes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be above 0, it is {value}.")


@dataclass(frozen=True, kw_only=True)
class CutPlan:
    """The operations of an upload, checked and ready to start."""

    jobs: ClusterJobs
    preset: Preset
    trees: tuple[str, ...]
    """Pool trees that the account has."""
    processes: int
    """That cut side by side in one job."""
    is_encoding: bool
    title: str
    table: str
    seconds_per_gib: float | None = None
    """Of one job, measured; None: as the preset assumes."""

    @property
    def max_archive_bytes(self) -> int | None:
        """Code that may be sent to jobs."""
        return None if self.jobs.ship_anyway else MAX_ARCHIVE_BYTES

    @property
    def job_bytes(self) -> int:
        """Source video that one job is given."""
        if self.jobs.job_bytes is not None:
            return self.jobs.job_bytes
        preset = self.preset
        assumed = preset.encode_seconds_per_gib if self.is_encoding else preset.seconds_per_gib
        gib = preset.target_job_minutes * 60 / (self.seconds_per_gib or assumed)
        return max(_LEAST_JOB_BYTES, round(gib * GIB))

    @property
    def wave_bytes(self) -> int:
        """Source video of one operation."""
        return self.jobs.wave_bytes or _JOBS_IN_WAVE * self.job_bytes

    def measured(self, statistics: Mapping[str, int]) -> CutPlan:
        """Return this plan with the rate that an operation's jobs had."""
        done, cut_ms = statistics.get("source_bytes", 0), statistics.get("cut_ms", 0)
        return replace(self, seconds_per_gib=cut_ms / 1000 / (done / GIB)) if done and cut_ms else self

    def spec(
        self,
        *,
        data_weight_per_job: int | None = None,
        row_cap: int = PORTABLE_ROW_WEIGHT_BYTES,
        alias: str | None = None,
        on_warning: Callable[[str], None] = lambda warning: None,
    ) -> dict[str, Any]:
        """The spec of one operation.

        Args:
            data_weight_per_job: bytes of its input for one job. None: as many as of source video.
            row_cap: what a row of the cluster may weigh.
            alias: of the operation.
            on_warning: told what is odd about the options.
        """
        spec = build_spec(
            self.preset,
            trees=self.trees,
            title=self.title,
            data_weight_per_job=data_weight_per_job or self.job_bytes,
            ordered=True,
            alias=alias,
            annotations={"ytcurate": __version__, "table": self.table},
            overrides=self.jobs.spec,
            on_warning=on_warning,
        )
        job_io = dict(spec.get("job_io") or {})
        # Videos are numbered by the rows of their table.
        job_io["control_attributes"] = {**(job_io.get("control_attributes") or {}), "enable_row_index": True}
        if row_cap > DEFAULT_ROW_WEIGHT_BYTES:
            job_io["table_writer"] = {"max_row_weight": row_cap, **(job_io.get("table_writer") or {})}
        return spec | {"job_io": job_io}

    def content(self) -> dict[str, Any]:
        """As ``--dry-run`` shows it."""
        return {
            "preset": self.preset.name,
            "processes_per_job": self.processes,
            "job_bytes": self.job_bytes,
            "wave_bytes": self.wave_bytes,
            "keep_videos": self.jobs.keep_videos,
            "spec": self.spec(),
        }


def plan_cutting(client: Any, plan: UploadPlan, jobs: ClusterJobs) -> CutPlan:
    """Check what is asked of the cluster; nothing is started or written.

    Raises:
        UsageError: no such preset, pool tree or option; too little memory; too much code to send; or clips
            are to be kept as files, which jobs cannot write.
    """
    if plan.options.store == "file":
        raise UsageError(
            "--store file does not go with --on-cluster: jobs write rows, and no files. "
            "Cut shorter clips, or upload from here."
        )
    preset = load_preset(jobs.preset).changed(resources=jobs.resources, placement=jobs.placement)
    preset = replace(preset, target_job_minutes=jobs.job_minutes or preset.target_job_minutes)
    segmenting = plan.segmenting
    cutting = CutPlan(
        jobs=jobs,
        preset=preset,
        trees=account(client).pool_trees,
        processes=_processes(preset, plan.options.limits.max_memory_bytes),
        is_encoding=(segmenting.cutting, segmenting.codec) != ("copy", None)
        or segmenting.split == "scenes"
        or plan.scoring is not None,
        title=f"ytcurate upload: cut {plan.source.name}"[:200],
        table=plan.table,
    )
    if cutting.max_archive_bytes is not None:
        measure_archive(client).require_at_most(cutting.max_archive_bytes)
    cutting.spec()  # refuses options and pool trees that do not exist
    return cutting


def _processes(preset: Preset, max_memory_bytes: int) -> int:
    """As many as a job has cores and memory for."""
    memory = preset.resources.memory_bytes
    fitting = (memory - _JOB_ITSELF_BYTES) // max_memory_bytes
    if fitting < 1:
        raise UsageError(
            f"preset {preset.name}: jobs get {memory / GIB:g} GiB of memory; cutting takes "
            f"{(_JOB_ITSELF_BYTES + max_memory_bytes) / GIB:g} GiB: ask for more with --memory."
        )
    return max(1, min(math.ceil(preset.resources.cpu), fitting))
