"""Presets: the files of ``specs/``, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ytcurate.config import GIB, MIB
from ytcurate.errors import UsageError
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges

_KEYS = {
    "resources": {"cpu", "gpu", "memory_gib", "tmpfs_gib"},
    "placement": {"pool", "pool_trees", "max_gpus"},
    "engine": {"tensor_parallel"},
    "gpu_memory_gib": None,
    "seconds_per_clip": None,
    "seconds_per_gib": None,
    "encode_seconds_per_gib": None,
    "start_minutes": None,
    "target_job_minutes": None,
    "jobs_at_once": None,
    "data_weight_per_job_mib": None,
    "max_failed_job_count": None,
    "environment": None,
}
"""Every key a preset may have; those with a set are sections."""
_NO_PRESETS = ("pipeline",)
"""Files of the same folder that hold something else."""
_ABOVE_ZERO = """
    seconds_per_clip seconds_per_gib encode_seconds_per_gib target_job_minutes jobs_at_once
    data_weight_per_job gpu_memory_bytes
""".split()


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One file of ``specs/``: what a job gets on one kind of machine."""

    name: str
    resources: JobResources
    placement: Placement
    data_weight_per_job: int | None = None
    """Bytes of input that one job is given. None: worked out from the figures below; see slicing.py."""
    seconds_per_clip: float = 1.0
    """Engine time of one job for one clip: assumed, until a run has measured it."""
    seconds_per_gib: float = 40.0
    """Time of one job for a GiB of source video, where packets are copied: assumed, until it is measured."""
    encode_seconds_per_gib: float = 400.0
    """The same where pictures are decoded or encoded."""
    start_minutes: float = 1.0
    """From the start of a job to its first answer: image, weights, warming up."""
    target_job_minutes: float = 20.0
    """How long a job should run: long beside its start, short beside what an interruption may cost."""
    jobs_at_once: int | None = None
    """Jobs that planning counts on where no number of GPUs says it; nothing is limited by it."""
    gpu_memory_bytes: int | None = None
    """Memory of one device; None if there is none, or the preset does not say."""
    max_failed_job_count: int = 3
    tensor_parallel: int | None = None
    """Devices of one copy of the model. None: as few as hold it."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _ABOVE_ZERO:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"preset {self.name}: {name} must be above 0, it is {value}.")
        if self.start_minutes < 0:
            raise UsageError(
                f"preset {self.name}: start_minutes must be 0 or more, it is {self.start_minutes}."
            )

    def changed(
        self,
        *,
        resources: JobResources | ResourceChanges | None = None,
        placement: Placement | None = None,
    ) -> Preset:
        """Return this preset with what the user asked for.

        Args:
            resources: all of what a job gets, or only the fields to change.
            placement: its fields that are set win over the preset's.
        """
        if isinstance(resources, ResourceChanges):
            resources = resources.applied_to(self.resources)
        wanted = {name: value for name, value in vars(placement).items() if value} if placement else {}
        return replace(
            self,
            resources=resources or self.resources,
            placement=replace(self.placement, **wanted),
        )


def preset_folder() -> Path:
    """Where the preset files are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def preset_names() -> list[str]:
    """Names that ``load_preset`` knows."""
    return sorted(path.stem for path in preset_folder().glob("*.yaml") if path.stem not in _NO_PRESETS)


def load_preset(name_or_file: str) -> Preset:
    """Read a preset by its name, or a file of one's own in the same form.

    Raises:
        UsageError: there is none of that name, or the file has a key or a value that is not understood.
    """
    import yaml

    path = Path(name_or_file)
    if path.suffix != ".yaml":
        path = preset_folder() / f"{name_or_file}.yaml"
    if not path.is_file():
        raise UsageError(
            f"preset {name_or_file}: there are {', '.join(preset_names())}, or give a .yaml file of your own."
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML: {error}") from error
    return _read(path, content)


def _read(path: Path, content: Any) -> Preset:
    _check_keys(path, content, set(_KEYS), "")
    for section, keys in _KEYS.items():
        if keys is not None:
            _check_keys(path, content.get(section) or {}, keys, f"{section}.")
    resources, placement = content.get("resources") or {}, content.get("placement") or {}
    tensor_parallel = (content.get("engine") or {}).get("tensor_parallel")
    try:
        return Preset(
            name=path.stem,
            resources=JobResources(
                cpu=float(resources.get("cpu", 1)),
                gpu=int(resources.get("gpu", 0)),
                memory_bytes=round(float(resources.get("memory_gib", 4)) * GIB),
                tmpfs_bytes=round(float(resources.get("tmpfs_gib", 0)) * GIB),
            ),
            placement=Placement(
                pool=placement.get("pool"),
                pool_trees=tuple(placement.get("pool_trees") or ()),
                max_gpus=placement.get("max_gpus"),
            ),
            data_weight_per_job=_bytes(content.get("data_weight_per_job_mib"), MIB),
            gpu_memory_bytes=_bytes(content.get("gpu_memory_gib"), GIB),
            seconds_per_clip=float(content.get("seconds_per_clip", 1)),
            seconds_per_gib=float(content.get("seconds_per_gib", 40)),
            encode_seconds_per_gib=float(content.get("encode_seconds_per_gib", 400)),
            start_minutes=float(content.get("start_minutes", 1)),
            target_job_minutes=float(content.get("target_job_minutes", 20)),
            jobs_at_once=_whole(content.get("jobs_at_once")),
            max_failed_job_count=int(content.get("max_failed_job_count", 3)),
            tensor_parallel=None if tensor_parallel is None else int(tensor_parallel),
            environment={str(k): str(v) for k, v in (content.get("environment") or {}).items()},
        )
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: a value is not a number: {error}") from error


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _bytes(value: Any, unit: int) -> int | None:
    return None if value is None else round(float(value) * unit)


def _check_keys(path: Path, content: Any, allowed: set[str], where: str) -> None:
    if not isinstance(content, Mapping):
        raise UsageError(
            f"{path}: {where or 'the file'} must be a map of keys and values, it is {content!r}."
        )
    unknown = sorted(set(map(str, content)) - allowed)
    if unknown:
        raise UsageError(f"{path}: {where}{unknown[0]} is not known; known are {', '.join(sorted(allowed))}.")
