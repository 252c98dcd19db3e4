"""A describe run, checked and ready to start: what it will do, what it will cost, and its specs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ytcurate import __version__
from ytcurate.config import FrameSampling, Sampling
from ytcurate.describers.prompts import Prompt
from ytcurate.mappers.answers import answer_columns
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.models import ModelReference
from ytcurate.operations.presets import Preset
from ytcurate.operations.slicing import JobPlan, Rate, plan_jobs
from ytcurate.operations.spec import build_spec, mask_secrets
from ytcurate.pipeline.run_record import fingerprint
from ytcurate.tables.rows import KEPT_VIDEO, Column

_REQUIRED = ("ds_index", "segment_index", "outcome")


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
        questions = [prompt.to_json() for prompt in self.questions]
        return {
            "version": __version__,
            "source": self.source,
            "model": self.model.name,
            "model_details": self.model.to_json(),
            "preset": self.preset.name,
            "prompt": questions[0],
            "questions": questions,
            "sampling": dataclasses.asdict(self.sampling),
            "frames": dataclasses.asdict(self.frames),
            "engine": dataclasses.asdict(self.mapper.engine),
            "keep_video": self.keep_video,
        }

    def to_json(self) -> dict[str, Any]:
        """Settings, plan and spec as ``--dry-run`` prints them; no secret is in it."""
        jobs = self.jobs(self.rows)
        return self.settings() | {
            "result": self.result,
            "rows": self.rows,
            "data_weight": self.data_weight,
            "columns": {column.name: column.type for column in self.columns},
            "shipped_files": [file.name for file in self.model.files],
            "archive_bytes": self.archive_bytes,
            "jobs": jobs.to_json(),
            "fingerprint": self.fingerprint,
            "spec": mask_secrets(self.spec(jobs)),
        }


def result_columns(questions: Sequence[Prompt], *, keep_video: bool = False) -> tuple[Column, ...]:
    """Columns of a result for these questions."""
    answers = tuple(
        Column(name, column_type, required=name in _REQUIRED)
        for name, column_type in answer_columns(questions)
    )
    return answers + (KEPT_VIDEO if keep_video else ())
