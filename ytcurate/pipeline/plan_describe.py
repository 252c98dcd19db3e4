"""Everything a describe run will do, before it does anything. What is wrong for every row is refused here."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.config import (
    MIB,
    PORTABLE_ROW_WEIGHT_BYTES,
    Buffering,
    ClipLimits,
    EngineSettings,
    FrameSampling,
    Sampling,
)
from ytcurate.connection import account, client_for
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema, read_schema
from ytcurate.errors import UsageError
from ytcurate.mappers.answers import answer_columns
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.models import ModelReference, Secrets, find_model
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES, measure_archive
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges
from ytcurate.operations.slicing import JobPlan, Rate, plan_jobs
from ytcurate.operations.spec import build_spec, mask_secrets
from ytcurate.pipeline.engine_choice import require_context, settle_engine, within_memory
from ytcurate.pipeline.remaining import Remaining
from ytcurate.pipeline.run_record import fingerprint
from ytcurate.tables import store
from ytcurate.tables.rows import KEPT_VIDEO, Column

READ_COLUMNS = ("ds_index", "segment_index", "video", "clip_id", "file_type", "outcome", "detail")
_NEEDED = ("ds_index", "segment_index", "video")
_REQUIRED = ("ds_index", "segment_index", "outcome")
DEFAULT_PRESET, ENDPOINT_PRESET = "h100", "endpoint"
_ENDPOINT_KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, kw_only=True)
class DescribePlan:
    """A describe run, checked and ready to start."""

    source: str
    result: str
    rows: int
    """Of the source."""
    data_weight: int
    """Bytes of the source."""
    model: ModelReference
    questions: tuple[Prompt, ...]
    sampling: Sampling
    frames: FrameSampling
    preset: Preset
    keep_video: bool
    max_bad: float | None
    in_order: bool
    wave_rows: int | None
    """Rows of one wave, if the caller wants to decide."""
    mapper: DescribeMapper
    trees: tuple[str, ...]
    """Pool trees that the account has."""
    row_weight: int | None
    overrides: Mapping[str, Any]
    archive_bytes: int
    """Code that is sent to jobs."""
    max_archive_bytes: int | None
    """Above which it is refused; None: never."""
    seconds_per_clip: float | None = None
    """Of one job, as measured by earlier waves; None: as the preset assumes."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the result."""
        return result_columns(self.questions, keep_video=self.keep_video)

    @property
    def fingerprint(self) -> str:
        """Names all that decides what the rows say; the same for a run that is started again."""
        return fingerprint(
            {
                "source": self.source,
                "model": self.model.name,
                "revision": self.model.revision,
                "weight_bytes": self.model.weight_bytes,
                "describer": self.mapper.engine.describer,
                "quantization": self.mapper.engine.quantization,
                "questions": [(prompt.name, prompt.prompt_id) for prompt in self.questions],
                "sampling": dataclasses.asdict(self.sampling),
                "frames": dataclasses.asdict(self.frames),
                "keep_video": self.keep_video,
            }
        )

    @property
    def rate(self) -> Rate | None:
        """How fast a job is, if that was measured."""
        return Rate(self.seconds_per_clip, measured=True) if self.seconds_per_clip else None

    def jobs(self, rows: int) -> JobPlan:
        """How so many of the rows are cut into jobs."""
        share = self.data_weight * rows // max(1, self.rows)
        return plan_jobs(rows, share, self.preset, self.rate)

    def spec(
        self,
        jobs: JobPlan,
        *,
        alias: str | None = None,
        with_secrets: bool = False,
        on_warning: Callable[[str], None] = lambda warning: None,
    ) -> dict[str, Any]:
        """The spec of one operation.

        Args:
            jobs: how its rows are cut.
            alias: of the operation.
            with_secrets: put the model's secrets into ``secure_vault``; never for showing it to anyone.
            on_warning: told what is odd about the options.
        """
        return build_spec(
            self.preset,
            trees=self.trees,
            title=f"ytcurate describe: {self.model.name}",
            max_row_weight=self.row_weight,
            data_weight_per_job=jobs.data_weight_per_job,
            alias=alias,
            secure_vault=dict(self.model.secrets) if with_secrets else None,
            annotations={"ytcurate": __version__, "result": self.result, "run": self.fingerprint},
            ordered=self.in_order,
            # A job that has seen too many bad rows would see them again.
            max_failed_job_count=1 if self.max_bad is not None else None,
            overrides=self.overrides,
            on_warning=on_warning,
        )

    def __str__(self) -> str:
        return self.summary(self.rows)

    def summary(self, rows: int) -> str:
        """Say in two lines what describing so many of the rows takes."""
        resources, there = self.preset.resources, self.rows - rows
        trees = ", ".join(self.preset.placement.pool_trees) or "the default tree"
        return (
            f"{self.rows} clips{f', {there} of them described already' if there else ''}, "
            f"model {self.model.name}, preset {self.preset.name}: {resources.gpu} GPU and "
            f"{resources.cpu:g} cores a job, in {trees}\n"
            f"{self.jobs(rows)}; {self.archive_bytes / 1e6:.1f} MB of code to send"
        )

    def _repr_html_(self) -> str:
        spec = json.dumps(mask_secrets(self.spec(self.jobs(self.rows))), indent=2, default=str)
        summary = escape(str(self)).replace("\n", "<br>")
        return f"<p>{summary}</p><details><summary>spec</summary><pre>{escape(spec)}</pre></details>"

    def settings(self) -> dict[str, Any]:
        """Everything but the spec, as the result's record keeps it."""
        first = self.questions[0].to_json()
        return {
            "version": __version__,
            "source": self.source,
            "model": self.model.name,
            "model_details": self.model.to_json(),
            "preset": self.preset.name,
            "prompt": first,
            "questions": [prompt.to_json() for prompt in self.questions],
            "sampling": dataclasses.asdict(self.sampling),
            "frames": dataclasses.asdict(self.frames),
            "engine": dataclasses.asdict(self.mapper.engine),
            "keep_video": self.keep_video,
        }

    def to_json(self, remaining: Remaining | None = None) -> dict[str, Any]:
        """Settings, plan and spec as ``--dry-run`` prints them; no secret is in it."""
        rows = remaining.rows if remaining is not None else self.rows
        jobs = self.jobs(rows)
        return self.settings() | {
            "result": self.result,
            "rows": self.rows,
            "rows_to_describe": rows,
            "data_weight": self.data_weight,
            "columns": {column.name: column.type for column in self.columns},
            "shipped_files": [file.name for file in self.model.files],
            "archive_bytes": self.archive_bytes,
            "jobs": jobs.to_json(),
            "fingerprint": self.fingerprint,
            "spec": mask_secrets(self.spec(jobs)),
        }


def plan_describe(
    table: str,
    result: str,
    *,
    client: Any,
    model: str | Path | None = None,
    weights: str | None = None,
    prompt: Prompt = DESCRIBE,
    questions: Sequence[Prompt] = (),
    schema: ReplySchema | type | Mapping[str, Any] | str | Path | None = None,
    sampling: Sampling | None = None,
    frames: FrameSampling | None = None,
    engine: EngineSettings | None = None,
    buffering: Buffering | None = None,
    limits: ClipLimits | None = None,
    preset: str | None = None,
    resources: JobResources | ResourceChanges | None = None,
    placement: Placement | None = None,
    keep_video: bool = False,
    in_order: bool = False,
    max_bad: float | None = None,
    wave_rows: int | None = None,
    job_minutes: float | None = None,
    ship_anyway: bool = False,
    spec: Mapping[str, Any] | None = None,
) -> DescribePlan:
    """Check the request and build the mapper. Nothing is changed on the cluster.

    Args:
        table: clips, as upload writes them, or any table with ds_index, segment_index and video.
        result: the table to write.
        client: of the cluster.
        model: a hub id, the directory of a checkpoint, or a Cypress directory of one.
        weights: a Cypress directory written by ``ytcurate weights push``; jobs load the model from there.
        prompt: the question.
        questions: several questions about each clip; instead of ``prompt``.
        schema: what the reply must be: a pydantic class, a JSON schema, or a file that holds one.
        sampling: how words are chosen.
        frames: which pictures the model sees.
        engine: how the engine is run; what it leaves open comes from the preset.
        buffering: how far jobs read and decode ahead.
        limits: what one clip may cost.
        preset: a preset's name or file; h100, or endpoint if jobs only ask a server.
        resources: all of what a job gets, or the fields that win over the preset's.
        placement: pool, pool trees, GPUs; what is set in it wins over the preset.
        keep_video: copy the videos into the result, too.
        in_order: jobs answer in the order of their input.
        max_bad: share of bad rows above which the run stops.
        wave_rows: rows of one operation; chosen from rates and GPUs unless given.
        job_minutes: how long a job should take.
        ship_anyway: send more than 20 MiB of code to jobs.
        spec: your own part of the spec, merged last.

    Raises:
        UsageError: something is wrong for every row: the model, its size, the context, a question, the
            schema, the preset, a pool tree, an empty table.
        TableMissing, SchemaMismatch: the table of clips is not one.
    """
    client = client_for(client, None)
    asked = _questions(prompt, questions, schema)
    result_columns(asked, keep_video=keep_video)
    if model is None and weights is None:
        raise UsageError("give a model: --model with a hub id or a directory, or --weights //path.")
    engine = engine or EngineSettings()
    if engine.describer == "endpoint":
        reference = _on_endpoint(str(model))
    else:
        reference = find_model(
            str(model if model is not None else weights),
            weights=weights,
            revision=engine.revision,
            client=client,
        )
    usual = ENDPOINT_PRESET if engine.describer == "endpoint" else DEFAULT_PRESET
    chosen = load_preset(preset or usual).changed(resources=resources, placement=placement)
    chosen = dataclasses.replace(
        chosen,
        environment={**chosen.environment, **reference.environment},
        target_job_minutes=job_minutes or chosen.target_job_minutes,
    )
    settings = settle_engine(engine, chosen, reference)
    sampling, frames = sampling or Sampling(), frames or FrameSampling()
    require_context(settings, asked, sampling, frames)
    store.require_table(client, table, _NEEDED)
    rows, data_weight = int(client.get(f"{table}/@row_count")), int(client.get(f"{table}/@data_weight"))
    if rows == 0:
        raise UsageError(f"{table} has no rows: there is nothing to describe.")
    buffering = buffering or Buffering()
    if not buffering.decode_threads:
        buffering = dataclasses.replace(buffering, decode_threads=math.ceil(chosen.resources.cpu))
    mapper = DescribeMapper(
        reference.job_path,
        model_name=reference.name,
        questions=asked,
        sampling=sampling,
        frames=frames,
        engine=settings,
        buffering=within_memory(buffering, chosen.resources),
        limits=limits,
        keep_video=keep_video,
        in_order=in_order,
        max_bad=max_bad,
        manifest=reference.manifest,
    )
    archive = measure_archive(client)
    limit = None if ship_anyway else MAX_ARCHIVE_BYTES
    if limit is not None:
        archive.require_at_most(limit)
    plan = DescribePlan(
        source=table,
        result=result,
        rows=rows,
        data_weight=data_weight,
        model=reference,
        questions=asked,
        sampling=sampling,
        frames=frames,
        preset=chosen,
        keep_video=keep_video,
        max_bad=max_bad,
        in_order=in_order,
        wave_rows=wave_rows,
        mapper=mapper,
        trees=account(client).pool_trees,
        row_weight=_row_weight(client, table) if keep_video else None,
        overrides=dict(spec or {}),
        archive_bytes=archive.sent_bytes,
        max_archive_bytes=limit,
    )
    plan.spec(plan.jobs(rows))  # refuses options and pool trees that do not exist
    return plan


def result_columns(questions: Sequence[Prompt], *, keep_video: bool = False) -> tuple[Column, ...]:
    """Columns of a result for these questions."""
    answers = tuple(
        Column(name, column_type, required=name in _REQUIRED)
        for name, column_type in answer_columns(questions)
    )
    return answers + (KEPT_VIDEO if keep_video else ())


def _questions(
    prompt: Prompt,
    questions: Sequence[Prompt],
    schema: ReplySchema | type | Mapping[str, Any] | str | Path | None,
) -> tuple[Prompt, ...]:
    asked = tuple(questions) or (prompt,)
    if schema is None:
        return asked
    if len(asked) > 1:
        raise UsageError("a schema goes with one question; with several, give each its own.")
    if isinstance(schema, (str, Path)):
        schema = read_schema(schema)
    elif isinstance(schema, Mapping):
        schema = ReplySchema.of(schema)
    elif isinstance(schema, type):
        schema = ReplySchema.of_class(schema)
    return (dataclasses.replace(asked[0], schema=schema),)


def _on_endpoint(model: str) -> ModelReference:
    """A model that a server has: only its name is known, and the key that the server wants."""
    key = os.environ.get(_ENDPOINT_KEY)
    return ModelReference(model, model, secrets=Secrets({_ENDPOINT_KEY: key} if key else {}))


def _row_weight(client: Any, table: str) -> int:
    """What upload found that these clips need and room for a text, else what every cluster takes."""
    path = f"{table}/@ytcurate/max_row_weight"
    if not client.exists(path):
        return PORTABLE_ROW_WEIGHT_BYTES
    needed = int(client.get(path))
    return needed + MIB if needed < PORTABLE_ROW_WEIGHT_BYTES else needed
