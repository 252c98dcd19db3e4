"""A spec read and checked at start: what is refused here never becomes an operation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.schema import Schema, SortColumn
from ytcurate.localcluster.model.writer import WriterLimits, parse_limits
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.scheduler import keyed_spec, map_reduce_spec, options
from ytcurate.localcluster.scheduler.keyed_spec import key_columns, need
from ytcurate.localcluster.scheduler.option_values import check_sizes
from ytcurate.localcluster.scheduler.user_job import UserJob, user_job
from ytcurate.localcluster.settings import Settings

__all__ = ["Spec", "UserJob", "parse"]

MIB = 1024 * 1024
TYPES = ("map", "vanilla", "merge", "sort", "erase", "reduce", "join_reduce", "map_reduce")
MERGE_MODES = ("unordered", "ordered", "sorted")
INFERENCE_MODES = ("auto", "from_input", "from_output")
JOB_IO = ("job_io", "map_job_io", "partition_job_io", "sort_job_io", "merge_job_io", "reduce_job_io")
DEFAULT_DATA_WEIGHT_PER_JOB = 128 * MIB
MAX_DATA_WEIGHT_PER_JOB = 200 * 10**9
MAX_JOB_COUNT = 100_000
SIZE_OPTIONS = {
    "partition_map": ("map_job_count", ("data_weight_per_map_job", "data_size_per_map_job")),
    "partition_reduce": (
        "partition_count",
        (
            "data_weight_per_reduce_job",
            "data_size_per_reduce_job",
            "partition_data_weight",
            "partition_data_size",
        ),
    ),
}
"""By job name, where not `job_count` and `data_weight_per_job` say how many jobs there are."""


@dataclass(frozen=True)
class Spec:
    kind: str
    raw: dict[str, Any]
    inputs: list[RichPath]
    outputs: list[RichPath]
    """Of all tasks, in order. Those of a map-reduce begin with its `streams`, which are no tables."""
    jobs: list[UserJob]
    pool_trees: list[str]
    max_failed_job_count: int
    secure_vault: dict[str, Any]
    limits: WriterLimits
    sort_by: list[SortColumn] = field(default_factory=list)
    """Of a sorted merge: empty for the key of the inputs."""
    streams: list[Schema] = field(default_factory=list)
    """Schemas of what the mappers of a map-reduce, and its combiner, write for the reducers."""

    @property
    def max_stderr_count(self) -> int:
        """How many jobs may keep their stderr."""
        return options.number(self.raw, "max_stderr_count", 10, 0, 150)

    def job_type(self, job: UserJob) -> str:
        """Of its jobs; what a task of a vanilla operation is called is its own business."""
        return "vanilla" if self.kind == "vanilla" else job.name

    def task_name(self, job: UserJob) -> str:
        """As `list_jobs`, `task_names` and the progress call it."""
        # One level of partitions: a real cluster may need more of them.
        return "partition_map(0)" if self.job_type(job) == "partition_map" else job.name

    def is_gpu(self) -> bool:
        return any(job.gpu_limit for job in self.jobs)

    def _phase(self, job: UserJob | None) -> str:
        name = job.name if job is not None else ""
        # A reducer is called so when a combiner ran before it.
        return "partition_reduce" if self.kind == "map_reduce" and name == "sorted_reduce" else name

    def job(self, name: str) -> UserJob | None:
        return next((job for job in self.jobs if job.name == name), None)

    @property
    def merge_mode(self) -> str:
        return str(self.raw.get("mode", "unordered")) if self.kind == "merge" else ""

    @property
    def inference_mode(self) -> str:
        return str(self.raw.get("schema_inference_mode") or "auto")

    @property
    def max_data_weight_per_job(self) -> int:
        return int(self.raw.get("max_data_weight_per_job") or MAX_DATA_WEIGHT_PER_JOB)

    def job_size(
        self, job: UserJob | None = None, *, default_weight: int = DEFAULT_DATA_WEIGHT_PER_JOB
    ) -> tuple[int | None, int, int]:
        """Number of jobs asked for, data weight of one in bytes, and the most jobs there may be."""
        default = ("job_count", ("data_weight_per_job", "data_size_per_job"))
        count, weights = SIZE_OPTIONS.get(self._phase(job), default)
        asked = self.raw.get(count)
        weight = next((self.raw[each] for each in weights if self.raw.get(each)), default_weight)
        most = int(self.raw.get("max_job_count") or MAX_JOB_COUNT)
        return None if asked is None else int(asked), int(weight), most


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
    for name in JOB_IO:
        if ((raw.get(name) or {}).get("table_reader") or {}).get("sampling_rate") is not None:
            raise errors.option_not_implemented(f"{name}/table_reader/sampling_rate")
    alias = raw.get("alias")
    if alias is not None and not str(alias).startswith("*"):
        raise YtError(f'Operation alias should start with "*", found "{alias}"')
    inputs, outputs, jobs = [], [], []
    sort_by: list[SortColumn] = []
    streams: list[Schema] = []
    writer_io = raw.get("job_io")
    if kind == "vanilla":
        tasks = raw.get("tasks") or {}
        if not tasks:
            raise YtError('Vanilla operation needs at least one task in "tasks"')
        for name, task in tasks.items():
            if int(task.get("job_count") or 0) < 1:
                raise YtError(f'Task "{name}" needs "job_count" of at least 1')
            job = user_job(str(name), task, task.get("job_io") or {}, task.get("output_table_paths"), cap)
            outputs += job.outputs
            jobs.append(job)
    elif kind == "erase":
        table = ypath.parse(need(raw, "table_path"))
        inputs, outputs = [table], [replace(table, attributes={}, columns=None, ranges=None)]
    else:
        paths = raw.get("input_table_paths")
        if not paths:
            raise YtError('Operation needs "input_table_paths"')
        inputs = [ypath.parse(path) for path in paths]
    check_sizes(raw)
    if kind == "map":
        mapper = raw.get("mapper")
        if not isinstance(mapper, dict):
            raise YtError('Map operation needs "mapper"')
        name = "ordered_map" if raw.get("ordered") else "map"
        jobs = [user_job(name, mapper, raw.get("job_io") or {}, raw.get("output_table_paths"), cap)]
        outputs = jobs[0].outputs
    if kind in ("merge", "sort"):
        outputs = [ypath.parse(raw.get("output_table_path"))]
    if kind == "merge":
        if str(raw.get("mode", "unordered")) not in MERGE_MODES:
            raise YtError(f'Merge mode "{raw["mode"]}" is not implemented by the local cluster')
        sort_by = key_columns(raw, "merge_by")
    if kind == "sort":
        sort_by = key_columns({"sort_by": need(raw, "sort_by")}, "sort_by")
        for name in JOB_IO:
            parse_limits((raw.get(name) or {}).get("table_writer"), cap)
        writer_io = raw.get("sort_job_io")
    if kind in ("reduce", "join_reduce"):
        sort_by, job = keyed_spec.reduce(kind, raw, inputs, cap)
        jobs, outputs = [job], job.outputs
    if kind == "map_reduce":
        sort_by, streams, jobs, outputs = map_reduce_spec.parse(raw, inputs, cap)
        writer_io = raw.get("sort_job_io")
    if str(raw.get("schema_inference_mode") or "auto") not in INFERENCE_MODES:
        raise YtError(f'Unknown "schema_inference_mode" "{raw["schema_inference_mode"]}"')
    written = [path.text for path in outputs[len(streams) :]]
    if len(set(written)) != len(written):
        raise YtError("Duplicate output table paths", attributes={"paths": written})
    options.number(raw, "max_stderr_count", 10, 0, 150)
    options.number(raw, "time_limit", 0, 1, 2**62)
    return Spec(
        kind,
        raw,
        inputs,
        outputs,
        jobs,
        trees,
        failed,
        dict(raw.get("secure_vault") or {}),
        parse_limits((writer_io or {}).get("table_writer"), cap),
        sort_by,
        streams,
    )


def _pool_trees(raw: dict[str, Any], settings: Settings) -> list[str]:
    """Those of the spec, or the default one, which comes first in the settings."""
    if raw.get("pool_trees") is None:
        return [settings.pool_trees[0]]
    if not isinstance(raw["pool_trees"], list):
        raise YtError("Error reading parameter /pool_trees", inner=[YtError("Expected a list of names")])
    trees = list(dict.fromkeys(str(name) for name in raw["pool_trees"]))
    for name in trees:
        if name not in settings.pool_trees:
            raise errors.unknown_pool_tree(name, settings.pool_trees)
    if not trees:
        raise errors.no_pool_trees()
    return trees
