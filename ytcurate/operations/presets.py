"""Presets: the files of ``specs/``, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ytcurate.config import GIB, MIB
from ytcurate.errors import UsageError
from ytcurate.operations.resources import JobResources, Placement

_KEYS = {
    "resources": {"cpu", "gpu", "memory_gib", "tmpfs_gib"},
    "placement": {"pool", "pool_trees", "max_gpus"},
    "engine": {"tensor_parallel"},
    "data_weight_per_job_mib": None,
    "max_failed_job_count": None,
    "environment": None,
}
"""Every key a preset may have; those with a set are sections."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One file of ``specs/``: what a describe job gets on one kind of machine."""

    name: str
    resources: JobResources
    placement: Placement
    data_weight_per_job: int
    """Bytes of input that one job is given: what decides how many jobs there are."""
    max_failed_job_count: int = 3
    tensor_parallel: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


def preset_folder() -> Path:
    """Where the preset files are: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def preset_names() -> list[str]:
    """Names that ``load_preset`` knows."""
    return sorted(path.stem for path in preset_folder().glob("*.yaml"))


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
            data_weight_per_job=round(float(content["data_weight_per_job_mib"]) * MIB),
            max_failed_job_count=int(content.get("max_failed_job_count", 3)),
            tensor_parallel=int((content.get("engine") or {}).get("tensor_parallel", 1)),
            environment={str(k): str(v) for k, v in (content.get("environment") or {}).items()},
        )
    except KeyError as error:
        raise UsageError(f"{path}: {error.args[0]} is missing.") from error
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path}: a value is not a number: {error}") from error


def _check_keys(path: Path, content: Any, allowed: set[str], where: str) -> None:
    if not isinstance(content, Mapping):
        raise UsageError(
            f"{path}: {where or 'the file'} must be a map of keys and values, it is {content!r}."
        )
    unknown = sorted(set(map(str, content)) - allowed)
    if unknown:
        raise UsageError(f"{path}: {where}{unknown[0]} is not known; known are {', '.join(sorted(allowed))}.")
