"""Describe: a table of clips → a table of descriptions, by one map operation."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.config import MIB, PORTABLE_ROW_WEIGHT_BYTES, EngineSettings, FrameSampling, Sampling
from ytcurate.connection import account, client_for
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.errors import TableError, UsageError
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.models import ModelReference, find_model
from ytcurate.operations import submit
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.resources import Placement
from ytcurate.operations.spec import build_spec
from ytcurate.tables import store
from ytcurate.tables.rows import DESCRIPTIONS, KEPT_VIDEO, Column

_NEEDED = ("ds_index", "segment_index", "video")
_READ = (*_NEEDED, "clip_id", "file_type", "outcome", "detail")
DEFAULT_PRESET = "h100"


@dataclass(frozen=True, kw_only=True)
class DescribePlan:
    """Everything a describe run will do, before it does anything."""

    source: str
    result: str
    rows: int
    model: ModelReference
    prompt: Prompt
    sampling: Sampling
    frames: FrameSampling
    preset: str
    keep_video: bool
    mapper: DescribeMapper
    spec: Mapping[str, Any]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the result."""
        return DESCRIPTIONS + (KEPT_VIDEO if self.keep_video else ())

    def to_json(self) -> dict[str, Any]:
        """Settings and spec as ``--dry-run`` prints them."""
        return {
            "source": self.source,
            "result": self.result,
            "rows": self.rows,
            "model": self.model.name,
            "shipped_files": [file.name for file in self.model.files],
            "preset": self.preset,
            "prompt": dataclasses.asdict(self.prompt) | {"prompt_id": self.prompt.prompt_id},
            "sampling": dataclasses.asdict(self.sampling),
            "frames": dataclasses.asdict(self.frames),
            "engine": dataclasses.asdict(self.mapper.engine),
            "spec": dict(self.spec),
        }


@dataclass(frozen=True, kw_only=True)
class DescribeResult:
    """What a describe run did."""

    table: str
    rows: int
    outcomes: Mapping[str, int]
    """Rows by outcome."""
    operation_id: str
    elapsed_s: float
    statistics: Mapping[str, int] = field(default_factory=dict)
    """Sums over the operation's jobs: tokens, milliseconds decoding and waiting, ..."""

    def __str__(self) -> str:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"{self.rows} descriptions ({parts}) in {self.elapsed_s:.0f} s → {self.table}"


def plan_describe(
    table: str,
    result: str,
    *,
    client: Any,
    model: str | Path,
    prompt: Prompt = DESCRIBE,
    sampling: Sampling | None = None,
    frames: FrameSampling | None = None,
    engine: EngineSettings | None = None,
    preset: str = DEFAULT_PRESET,
    placement: Placement | None = None,
    keep_video: bool = False,
    spec: Mapping[str, Any] | None = None,
) -> DescribePlan:
    """Check the request and build the mapper and the spec. Nothing is changed on the cluster.

    Args:
        table: clips, as upload writes them, or any table with ds_index, segment_index and video.
        result: the table to write.
        client: of the cluster.
        model: a hub id or the directory of a checkpoint.
        prompt: the question.
        sampling: how words are chosen.
        frames: which pictures the model sees.
        engine: how the engine is run; what it leaves open comes from the preset.
        preset: a preset's name or file.
        placement: pool, pool trees, GPUs; what is set in it wins over the preset.
        keep_video: copy the videos into the result, too.
        spec: your own part of the spec, merged last.

    Raises:
        UsageError: the model, the preset or a pool tree does not exist, or the table is empty.
        TableMissing, SchemaMismatch: the table of clips is not one.
    """
    client = client_for(client, None)
    reference = find_model(str(model))
    chosen = _placed(load_preset(preset), placement)
    store.require_table(client, table, _NEEDED)
    rows = int(client.get(f"{table}/@row_count"))
    if rows == 0:
        raise UsageError(f"{table} has no rows: there is nothing to describe.")
    settings = engine or EngineSettings()
    if settings.tensor_parallel is None:
        settings = dataclasses.replace(settings, tensor_parallel=chosen.tensor_parallel)
    mapper = DescribeMapper(
        reference.job_path,
        model_name=reference.name,
        prompt=prompt,
        sampling=sampling,
        frames=frames,
        engine=settings,
        keep_video=keep_video,
    )
    built = build_spec(
        chosen,
        trees=account(client).pool_trees,
        title=f"ytcurate describe: {reference.name}",
        max_row_weight=_row_weight(client, table) if keep_video else None,
        overrides=spec,
    )
    return DescribePlan(
        source=table,
        result=result,
        rows=rows,
        model=reference,
        prompt=prompt,
        sampling=mapper.sampling,
        frames=mapper.frames,
        preset=chosen.name,
        keep_video=keep_video,
        mapper=mapper,
        spec=built,
    )


def describe(
    table: str,
    result: str,
    *,
    model: str | Path,
    proxy: str | None = None,
    client: Any = None,
    overwrite: bool = False,
    append: bool = False,
    on_plan: Callable[[DescribePlan], None] = lambda plan: None,
    on_progress: Callable[[submit.Progress], None] = lambda progress: None,
    **settings: Any,
) -> DescribeResult:
    """Describe every clip of a table with a vision-language model.

    Each input row gives exactly one row of the result, with its outcome. The result appears when the
    operation completes; if it fails, nothing is changed.

    Args:
        table: clips, as upload writes them.
        result: the table to write; made if it is not there.
        model: a hub id or the directory of a checkpoint.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        overwrite: replace the rows that are there.
        append: add to them.
        on_plan: called with the plan before the operation starts.
        on_progress: called every few seconds while it runs.
        **settings: prompt, sampling, frames, engine, preset, placement, keep_video and spec, as
            ``plan_describe`` takes them.

    Raises:
        OperationFailed: the operation failed; its message says why.
        TableExists, SchemaMismatch: the result cannot be written to.
        UsageError and others: as ``plan_describe``.
    """
    import yt.wrapper as yt

    started = time.monotonic()
    client = client_for(client, proxy)
    plan = plan_describe(table, result, client=client, model=model, **settings)
    store.prepare_output(client, result, plan.columns, overwrite=overwrite, append=append)
    on_plan(plan)
    is_new = not client.exists(result)
    if is_new:
        store.create_table(client, result, plan.columns)
    rows_before = int(client.get(f"{result}/@row_count")) if append else 0
    try:
        progress = submit.run(
            client,
            plan.mapper,
            yt.TablePath(table, columns=list(_READ), client=client),
            yt.TablePath(result, append=append, client=client),
            spec=plan.spec,
            files=plan.model.files,
            on_progress=on_progress,
        )
    except BaseException:
        if is_new:
            # While an operation still runs it holds the table, and the cluster refuses: then it stays.
            with suppress(yt.YtError):
                client.remove(result, force=True)
        raise
    outcomes = Counter(
        str(row["outcome"]) for row in store.read_rows(client, result, ["outcome"])[rows_before:]
    )
    if outcomes.total() != plan.rows:
        raise TableError(f"{result}: {outcomes.total()} rows came out of {plan.rows} rows of {table}.")
    _record(client, plan, progress.operation_id, outcomes)
    return DescribeResult(
        table=result,
        rows=plan.rows,
        outcomes=outcomes,
        operation_id=progress.operation_id,
        elapsed_s=time.monotonic() - started,
        statistics=progress.statistics,
    )


def _placed(preset: Preset, placement: Placement | None) -> Preset:
    """Let what the user set in a placement win over the preset."""
    if placement is None:
        return preset
    given = {name: value for name, value in vars(placement).items() if value}
    return dataclasses.replace(preset, placement=dataclasses.replace(preset.placement, **given))


def _row_weight(client: Any, table: str) -> int:
    """What upload found that these clips need and room for a text, else what every cluster takes."""
    path = f"{table}/@ytcurate/max_row_weight"
    if not client.exists(path):
        return PORTABLE_ROW_WEIGHT_BYTES
    needed = int(client.get(path))
    return needed + MIB if needed < PORTABLE_ROW_WEIGHT_BYTES else needed


def _record(client: Any, plan: DescribePlan, operation_id: str, outcomes: Mapping[str, int]) -> None:
    provenance = plan.to_json()
    del provenance["spec"]
    provenance |= {"version": __version__, "operation_id": operation_id, "outcomes": dict(outcomes)}
    client.set(f"{plan.result}/@ytcurate", provenance)
