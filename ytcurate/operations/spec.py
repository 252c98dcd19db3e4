"""Step + resources + placement → spec. Nothing is submitted here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES, MIB
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.trees import resolve_pool_trees

Spec = dict[str, Any]


def build_spec(
    preset: Preset | str,
    *,
    trees: Iterable[str],
    title: str = "ytcurate describe",
    max_row_weight: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Spec:
    """Build the spec of a map operation, for the ``spec`` argument of ``run_map``.

    Args:
        preset: a preset, its name, or the path of a file of the same form.
        trees: names of the pool trees that the account has (``account(client).pool_trees``).
        title: shown on the operation's page.
        max_row_weight: heaviest row that jobs write, bytes; needed only where they pass videos on.
        overrides: your own part of a spec, merged last and deeply.

    Returns:
        A new dictionary. ``mapper.memory_limit`` in it is the wanted memory less tmpfs, because the YT
        client adds ``tmpfs_size`` before it submits: the cluster receives exactly ``memory_bytes``.

    Raises:
        UsageError: the preset or one of its pool trees does not exist.
    """
    if isinstance(preset, str):
        preset = load_preset(preset)
    resources, placement = preset.resources, preset.placement
    mapper: Spec = {
        "cpu_limit": resources.cpu,
        "gpu_limit": resources.gpu,
        "memory_limit": resources.memory_bytes - resources.tmpfs_bytes,
        # An engine's start-up report alone is longer than a page of errors.
        "max_stderr_size": 16 * MIB,
    }
    if resources.tmpfs_bytes:
        mapper |= {"tmpfs_path": ".", "tmpfs_size": resources.tmpfs_bytes}
    if preset.environment:
        mapper["environment"] = dict(preset.environment)
    spec: Spec = {
        "title": title,
        # By weight and not by count: a fixed count makes jobs that cannot be interrupted or split.
        "data_weight_per_job": preset.data_weight_per_job,
        # A failed clip is a row; jobs fail only for what concerns all of them.
        "max_failed_job_count": preset.max_failed_job_count,
        "mapper": mapper,
    }
    if placement.pool_trees:
        spec["pool_trees"] = resolve_pool_trees(placement.pool_trees, trees)
    if placement.pool:
        spec["pool"] = placement.pool
    if resources.gpu:
        # A second copy of a slow job would hold a second device and load the model again.
        spec["max_speculative_job_count_per_task"] = 0
        # Reserve from the start what the model will take: a first guess of half ends in restarts.
        mapper["user_job_memory_digest_default_value"] = 0.9
    if placement.max_gpus and resources.gpu:
        spec["resource_limits"] = {"user_slots": max(1, placement.max_gpus // resources.gpu)}
    if max_row_weight and max_row_weight > DEFAULT_ROW_WEIGHT_BYTES:
        spec["job_io"] = {"table_writer": {"max_row_weight": max_row_weight}}
    return _merge(spec, overrides or {})


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Spec:
    merged = dict(base)
    for key, value in over.items():
        here = merged.get(key)
        merged[key] = (
            _merge(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
        )
    return merged
