"""A job's part of a spec read and checked: the mapper, the reducer, a task of a vanilla operation."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import YSON_TEXT, Format, parse_format
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.resources import number
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.model.writer import WriterLimits, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import parse_control, require_supported
from ytcurate.localcluster.scheduler import options, ports, signals
from ytcurate.localcluster.scheduler.pipes import PIPE_BYTES

MIB = 1024 * 1024
MAX_PIPE_BYTES = 16 * 4096
"""That a spec may ask for."""


@dataclass(frozen=True)
class Grouping:
    """What makes a job a reducer: the order of its input and the columns of a key."""

    sort_by: tuple[SortColumn, ...]
    reduce_by: tuple[SortColumn, ...]
    """The first of `sort_by`."""
    join_by: tuple[SortColumn, ...] = ()
    """The first of `reduce_by`: what joins the rows of foreign tables to those of the others."""
    key_guarantee: bool = True
    """Are all rows of a key of `reduce_by` in one job?"""
    pivots: tuple[list[Any], ...] = ()
    """Keys at which jobs begin, where the spec says so."""
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
    cpu_limit: float = 1.0
    gpu_limit: int = 0
    memory_limit: int = 512 * MIB
    time_limit_ms: int = 0
    tmpfs: list[tuple[str, int]] = field(default_factory=list)
    """Path inside the sandbox, size in bytes."""
    group: Grouping | None = None
    """None for all but reducers."""
    interruption_signal: int | None = None
    restart_exit_code: int = 0
    """0 for none."""
    max_stderr_size: int = 5 * MIB
    custom_statistics_limit: int = 128
    memory_reserve_factor: float = 1.0
    buffer_row_count: int = 10_000
    """Rows of input that may be on their way to the job."""
    pipe_capacity: int = PIPE_BYTES
    """Of its input, in bytes."""

    @property
    def redirects_stdout(self) -> bool:
        return bool(self.raw.get("redirect_stdout_to_stderr", False))

    @property
    def restarts_completed(self) -> bool:
        return bool(self.raw.get("restart_completed_jobs"))


def user_job(name: str, raw: dict[str, Any], job_io: dict[str, Any], outputs: Any, cap: int) -> UserJob:
    if not raw.get("command"):
        raise YtError(f'"{name}" needs a "command"')
    memory = options.number(raw, "memory_limit", 512 * MIB, 1, 16 * 1024**4)
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
    parse_control(job_io.get("control_attributes"))
    if raw.get("use_yamr_descriptors") and raw.get("redirect_stdout_to_stderr"):
        raise YtError(
            'Uncompatible options "use_yamr_descriptors" and "redirect_stdout_to_stderr" are both set'
        )
    if raw.get("extra_environment"):
        raise errors.option_not_implemented("extra_environment")
    both = parse_format(raw.get("format"), YSON_TEXT)
    count = raw.get("job_count")
    limit_name = "exec_time_limit" if raw.get("job_time_limit") is None else "job_time_limit"
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
        cpu_limit=number(raw.get("cpu_limit", 1.0), f"/{name}/cpu_limit"),
        gpu_limit=options.number(raw, "gpu_limit", 0, 0, 1000),
        memory_limit=memory,
        time_limit_ms=options.number(raw, limit_name, 0, 1000, 2**62),
        tmpfs=tmpfs,
        interruption_signal=signals.parse(raw.get("interruption_signal")),
        restart_exit_code=options.number(raw, "restart_exit_code", 0, -(2**31), 2**31 - 1),
        max_stderr_size=options.number(raw, "max_stderr_size", 5 * MIB, 1, 1024 * MIB),
        custom_statistics_limit=options.number(raw, "custom_statistics_count_limit", 128, 1, 1024),
        memory_reserve_factor=options.fraction(raw, "memory_reserve_factor", 1.0),
        buffer_row_count=options.number(job_io, "buffer_row_count", 10_000, 1, 2**31 - 1),
        pipe_capacity=options.number(job_io, "pipe_capacity", PIPE_BYTES, 1, MAX_PIPE_BYTES),
    )


def _tmpfs(raw: dict[str, Any], memory: int) -> list[tuple[str, int]]:
    single, volumes = raw.get("tmpfs_path"), raw.get("tmpfs_volumes")
    if volumes and (single is not None or raw.get("tmpfs_size") is not None):
        raise YtError(
            'Options "tmpfs_size" and "tmpfs_path" cannot be specified simultaneously with "tmpfs_volumes"'
        )
    found = [(str(each["path"]), int(each["size"])) for each in volumes or []]
    if single is not None:
        found = [(str(single), int(raw.get("tmpfs_size") or memory))]
    for path, _ in found:
        if path.startswith("/") or ".." in path.split("/"):
            raise YtError(f"Tmpfs path {path} does not point inside the sandbox directory")
    names = sorted(path.strip("/") for path, _ in found)
    for before, after in itertools.pairwise(names):
        if (after + "/").startswith(before + "/"):
            raise YtError(f'Path of tmpfs volume "{after}" is prefix of other tmpfs volume "{before}"')
    return found
