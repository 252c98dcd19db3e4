"""Rules between the options of a spec that a cluster would refuse it by, and some that it would not.

Source: YTsaurus documentation, "operations-options" and "map"; checks of its server's scheduler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ytcurate.config import GIB, MIB, PORTABLE_ROW_WEIGHT_BYTES
from ytcurate.errors import UsageError

_LEAST_ROW_WEIGHT = 5 * MIB
_LARGEST_ANNOTATIONS = 10 * 1024
_VAULT_NAME = re.compile(r"[A-Za-z_]\w*$", re.ASCII)


def rules(spec: Mapping[str, Any]) -> Iterator[str]:
    """Check a spec whose names are right, and give warnings.

    Raises:
        UsageError: a cluster would refuse it.
    """
    mapper = spec.get("mapper") or {}
    _identity(spec)
    _trees(spec)
    _volumes(mapper)
    _disk(mapper)
    yield from _tmpfs_size(mapper)
    yield from _row_weight(spec)
    yield from _interruption(spec)
    if spec.get("batch_row_count") and not spec.get("ordered"):
        raise UsageError("spec: batch_row_count needs ordered: true.")
    if mapper.get("make_rootfs_writable") and not mapper.get("layer_paths"):
        raise UsageError("spec: mapper.make_rootfs_writable needs mapper.layer_paths.")
    for name, value in (mapper.get("environment") or {}).items():
        if not isinstance(value, str):
            raise UsageError(
                f"spec: mapper.environment.{name} must be text, it is {value!r}: put quotes around it."
            )


def _identity(spec: Mapping[str, Any]) -> None:
    alias = spec.get("alias")
    if alias is not None and not str(alias).startswith("*"):
        raise UsageError(f"spec: alias must start with *, it is {alias}: write *{alias}.")
    if annotations := spec.get("annotations"):
        from yt import yson

        size = len(yson.dumps(annotations))
        if size > _LARGEST_ANNOTATIONS:
            raise UsageError(
                f"spec: annotations may be 10 KB as YSON text, they are {size / 1024:.0f} KB: "
                "keep large values as attributes of the result table."
            )
    for name in spec.get("secure_vault") or {}:
        if not _VAULT_NAME.match(str(name)):
            raise UsageError(
                f"spec: secure_vault.{name} becomes a name in the jobs' environment: "
                "use letters, digits and underscores."
            )


def _trees(spec: Mapping[str, Any]) -> None:
    trees = spec.get("pool_trees")
    if trees is None:
        return
    if isinstance(trees, str) or not trees:
        raise UsageError(f"spec: pool_trees must be a list of one tree or more, it is {trees!r}.")
    if spec.get("scheduling_tag_filter") and len(trees) > 1:
        raise UsageError(
            "spec: scheduling_tag_filter goes with one pool tree only, pool_trees are "
            f"{', '.join(map(str, trees))}: choose one."
        )


def _volumes(mapper: Mapping[str, Any]) -> None:
    volumes = mapper.get("tmpfs_volumes") or []
    for pair in ("tmpfs_path", "tmpfs_size"):
        if volumes and mapper.get(pair) is not None:
            raise UsageError(
                f"spec: mapper.{pair} and mapper.tmpfs_volumes exclude each other: "
                "name all of tmpfs in one way (a preset's tmpfs_gib is the pair)."
            )
    paths = [PurePosixPath(str(volume.get("path", ""))) for volume in volumes]
    if mapper.get("tmpfs_path") is not None:
        paths.append(PurePosixPath(str(mapper["tmpfs_path"])))
    for place, path in enumerate(paths):
        if path.is_absolute() or ".." in path.parts:
            raise UsageError(f"spec: tmpfs path {path} must be relative and inside the sandbox.")
        for other in paths[:place]:
            if path.is_relative_to(other) or other.is_relative_to(path):
                raise UsageError(f"spec: tmpfs paths {other} and {path} must not lie in each other.")


def _tmpfs_size(mapper: Mapping[str, Any]) -> Iterator[str]:
    memory = mapper.get("memory_limit")
    if memory is None:
        return
    if memory <= 0:
        # The client adds the size of the pair to this figure, so what is left here is for the process.
        raise UsageError(
            f"spec: mapper.memory_limit leaves {memory / GIB:g} GiB beside tmpfs: ask for more memory."
        )
    total = sum(volume.get("size", 0) for volume in mapper.get("tmpfs_volumes") or [])
    if total >= memory:
        raise UsageError(
            f"spec: mapper.tmpfs_volumes take {total / GIB:g} GiB, and tmpfs is part of "
            f"mapper.memory_limit, {memory / GIB:g} GiB: raise it."
        )
    if mapper.get("tmpfs_path") is not None and mapper.get("tmpfs_size") is None:
        yield "mapper.tmpfs_path has no tmpfs_size: files may take all of the job's memory."


def _disk(mapper: Mapping[str, Any]) -> None:
    request = mapper.get("disk_request")
    if request is None:
        return
    for other in ("disk_space_limit", "inode_limit"):
        if mapper.get(other) is not None:
            raise UsageError(
                f"spec: mapper.disk_request and mapper.{other} exclude each other: "
                "put disk_space and inode_count into disk_request."
            )
    if not request.get("disk_space"):
        raise UsageError("spec: mapper.disk_request needs disk_space, in bytes.")
    if request.get("account") and not request.get("medium_name"):
        raise UsageError("spec: mapper.disk_request.account needs medium_name beside it.")


def _row_weight(spec: Mapping[str, Any]) -> Iterator[str]:
    weight = ((spec.get("job_io") or {}).get("table_writer") or {}).get("max_row_weight")
    if weight is None:
        return
    if weight < _LEAST_ROW_WEIGHT:
        raise UsageError(
            f"spec: job_io.table_writer.max_row_weight is {weight} bytes, a cluster takes 5 MB or more."
        )
    if weight > PORTABLE_ROW_WEIGHT_BYTES:
        yield (
            f"job_io.table_writer.max_row_weight is {weight / MIB:.0f} MiB: Tracto takes that, "
            "a plain YTsaurus cluster takes 128 MiB at most and refuses the operation."
        )


def _interruption(spec: Mapping[str, Any]) -> Iterator[str]:
    if spec.get("job_count") is not None:
        yield (
            "job_count makes jobs that cannot be interrupted or split: a preempted one loses all its work. "
            "Use data_weight_per_job instead."
        )
    if spec.get("batch_row_count") is not None:
        yield "batch_row_count makes jobs that cannot be interrupted: a preempted one loses all its work."
    if (spec.get("auto_merge") or {}).get("mode", "disabled") != "disabled":
        yield "auto_merge makes jobs that cannot be interrupted: merge the result afterwards instead."
    if (spec.get("mapper") or {}).get("gpu_limit") and "max_speculative_job_count_per_task" not in spec:
        yield (
            "max_speculative_job_count_per_task is not set: a second copy of a slow job takes another GPU; "
            "set 0."
        )
