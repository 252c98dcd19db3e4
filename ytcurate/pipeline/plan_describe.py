"""A request to describe → a plan. What is wrong for every row is refused here, before anything starts."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from ytcurate.describers.vault import ENDPOINT_KEY
from ytcurate.errors import UsageError
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.models import ModelReference, Secrets, find_model
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES, measure_archive
from ytcurate.operations.presets import load_preset
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges
from ytcurate.pipeline.describe_plan import DescribePlan, result_columns
from ytcurate.pipeline.engine_choice import require_context, settle_engine, within_memory
from ytcurate.tables import store

READ_COLUMNS = ("ds_index", "segment_index", "video", "clip_id", "file_type", "outcome", "detail")
_NEEDED = ("ds_index", "segment_index", "video")
DEFAULT_PRESET, ENDPOINT_PRESET = "h100", "endpoint"


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
    is_coming: bool = False,
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
        is_coming: the table is not looked at; it is written meanwhile, and the plan is of no rows.

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
    rows, data_weight = (0, 0) if is_coming else _size(client, table)
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


def _size(client: Any, table: str) -> tuple[int, int]:
    """Rows and bytes of the clips."""
    store.require_table(client, table, _NEEDED)
    rows = int(client.get(f"{table}/@row_count"))
    if rows == 0:
        raise UsageError(f"{table} has no rows: there is nothing to describe.")
    return rows, int(client.get(f"{table}/@data_weight"))


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
    key = os.environ.get(ENDPOINT_KEY)
    return ModelReference(model, model, secrets=Secrets({ENDPOINT_KEY: key} if key else {}))


def _row_weight(client: Any, table: str) -> int:
    """What upload found that these clips need and room for a text, else what every cluster takes."""
    path = f"{table}/@ytcurate/max_row_weight"
    if not client.exists(path):
        return PORTABLE_ROW_WEIGHT_BYTES
    needed = int(client.get(path))
    return needed + MIB if needed < PORTABLE_ROW_WEIGHT_BYTES else needed
