"""Clips → scores and keyframes, as a stage of its own: for clips that were uploaded without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ytcurate import __version__
from ytcurate.config import Scoring
from ytcurate.mappers.score import SCORE_COLUMNS
from ytcurate.mappers.score_mapper import ScoreMapper
from ytcurate.models import ModelReference
from ytcurate.operations.archive import MAX_ARCHIVE_BYTES
from ytcurate.operations.presets import Preset
from ytcurate.operations.slicing import Rate, plan_jobs
from ytcurate.operations.spec import build_spec
from ytcurate.pipeline.run_record import RunRecord, fingerprint
from ytcurate.tables.rows import Column
from ytcurate.uploading.plan import score_columns_of_table

_KEYS = (
    Column("ds_index", "int64", required=True),
    Column("segment_index", "int64", required=True),
    Column("clip_id", "utf8"),
)


@dataclass(frozen=True, kw_only=True)
class ScoreStage:
    """Quality scores and keyframes of each clip."""

    scoring: Scoring
    preset: Preset
    mapper: ScoreMapper
    trees: tuple[str, ...]
    result: str
    name: str = "score"
    wave_rows: int | None = None
    max_archive_bytes: int | None = MAX_ARCHIVE_BYTES
    model: ModelReference = field(default_factory=lambda: ModelReference("", ""))
    """None is loaded."""

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Of the clips."""
        return (*(column.name for column in _KEYS), "video", "outcome", "detail")

    @property
    def columns(self) -> tuple[Column, ...]:
        """Keys, scores, keyframes."""
        return (*_KEYS, *score_columns_of_table())

    @property
    def fingerprint(self) -> str:
        """Names what is scored."""
        return fingerprint({"scoring": asdict(self.scoring), "columns": SCORE_COLUMNS})

    @property
    def settings(self) -> dict[str, Any]:
        """What is to be known of the scores."""
        return {"version": __version__, "scoring": asdict(self.scoring), "preset": self.preset.name}

    def rate(self, record: RunRecord) -> Rate | None:
        """As measured by earlier waves."""
        return Rate(record.seconds_per_clip, measured=True) if record.seconds_per_clip else None

    def measured(self, statistics: Mapping[str, int]) -> float | None:
        """Seconds of a job for a clip."""
        clips = statistics.get("clips_done", 0)
        return max(statistics.get("score_ms", 0), 1) / 1000 / clips if clips else None

    def spec(self, rows: int, data_weight: int, record: RunRecord, *, alias: str) -> dict[str, Any]:
        """Of a wave."""
        jobs = plan_jobs(rows, data_weight, self.preset, self.rate(record))
        return build_spec(
            self.preset,
            trees=self.trees,
            title="ytcurate score",
            data_weight_per_job=jobs.data_weight_per_job,
            alias=alias,
            ordered=True,
            annotations={"ytcurate": __version__, "result": self.result},
        )
