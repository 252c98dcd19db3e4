"""What a run will do: stages, tables, jobs. All that can be checked is checked here; nothing is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.curating.curated import curated_columns
from ytcurate.curating.embed_stage import EmbedStage, plan_embedding
from ytcurate.curating.layout import RunLayout
from ytcurate.curating.pipeline_file import as_content
from ytcurate.curating.settings import CurateSettings
from ytcurate.curating.stage import LabelStage, StagePlan
from ytcurate.describers.prompts import Prompt, load_question
from ytcurate.describers.reply_schema import read_schema
from ytcurate.errors import UsageError
from ytcurate.operations.resources import Placement
from ytcurate.operations.spec import mask_secrets
from ytcurate.pipeline.plan_describe import plan_describe
from ytcurate.pipeline.run_record import RunRecord, fingerprint
from ytcurate.pipeline.upload import plan_upload
from ytcurate.pipeline.upload_settings import UploadSettings
from ytcurate.sources.base import Source
from ytcurate.uploading.plan import UploadPlan


@dataclass(frozen=True, kw_only=True)
class CuratePlan:
    """A run, checked and ready to start."""

    source: Source
    layout: RunLayout
    settings: CurateSettings
    upload: UploadPlan
    upload_settings: UploadSettings
    label: LabelStage | None
    embed: EmbedStage | None

    @property
    def lanes(self) -> tuple[tuple[StagePlan, str], ...]:
        """Stages over the clips, each with the table that it writes."""
        label = ((self.label, self.layout.labels),) if self.label else ()
        embed = ((self.embed, self.layout.embeddings),) if self.embed else ()
        return (*label, *embed)

    @property
    def fingerprint(self) -> str:
        """Names all that decides what the curated table says, but for the videos."""
        settings = self.settings
        return fingerprint(
            {
                "version": __version__,
                "upload": self.upload.upload.fingerprint,
                "lanes": [stage.fingerprint for stage, _ in self.lanes],
                "filter": asdict(settings.filter),
                "rules": asdict(settings.label.rules),
                "duplicates": [settings.duplicates.threshold, list(settings.duplicates.earlier)],
            }
        )

    def __str__(self) -> str:
        lines = [self.upload.summary()]
        for stage, table in self.lanes:
            resources = stage.preset.resources
            lines.append(
                f"{stage.name}: {stage.model.name} → {table}, preset {stage.preset.name}: "
                f"{resources.gpu} GPU and {resources.cpu:g} cores a job, in "
                f"{', '.join(stage.preset.placement.pool_trees) or 'the default tree'}"
            )
        return "\n".join([*lines, f"→ {self.layout.curated}"])

    def content(self) -> dict[str, Any]:
        """As ``--dry-run`` prints it; no secret is in it."""
        layout = self.layout
        return {
            "source": self.source.name,
            "directory": layout.directory,
            "tables": {
                name: getattr(layout, name)
                for name in ("clips", "sources", "labels", "embeddings", "curated")
            },
            "settings": as_content(self.settings),
            "fingerprint": self.fingerprint,
            "cut": self.upload.content(),
            "stages": {
                stage.name: {
                    "reads": list(stage.read_columns),
                    "writes": {column.name: column.type for column in stage.columns},
                    "table": table,
                    "fingerprint": stage.fingerprint,
                    "settings": stage.settings,
                    "spec": mask_secrets(stage.spec(1, 1, RunRecord(stage.fingerprint, 0), alias="*")),
                }
                for stage, table in self.lanes
            },
        }


def plan_run(
    client: Any, source: str | Path | Source, layout: RunLayout, settings: CurateSettings
) -> CuratePlan:
    """Check a request.

    Raises:
        UsageError: something is wrong for every row: source, model, question, preset, pool tree, ...
        TableExists, SchemaMismatch: the directory holds tables of something else.
    """
    upload_settings = _upload_settings(settings)
    upload = plan_upload(source, layout.clips, client=client, **upload_settings)
    label = _plan_labels(client, layout, settings)
    embed = plan_embedding(client, layout.embeddings, settings)
    if settings.embed.where == "gpu" and embed is not None:
        if label is None:
            raise UsageError(
                "embed.where gpu: clips are embedded where they are labelled, and label.model is not set."
            )
        label = replace(label, embedding=embed.mapper, embedding_model=embed.model)
    curated_columns(upload.source_columns, label)  # refuses names that would be there twice
    return CuratePlan(
        source=upload.source,
        layout=layout,
        settings=settings,
        upload=upload,
        upload_settings=upload_settings,
        label=label,
        embed=embed,
    )


def _upload_settings(settings: CurateSettings) -> UploadSettings:
    jobs = settings.jobs
    return UploadSettings(
        columns=settings.source.columns,
        rows=settings.source.bounds,
        title_column=settings.source.title_column,
        segmenting=settings.cut.segmenting,
        scoring=settings.score,
        limits=settings.cut.limits,
        preview="none",
        on_cluster=True,
        preset=jobs.cut,
        placement=Placement(pool=jobs.pool) if jobs.pool else None,
        job_minutes=jobs.cut_minutes,
    )


def _plan_labels(client: Any, layout: RunLayout, settings: CurateSettings) -> LabelStage | None:
    label, jobs = settings.label, settings.jobs
    if label.model is None and label.weights is None:
        return None
    question = _question(settings)
    _require_fields(question, settings)
    plan = plan_describe(
        layout.clips,
        layout.labels,
        client=client,
        model=label.model,
        weights=label.weights,
        prompt=question,
        sampling=label.sampling,
        frames=label.frames,
        engine=label.engine_settings,
        preset=jobs.label,
        placement=Placement(pool=jobs.pool, max_gpus=jobs.max_gpus),
        job_minutes=jobs.label_minutes,
        wave_rows=label.wave_rows,
        is_coming=True,
    )
    return LabelStage(plan)


def _question(settings: CurateSettings) -> Prompt:
    question = load_question(settings.label.question)
    if settings.label.schema is not None:
        question = replace(question, schema=read_schema(settings.label.schema))
    return question


def _require_fields(question: Prompt, settings: CurateSettings) -> None:
    """Refuse rules about fields that the reply has not: every clip would be dropped."""
    fields = {field.name for field in question.schema.fields} if question.schema else set()
    rules = settings.label.rules
    wanted = [*rules.allow, *rules.block, *([rules.safe_field] if rules.safe_field else [])]
    for name in wanted:
        if name not in fields:
            raise UsageError(
                f'label: the reply to the question {question.name} has no field "{name}"; it has '
                f"{', '.join(sorted(fields)) or 'none, as it has no schema'}. "
                "Without a safety filter: --label-safe-field none."
            )
