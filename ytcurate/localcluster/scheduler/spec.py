"""A spec read and checked at start: what is refused here never becomes an operation."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import YSON_TEXT, Format, parse_format
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.writer import WriterLimits, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.rows import require_supported
from ytcurate.localcluster.settings import Settings

MIB = 1024 * 1024
TYPES = ("map", "vanilla", "merge")
DEFAULT_DATA_WEIGHT_PER_JOB = 128 * MIB
MAX_DATA_WEIGHT_PER_JOB = 200 * 10**9
MAX_JOB_COUNT = 100_000


@dataclass(frozen=True)
class UserJob:
    """One kind of job process: the mapper, or a task of a vanilla operation."""

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

    @property
    def redirects_stdout(self) -> bool:
        return bool(self.raw.get("redirect_stdout_to_stderr", False))


@dataclass(frozen=True)
class Spec:
    kind: str
    raw: dict[str, Any]
    inputs: list[RichPath]
    outputs: list[RichPath]
    """Of all tasks, in order."""
    jobs: list[UserJob]
    pool_trees: list[str]
    max_failed_job_count: int
    user_slots: int | None
    secure_vault: dict[str, Any]
    limits: WriterLimits

    def is_gpu(self) -> bool:
        return any(job.gpu_limit for job in self.jobs)


def parse(kind: str, raw: dict[str, Any], settings: Settings) -> Spec:
    """Check a spec as a scheduler does before it accepts an operation.

    Raises:
        YtError: with what is wrong; nothing was started.
    """
    if kind not in TYPES:
        raise YtError(
            f'Operation type "{kind}" is not implemented by the local cluster; it has {", ".join(TYPES)}'
        )
    cap = settings.row_weight_cap
    trees = _pool_trees(raw, settings)
    failed = int(raw.get("max_failed_job_count", 10))
    if not 0 <= failed <= 10_000:
        raise errors.option_out_of_bounds("max_failed_job_count", failed, 0, 10_000)
    if len(trees) > 1 and raw.get("scheduling_tag_filter"):
        raise YtError("Scheduling tag filter cannot be specified for operations with multiple trees")
    if raw.get("input_query"):
        raise errors.option_not_implemented("input_query")
    if ((raw.get("job_io") or {}).get("table_reader") or {}).get("sampling_rate") is not None:
        raise errors.option_not_implemented("job_io/table_reader/sampling_rate")
    alias = raw.get("alias")
    if alias is not None and not str(alias).startswith("*"):
        raise YtError(f'Operation alias should start with "*", found "{alias}"')
    inputs, outputs, jobs = [], [], []
    if kind == "vanilla":
        tasks = raw.get("tasks") or {}
        if not tasks:
            raise YtError('Vanilla operation needs at least one task in "tasks"')
        for name, task in tasks.items():
            if int(task.get("job_count") or 0) < 1:
                raise YtError(f'Task "{name}" needs "job_count" of at least 1')
            job = _user_job(str(name), task, task.get("job_io") or {}, task.get("output_table_paths"), cap)
            outputs += job.outputs
            jobs.append(job)
    else:
        paths = raw.get("input_table_paths")
        if not paths:
            raise YtError('Operation needs "input_table_paths"')
        inputs = [ypath.parse(path) for path in paths]
    if kind == "map":
        mapper = raw.get("mapper")
        if not isinstance(mapper, dict):
            raise YtError('Map operation needs "mapper"')
        jobs = [_user_job("map", mapper, raw.get("job_io") or {}, raw.get("output_table_paths"), cap)]
        outputs = jobs[0].outputs
        if int(raw.get("job_count") or 1) < 1:
            raise errors.option_out_of_bounds("job_count", int(raw["job_count"]), 1, MAX_JOB_COUNT)
    if kind == "merge":
        if str(raw.get("mode", "unordered")) not in ("unordered", "ordered"):
            raise YtError(f'Merge mode "{raw["mode"]}" is not implemented by the local cluster')
        outputs = [ypath.parse(raw.get("output_table_path"))]
    written = [path.text for path in outputs]
    if len(set(written)) != len(written):
        raise YtError("Duplicate output table paths", attributes={"paths": written})
    slots = (raw.get("resource_limits") or {}).get("user_slots")
    return Spec(
        kind,
        raw,
        inputs,
        outputs,
        jobs,
        trees,
        failed,
        None if slots is None else max(int(slots), 0),
        dict(raw.get("secure_vault") or {}),
        parse_limits((raw.get("job_io") or {}).get("table_writer"), cap),
    )


def _pool_trees(raw: dict[str, Any], settings: Settings) -> list[str]:
    if raw.get("pool_trees") is None:
        return [settings.pool_trees[0]]
    trees = [str(name) for name in raw["pool_trees"]]
    if not trees:
        raise errors.no_pool_trees()
    unknown = [name for name in trees if name not in settings.pool_trees]
    if unknown:
        raise errors.unknown_pool_trees(unknown, settings.pool_trees)
    return trees


def _user_job(name: str, raw: dict[str, Any], job_io: dict[str, Any], outputs: Any, cap: int) -> UserJob:
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
