"""Step + resources + placement → spec. Nothing is submitted here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES, MIB
from ytcurate.operations.lint import UNCHECKED, lint_spec
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.resources import JobResources, ResourceChanges
from ytcurate.operations.slicing import usual_data_weight
from ytcurate.operations.trees import resolve_pool_trees

Spec = dict[str, Any]


def build_spec(
    preset: Preset | str,
    *,
    trees: Iterable[str],
    title: str = "ytcurate describe",
    resources: JobResources | ResourceChanges | None = None,
    data_weight_per_job: int | None = None,
    ordered: bool = False,
    max_failed_job_count: int | None = None,
    max_row_weight: int | None = None,
    alias: str | None = None,
    annotations: Mapping[str, Any] | None = None,
    secure_vault: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    on_warning: Callable[[str], None] = lambda sentence: None,
) -> Spec:
    """Build the spec of a map operation, for the ``spec`` argument of ``run_map``.

    Args:
        preset: a preset, its name, or the path of a file of the same form.
        trees: names of the pool trees that the account has (``account(client).pool_trees``).
        title: shown on the operation's page.
        resources: instead of the preset's: all of them, or some (``ResourceChanges``).
        data_weight_per_job: bytes of input for one job, as ``plan_jobs`` finds it for a table. None: the
            preset's, else what suits clips of usual size.
        ordered: give each job neighbouring rows, and write results in their order.
        max_failed_job_count: jobs that may fail before the operation does. None: as the preset says.
        max_row_weight: heaviest row that jobs write, bytes; needed only where they pass videos on.
        alias: a name that starts with ``*``; the cluster refuses a second running operation of it.
        annotations: kept with the operation, searchable; at most 10 KB.
        secure_vault: secrets. Jobs find each in the environment as ``YT_SECURE_VAULT_<name>``; nobody else
            sees them. See ``mask_secrets`` before a spec is shown.
        overrides: your own part of a spec, merged last and deeply. ``unchecked_options`` in it lists options
            (``["mapper.new_option"]``) that your cluster knows and this version of ytcurate does not.
        on_warning: called with a sentence about what is allowed and probably not meant.

    Returns:
        A new dictionary. ``mapper.memory_limit`` in it is the wanted memory less tmpfs, because the YT
        client adds ``tmpfs_size`` before it submits: the cluster receives exactly ``memory_bytes``.

    Raises:
        UsageError: the preset or one of its pool trees does not exist, or an option is misspelt or would be
            refused; see ``lint_spec``.
    """
    if isinstance(preset, str):
        preset = load_preset(preset)
    preset = preset.changed(resources=resources)
    per_job, placement = preset.resources, preset.placement
    mapper = _mapper(preset)
    spec: Spec = {
        "title": title,
        # By weight and not by count: a fixed count makes jobs that cannot be interrupted or split.
        "data_weight_per_job": data_weight_per_job or usual_data_weight(preset),
        # A failed clip is a row; jobs fail only for what concerns all of them.
        "max_failed_job_count": (
            preset.max_failed_job_count if max_failed_job_count is None else max_failed_job_count
        ),
        "mapper": mapper,
    }
    if placement.pool_trees:
        spec["pool_trees"] = resolve_pool_trees(placement.pool_trees, trees)
    if placement.pool:
        spec["pool"] = placement.pool
    if per_job.gpu:
        # A second copy of a slow job would hold a second device and load the model again.
        spec["max_speculative_job_count_per_task"] = 0
    if (slots := placement.slots(per_job)) is not None:
        spec["resource_limits"] = {"user_slots": slots}
    if max_row_weight and max_row_weight > DEFAULT_ROW_WEIGHT_BYTES:
        spec["job_io"] = {"table_writer": {"max_row_weight": max_row_weight}}
    if ordered:
        spec["ordered"] = True
    if alias:
        spec["alias"] = alias
    if annotations:
        spec["annotations"] = dict(annotations)
    if secure_vault:
        spec["secure_vault"] = dict(secure_vault)
    own_part = dict(overrides or {})
    unchecked = own_part.pop(UNCHECKED, ())
    spec = _merge(spec, own_part)
    for sentence in lint_spec(spec, unchecked=unchecked):
        on_warning(sentence)
    return spec


def mask_secrets(spec: Mapping[str, Any]) -> Spec:
    """Return a copy of a spec to print or keep: names of secrets stay, values do not."""
    shown = dict(spec)
    if vault := shown.get("secure_vault"):
        shown["secure_vault"] = dict.fromkeys(vault, "***")
    return shown


def _mapper(preset: Preset) -> Spec:
    resources = preset.resources
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
    if resources.gpu:
        # Reserve from the start what the model will take: a first guess of half ends in restarts.
        mapper["user_job_memory_digest_default_value"] = 0.9
    return mapper


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Spec:
    merged = dict(base)
    for key, value in over.items():
        here = merged.get(key)
        merged[key] = (
            _merge(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
        )
    return merged
