"""Clips → vectors, as a stage of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.connection import account
from ytcurate.curating.settings import CurateSettings
from ytcurate.mappers.embed import EMBED_COLUMNS, EmbedMapper
from ytcurate.models import ModelReference
from ytcurate.models.find_clip import find_clip
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES
from ytcurate.operations.presets import Preset, load_preset
from ytcurate.operations.resources import Placement
from ytcurate.operations.slicing import Rate, plan_jobs
from ytcurate.operations.spec import build_spec
from ytcurate.pipeline.run_record import RunRecord, fingerprint
from ytcurate.tables.rows import Column

_REQUIRED = ("ds_index", "segment_index", "outcome")
_SECONDS_PER_CLIP = 0.2
"""Of a job, for ViT-B/32 on four cores: assumed, until it is measured."""


@dataclass(frozen=True, kw_only=True)
class EmbedStage:
    """One vector for each clip, by CLIP."""

    model: ModelReference
    preset: Preset
    mapper: EmbedMapper
    trees: tuple[str, ...]
    result: str
    asked: str
    """What was asked for, as search on this machine finds it: hub id, absolute path, or Cypress path."""
    there: frozenset[str] | None = None
    """Columns of the clips; None: those of a run."""
    name: str = "embed"
    wave_rows: int | None = None
    max_archive_bytes: int | None = MAX_ARCHIVE_BYTES

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Of the clips."""
        if self.there is None:
            return ("ds_index", "segment_index", "clip_id", "keyframes", "outcome", "detail")
        # Without keyframes, pictures are taken of the videos.
        pictures = "keyframes" if "keyframes" in self.there else "video"
        wanted = [name for name in ("outcome", "detail") if name in self.there]
        return ("ds_index", "segment_index", "clip_id", pictures, *wanted)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Keys and vector."""
        return tuple(Column(name, kind, required=name in _REQUIRED) for name, kind in EMBED_COLUMNS)

    @property
    def fingerprint(self) -> str:
        """Names the model."""
        return fingerprint(
            {"model": self.model.name, "revision": self.model.revision, "bytes": self.model.weight_bytes}
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What is to be known of the vectors."""
        return {
            "version": __version__,
            "embedding_model": self.asked,
            "model_details": self.model.to_json(),
            "preset": self.preset.name,
        }

    def rate(self, record: RunRecord) -> Rate | None:
        """As measured by earlier waves."""
        return Rate(record.seconds_per_clip, measured=True) if record.seconds_per_clip else None

    def measured(self, statistics: Mapping[str, int]) -> float | None:
        """Seconds of a job for a clip."""
        clips = statistics.get("clips_done", 0)
        return max(statistics.get("embed_ms", 0), 1) / 1000 / clips if clips else None

    def spec(self, rows: int, data_weight: int, record: RunRecord, *, alias: str) -> dict[str, Any]:
        """Of a wave."""
        jobs = plan_jobs(rows, data_weight, self.preset, self.rate(record))
        return build_spec(
            self.preset,
            trees=self.trees,
            title=f"ytcurate embed: {self.model.name}",
            data_weight_per_job=jobs.data_weight_per_job,
            alias=alias,
            ordered=True,
            secure_vault=dict(self.model.secrets),
            annotations={"ytcurate": __version__, "result": self.result},
        )


def plan_embedding(
    client: Any, result: str, settings: CurateSettings, *, there: frozenset[str] | None = None
) -> EmbedStage | None:
    """Check what is asked for; None: clips get no vectors.

    Args:
        client: of the cluster.
        result: the table to write.
        settings: of the sections ``embed`` and ``jobs``.
        there: columns of the clips; None: those of a run.

    Raises:
        UsageError: no such model or preset.
    """
    embed, jobs = settings.embed, settings.jobs
    model = embed.weights or embed.model
    if model in (None, "", "none"):
        return None
    reference = find_clip(
        str(embed.model or model), weights=embed.weights, revision=embed.revision, client=client
    )
    preset = load_preset(jobs.embed).changed(placement=Placement(pool=jobs.pool) if jobs.pool else None)
    preset = replace(
        preset,
        environment={**preset.environment, **reference.environment},
        seconds_per_clip=_SECONDS_PER_CLIP,
    )
    stage = EmbedStage(
        model=reference,
        preset=preset,
        mapper=EmbedMapper(
            reference.job_path,
            model_name=reference.name,
            revision=reference.revision,
            threads=math.ceil(preset.resources.cpu),
            manifest=reference.manifest,
        ),
        trees=account(client).pool_trees,
        result=result,
        asked=_lasting(str(model)),
        there=there,
    )
    stage.spec(
        1, 1, RunRecord(stage.fingerprint, 0), alias="*"
    )  # refuses options and trees that do not exist
    return stage


def _lasting(model: str) -> str:
    """The name of a model that means the same from every working directory."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if not model.startswith("//") and folder.is_dir() else model
