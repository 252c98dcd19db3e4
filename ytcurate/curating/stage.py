"""What a lane knows of its stage: columns in, columns out, resources, and how to ask for an operation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ytcurate.mappers.describe_and_embed import DescribeAndEmbedMapper
from ytcurate.mappers.embed import EmbedMapper
from ytcurate.models import ModelReference
from ytcurate.operations.presets import Preset
from ytcurate.operations.slicing import Rate
from ytcurate.pipeline.advice import sum_up
from ytcurate.pipeline.describe_plan import DescribePlan
from ytcurate.pipeline.plan_describe import READ_COLUMNS
from ytcurate.pipeline.run_record import RunRecord
from ytcurate.tables.rows import Column


class StagePlan(Protocol):
    """One stage over a table of clips, checked and ready to start."""

    @property
    def name(self) -> str:
        """What it is called: one word."""

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Of the clips."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of the table that it writes; the first three are those of ``KEY_COLUMNS``."""

    @property
    def fingerprint(self) -> str:
        """Names all that decides what its rows say."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the table's record says of it; no secret is in it."""

    @property
    def mapper(self) -> Callable[..., Any]:
        """An aggregator: one row out for each row in."""

    @property
    def preset(self) -> Preset:
        """What a job gets."""

    @property
    def model(self) -> ModelReference:
        """What its jobs load."""

    @property
    def max_archive_bytes(self) -> int | None:
        """Code that may be sent to jobs."""

    @property
    def wave_rows(self) -> int | None:
        """Rows of one operation, if the caller wants to decide."""

    def rate(self, record: RunRecord) -> Rate | None:
        """How fast a job is, if that was measured."""

    def measured(self, statistics: Mapping[str, int]) -> float | None:
        """Seconds of a job for a clip, by the statistics of jobs."""

    def spec(self, rows: int, data_weight: int, record: RunRecord, *, alias: str) -> dict[str, Any]:
        """The spec of an operation over so many rows, with secrets: never for showing it to anyone."""


@dataclass(frozen=True)
class LabelStage:
    """Clips → labels, by a vision-language model."""

    plan: DescribePlan
    embedding: EmbedMapper | None = None
    """Also embeds, in the same jobs, into a second table."""
    embedding_model: ModelReference | None = None
    """What it loads."""
    name: str = "label"

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Of the clips."""
        return (*READ_COLUMNS, "keyframes") if self.embedding else READ_COLUMNS

    @property
    def columns(self) -> tuple[Column, ...]:
        """Answers to the question."""
        return self.plan.columns

    @property
    def fingerprint(self) -> str:
        """Names model, question, sampling and pictures."""
        return self.plan.fingerprint

    @property
    def settings(self) -> dict[str, Any]:
        """As the record of a describe run."""
        return self.plan.settings()

    @property
    def mapper(self) -> Callable[..., Any]:
        """The describe mapper; or both."""
        if self.embedding is None:
            return self.plan.mapper
        return DescribeAndEmbedMapper(self.plan.mapper, self.embedding)

    @property
    def preset(self) -> Preset:
        """Of the jobs with the model."""
        return self.plan.preset

    @property
    def model(self) -> ModelReference:
        """The vision-language model; with the files of the other one, if jobs load that, too."""
        model, other = self.plan.model, self.embedding_model
        if other is None:
            return model
        return dataclasses.replace(
            model,
            files=(*model.files, *other.files),
            cypress_files=(*model.cypress_files, *other.cypress_files),
        )

    @property
    def max_archive_bytes(self) -> int | None:
        """Code that may be sent to jobs."""
        return self.plan.max_archive_bytes

    @property
    def wave_rows(self) -> int | None:
        """Rows of one operation."""
        return self.plan.wave_rows

    def rate(self, record: RunRecord) -> Rate | None:
        """As measured by earlier waves."""
        return Rate(record.seconds_per_clip, measured=True) if record.seconds_per_clip else None

    def measured(self, statistics: Mapping[str, int]) -> float | None:
        """Seconds of a job for a clip."""
        return sum_up(statistics).seconds_per_clip

    def spec(self, rows: int, data_weight: int, record: RunRecord, *, alias: str) -> dict[str, Any]:
        """Of a wave."""
        plan = dataclasses.replace(
            self.plan, rows=rows, data_weight=data_weight, seconds_per_clip=record.seconds_per_clip
        )
        return plan.spec(plan.jobs(rows), alias=alias, with_secrets=True)
