"""A job's part of a spec read and checked: the mapper, the reducer, a task of a vanilla operation."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import YSON_TEXT, Format, parse_format
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.writer import WriterLimits, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import require_supported
from ytcurate.localcluster.scheduler import ports

MIB = 1024 * 1024
JOB_TYPES = ("sorted_reduce", "partition_map", "partition_reduce")


@dataclass(frozen=True)
class Grouping:
    """What makes a job a reducer: the order of its input and the columns of a key."""

    sort_by: tuple[str, ...]
    reduce_by: tuple[str, ...]
    """The first of `sort_by`."""
    table_index: bool = True
    """Are switches between tables announced unless the spec says otherwise?"""


@dataclass(frozen=True)
class UserJob:
    """One kind of job process: the mapper, the reducer, or a task of a vanilla operation."""

    name: str
    command: str
    job_count: int | None
    outputs: list[RichPath]
    input_format: Format
    output_format: Format
    limits: WriterLimits
    raw: dict[str, Any]
    job_io: dict[str, Any]
    gpu_limit: int = 0
    memory_limit: int = 512 * MIB
    time_limit_ms: int = 0
    tmpfs: list[tuple[str, int]] = field(default_factory=list)
    """Path inside the sandbox, size in bytes."""
    group: Grouping | None = None
    """None for all but reducers."""

    @property
    def redirects_stdout(self) -> bool:
        return bool(self.raw.get("redirect_stdout_to_stderr", False))

    @property
    def job_type(self) -> str:
        """Type of its jobs where it is not that of the operation."""
        return self.name if self.name in JOB_TYPES else ""


def user_job(name: str, raw: dict[str, Any], job_io: dict[str, Any], outputs: Any, cap: int) -> UserJob:
    if not raw.get("command"):
        raise YtError(f'"{name}" needs a "command"')
    memory = int(raw.get("memory_limit") or 512 * MIB)
    tmpfs = _tmpfs(raw, memory)
    total = sum(size for _, size in tmpfs)
    if total > memory:
        raise YtError(
            "Total size of tmpfs volumes must be less than or equal to memory limit",
            attributes={"tmpfs_size": total, "memory_limit": memory},
        )
    ports.count_of(raw)
    vault_key = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
    for key in raw.get("environment") or {}:
        if not vault_key.fullmatch(str(key)):
            raise YtError(f'Invalid environment variable name "{key}"')
    if raw.get("make_rootfs_writable") and not raw.get("layer_paths"):
        raise YtError('Option "make_rootfs_writable" cannot be set without specifying "layer_paths"')
    both = parse_format(raw.get("format"), YSON_TEXT)
    count = raw.get("job_count")
    return UserJob(
        name=name,
        command=str(raw["command"]),
        job_count=None if count is None else int(count),
        outputs=[ypath.parse(path) for path in outputs or []],
        input_format=require_supported(parse_format(raw.get("input_format"), both)),
        output_format=require_supported(parse_format(raw.get("output_format"), both)),
        limits=parse_limits(job_io.get("table_writer"), cap),
        raw=raw,
        job_io=job_io,
        gpu_limit=int(raw.get("gpu_limit") or 0),
        memory_limit=memory,
        time_limit_ms=int(raw.get("job_time_limit") or raw.get("exec_time_limit") or 0),
        tmpfs=tmpfs,
    )


def _tmpfs(raw: dict[str, Any], memory: int) -> list[tuple[str, int]]:
    single, volumes = raw.get("tmpfs_path"), raw.get("tmpfs_volumes")
    if single is not None and volumes:
        raise YtError('Options "tmpfs_path" and "tmpfs_volumes" cannot be specified simultaneously')
    found = [(str(each["path"]), int(each["size"])) for each in volumes or []]
    if single is not None:
        found = [(str(single), int(raw.get("tmpfs_size") or memory))]
    for path, _ in found:
        if path.startswith("/") or ".." in path.split("/"):
            raise YtError(f'Path of a tmpfs volume must be inside the sandbox, found "{path}"')
    names = sorted(path.strip("/") for path, _ in found)
    for before, after in itertools.pairwise(names):
        if (after + "/").startswith(before + "/"):
            raise YtError(f'Paths of tmpfs volumes must not be nested: "{before}" and "{after}"')
    return found
