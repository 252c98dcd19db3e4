"""Describe and curate video on YTsaurus: clips in typed tables, a model in map operations.

>>> import ytcurate                                                        # doctest: +SKIP
>>> ytcurate.upload("match.mp4", "//tmp/run/clips")                        # writes the clips
>>> ytcurate.describe("//tmp/run/clips", "//tmp/run/descriptions",         # writes a text for each
...                   model="Qwen/Qwen2.5-VL-7B-Instruct")

Where it runs is decided by ``proxy=`` or ``YT_PROXY``; without either, by a local cluster on this machine.
To use the parts in operations of your own: ``DescribeMapper`` with ``build_spec``, ``cut_clips``,
``sample_frames``. Importing this package is light; what a name needs is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "upload": "ytcurate.pipeline.upload",
    "UploadResult": "ytcurate.pipeline.upload_result",
    "plan_upload": "ytcurate.pipeline.upload",
    "UploadPlan": "ytcurate.uploading.plan",
    "SourceVideo": "ytcurate.sources.base",
    "describe": "ytcurate.pipeline.describe",
    "plan_describe": "ytcurate.pipeline.plan_describe",
    "DescribePlan": "ytcurate.pipeline.describe_plan",
    "DescribeResult": "ytcurate.pipeline.describe",
    "curate": "ytcurate.pipeline.curate",
    "plan_curate": "ytcurate.pipeline.curate",
    "CurateResult": "ytcurate.pipeline.curate",
    "live": "ytcurate.pipeline.live",
    "score": "ytcurate.pipeline.score",
    "embed": "ytcurate.pipeline.embed",
    "StageResult": "ytcurate.pipeline.stage_run",
    "search": "ytcurate.pipeline.search",
    "SearchResult": "ytcurate.pipeline.search_result",
    "export": "ytcurate.pipeline.export",
    "ExportResult": "ytcurate.pipeline.export",
    "show": "ytcurate.pipeline.show",
    "TableView": "ytcurate.pipeline.show",
    "watch": "ytcurate.pipeline.watch",
    "ClipView": "ytcurate.pipeline.watch",
    "connect": "ytcurate.connection",
    "account": "ytcurate.connection",
    "Account": "ytcurate.connection",
    "DescribeMapper": "ytcurate.mappers.describe",
    "ScoreMapper": "ytcurate.mappers.score_mapper",
    "EmbedMapper": "ytcurate.mappers.embed",
    "CutMapper": "ytcurate.mappers.cut",
    "build_spec": "ytcurate.operations.spec",
    "load_preset": "ytcurate.operations.presets",
    "JobResources": "ytcurate.operations.resources",
    "Placement": "ytcurate.operations.resources",
    "cut_clips": "ytcurate.media.cut",
    "Clip": "ytcurate.media.cut",
    "sample_frames": "ytcurate.media.frames",
    "Frames": "ytcurate.media.frames",
    "Prompt": "ytcurate.describers.prompts",
    "load_question": "ytcurate.describers.prompts",
    "ReplySchema": "ytcurate.describers.reply_schema",
    "Outcome": "ytcurate.describers.base",
    "Segmenting": "ytcurate.config",
    "Encoding": "ytcurate.config",
    "SourceLimits": "ytcurate.config",
    "Scoring": "ytcurate.config",
    "Thresholds": "ytcurate.config",
    "FrameSampling": "ytcurate.config",
    "Sampling": "ytcurate.config",
    "EngineSettings": "ytcurate.config",
    "Buffering": "ytcurate.config",
    "ClipLimits": "ytcurate.config",
    "YtcurateError": "ytcurate.errors",
}
"""Public names and the modules they live in."""

__all__ = sorted([*_HOMES, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from ytcurate.config import Buffering as Buffering
    from ytcurate.config import ClipLimits as ClipLimits
    from ytcurate.config import Encoding as Encoding
    from ytcurate.config import EngineSettings as EngineSettings
    from ytcurate.config import FrameSampling as FrameSampling
    from ytcurate.config import Sampling as Sampling
    from ytcurate.config import Scoring as Scoring
    from ytcurate.config import Segmenting as Segmenting
    from ytcurate.config import SourceLimits as SourceLimits
    from ytcurate.config import Thresholds as Thresholds
    from ytcurate.connection import Account as Account
    from ytcurate.connection import account as account
    from ytcurate.connection import connect as connect
    from ytcurate.describers.base import Outcome as Outcome
    from ytcurate.describers.prompts import Prompt as Prompt
    from ytcurate.describers.prompts import load_question as load_question
    from ytcurate.describers.reply_schema import ReplySchema as ReplySchema
    from ytcurate.errors import YtcurateError as YtcurateError
    from ytcurate.mappers.cut import CutMapper as CutMapper
    from ytcurate.mappers.describe import DescribeMapper as DescribeMapper
    from ytcurate.mappers.embed import EmbedMapper as EmbedMapper
    from ytcurate.mappers.score_mapper import ScoreMapper as ScoreMapper
    from ytcurate.media.cut import Clip as Clip
    from ytcurate.media.cut import cut_clips as cut_clips
    from ytcurate.media.frames import Frames as Frames
    from ytcurate.media.frames import sample_frames as sample_frames
    from ytcurate.operations.presets import load_preset as load_preset
    from ytcurate.operations.resources import JobResources as JobResources
    from ytcurate.operations.resources import Placement as Placement
    from ytcurate.operations.spec import build_spec as build_spec
    from ytcurate.pipeline.curate import CurateResult as CurateResult
    from ytcurate.pipeline.curate import curate as curate
    from ytcurate.pipeline.curate import plan_curate as plan_curate
    from ytcurate.pipeline.describe import DescribeResult as DescribeResult
    from ytcurate.pipeline.describe import describe as describe
    from ytcurate.pipeline.describe_plan import DescribePlan as DescribePlan
    from ytcurate.pipeline.embed import embed as embed
    from ytcurate.pipeline.export import ExportResult as ExportResult
    from ytcurate.pipeline.export import export as export
    from ytcurate.pipeline.live import live as live
    from ytcurate.pipeline.plan_describe import plan_describe as plan_describe
    from ytcurate.pipeline.score import score as score
    from ytcurate.pipeline.search import search as search
    from ytcurate.pipeline.search_result import SearchResult as SearchResult
    from ytcurate.pipeline.show import TableView as TableView
    from ytcurate.pipeline.show import show as show
    from ytcurate.pipeline.stage_run import StageResult as StageResult
    from ytcurate.pipeline.upload import plan_upload as plan_upload
    from ytcurate.pipeline.upload import upload as upload
    from ytcurate.pipeline.upload_result import UploadResult as UploadResult
    from ytcurate.pipeline.watch import ClipView as ClipView
    from ytcurate.pipeline.watch import watch as watch
    from ytcurate.sources.base import SourceVideo as SourceVideo
    from ytcurate.uploading.plan import UploadPlan as UploadPlan


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ytcurate' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
