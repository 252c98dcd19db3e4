"""All settings of a run: the sections of a pipeline file, which are also the flags of the command.

A field declared here is a key of ``specs/pipeline.yaml`` (``label.fps``) and a flag (``--label-fps``); its
docstring is the help of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from ytcurate.config import (
    EngineSettings,
    FrameSampling,
    LabelRules,
    Sampling,
    Scoring,
    Segmenting,
    SourceLimits,
    Thresholds,
    read_row_range,
)
from ytcurate.curating.pace import Pace
from ytcurate.errors import UsageError

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class CutSection:
    """Where videos are cut."""

    split: Literal["scenes", "fixed", "whole"] = "scenes"
    """Where the picture changes, every so many seconds, or not at all."""
    clip_seconds: float = 10.0
    """Length of a clip, for fixed."""
    min_seconds: float = 1.0
    """A shorter scene is joined to its neighbour."""
    max_seconds: float | None = 60.0
    """A longer scene is cut into equal parts."""
    detector: Literal["adaptive", "content", "hash", "histogram", "threshold"] = "adaptive"
    """What finds scenes: PySceneDetect's name."""
    threshold: float | None = None
    """Of the detector; its own default unless given."""
    mode: Literal["copy", "smart", "encode"] | None = None
    """Packets unchanged, exact by encoding the edges, or all encoded; smart for scenes, else copy."""
    codec: Literal["h264", "hevc"] | None = None
    """Videos of any other codec are encoded to this one."""
    stall_seconds: float = SourceLimits.stall_seconds
    """Of one video without a sign of progress."""
    max_source_seconds: float = SourceLimits.max_seconds
    """Of one video, in all."""

    @property
    def segmenting(self) -> Segmenting:
        """As the cutter takes it."""
        scenes = self.split == "scenes"
        return Segmenting(
            split=self.split,
            clip_seconds=self.clip_seconds,
            min_seconds=self.min_seconds,
            max_seconds=self.max_seconds if scenes else None,
            detector=self.detector,
            threshold=self.threshold,
            cut=self.mode,
            codec=self.codec,
        )

    @property
    def limits(self) -> SourceLimits:
        """What one video may cost."""
        return SourceLimits(stall_seconds=self.stall_seconds, max_seconds=self.max_source_seconds)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SourceSection:
    """What is taken from the source."""

    columns: tuple[str, ...] = ()
    """Of the source, to carry into the tables; * for all."""
    rows: str | None = None
    """START:STOP, the rows of a data set to take."""
    title_column: str | None = None
    """Of the source; title if it has one."""

    @property
    def bounds(self) -> tuple[int, int | None] | None:
        """First row, and the first no longer taken."""
        if self.rows is None:
            return None
        otherwise = f"source.rows {self.rows}: START:STOP is expected, such as 0:100."
        return read_row_range(self.rows, otherwise=otherwise)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class LabelSection:
    """What the model is asked, and which answers let a clip be kept."""

    model: str | None = None
    """Hugging Face id, directory of a checkpoint, or Cypress directory. Without, nothing is labelled."""
    weights: str | None = None
    """Cypress directory to load the model from; see `ytcurate weights push`."""
    revision: str | None = None
    """Commit, tag or branch of a model on the hub."""
    question: str = "label"
    """A question by its name, or a .yaml file with your own."""
    schema: str | None = None
    """File with a JSON schema for the reply, in place of the question's own; each field becomes a column."""
    engine: Literal["vllm", "transformers", "endpoint"] = "vllm"
    """What runs the model."""
    endpoint: str | None = None
    """URL of an OpenAI-compatible server, for the engine endpoint."""
    max_tokens: int = Sampling.max_tokens
    """Longest reply."""
    temperature: float = Sampling.temperature
    """0 always takes the likeliest word."""
    fps: float = FrameSampling.fps
    """Pictures per second that the model sees."""
    total_pixels: int = FrameSampling.total_pixels
    """Pixels of all pictures of a clip."""
    safe_field: str | None = LabelRules.safe_field
    """Boolean field of the reply that must be true; none: no such filter."""
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """FIELD=VALUE,VALUE: of which the field must have one."""
    block: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """FIELD=VALUE,VALUE: which the field must not have."""
    wave_rows: int | None = None
    """Clips of one operation; chosen unless given."""

    @property
    def rules(self) -> LabelRules:
        """As clips are judged by it."""
        safe = None if self.safe_field in (None, "", "none") else self.safe_field
        return LabelRules(safe_field=safe, allow=self.allow, block=self.block)

    @property
    def sampling(self) -> Sampling:
        """How words are chosen."""
        return Sampling(max_tokens=self.max_tokens, temperature=self.temperature)

    @property
    def frames(self) -> FrameSampling:
        """What the model sees."""
        return FrameSampling(fps=self.fps, total_pixels=self.total_pixels)

    @property
    def engine_settings(self) -> EngineSettings:
        """What runs it."""
        return EngineSettings(describer=self.engine, endpoint_url=self.endpoint, revision=self.revision)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class EmbedSection:
    """Vectors of the clips."""

    model: str | None = "openai/clip-vit-base-patch32"
    """CLIP: hub id, directory, or Cypress directory. none: clips get no vectors."""
    weights: str | None = None
    """Cypress directory to load it from."""
    revision: str | None = None
    """Commit, tag or branch on the hub."""
    where: Literal["cpu", "gpu"] = "cpu"
    """In operations of its own, or inside the jobs that label."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class DuplicateSection:
    """Near duplicates."""

    threshold: float | None = 0.95
    """Cosine similarity from which a clip is a duplicate of a better one. none: duplicates are kept."""
    earlier: tuple[str, ...] = ()
    """Directories of earlier runs whose kept clips are in the set already."""

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise UsageError(f"duplicates.threshold must be above 0 and at most 1, it is {self.threshold}.")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class JobSection:
    """What jobs get, and where they run."""

    cut: str = "cpu"
    """Preset of the jobs that cut: a name, or a .yaml file."""
    label: str = "h100"
    """Preset of the jobs that label."""
    embed: str = "cpu"
    """Preset of the jobs that embed."""
    pool: str | None = None
    """Of all of them."""
    max_gpus: int | None = None
    """Devices in use at once."""
    cut_minutes: float | None = None
    """How long a job that cuts should take."""
    label_minutes: float | None = None
    """How long a job that labels should take."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ExportSection:
    """What is left beside the table."""

    parquet: bool = True
    """Kept clips as Parquet files."""
    parquet_path: str | None = None
    """Where: a local folder or a directory of the cluster; DIR/parquet unless given."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class CurateSettings:
    """A pipeline file."""

    source: SourceSection = field(default_factory=SourceSection)
    cut: CutSection = field(default_factory=CutSection)
    score: Scoring = field(default_factory=Scoring)
    filter: Thresholds = field(default_factory=Thresholds)
    label: LabelSection = field(default_factory=LabelSection)
    embed: EmbedSection = field(default_factory=EmbedSection)
    duplicates: DuplicateSection = field(default_factory=DuplicateSection)
    jobs: JobSection = field(default_factory=JobSection)
    waves: Pace = field(default_factory=Pace)
    export: ExportSection = field(default_factory=ExportSection)
