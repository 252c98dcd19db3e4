"""Score: a table of clips → quality scores and keyframes of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ytcurate.config import Scoring
from ytcurate.connection import account, client_for
from ytcurate.operations.presets import load_preset
from ytcurate.operations.resources import Placement
from ytcurate.pipeline.run_record import RunRecord
from ytcurate.pipeline.stage_run import StageResult, run_stage

if TYPE_CHECKING:
    from ytcurate.curating.board import LaneState

_SECONDS_PER_CLIP = 2.0
"""Of a job with four cores, ten seconds of 1080p: assumed, until it is measured."""


def score(
    table: str,
    result: str,
    *,
    scoring: Scoring | None = None,
    preset: str = "cpu",
    pool: str | None = None,
    proxy: str | None = None,
    client: Any = None,
    on_progress: Callable[[list[LaneState]], None] = lambda lanes: None,
) -> StageResult:
    """Score every clip of a table, and take its keyframes; one row for each clip.

    The same call again takes clips that are new; one with other settings puts the old scores aside.

    Args:
        table: clips, as upload writes them.
        result: the table to write.
        scoring: what to look at.
        preset: a preset's name or file.
        pool: of the operations.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead.
        on_progress: called whenever something changes.

    Raises:
        UsageError, TableMissing, TableExists, OperationFailed: as ``run_stage``.
    """
    from ytcurate.curating.score_stage import ScoreStage
    from ytcurate.mappers.score_mapper import ScoreMapper

    client = client_for(client, proxy)
    scoring = scoring or Scoring()
    chosen = load_preset(preset).changed(placement=Placement(pool=pool) if pool else None)
    stage = ScoreStage(
        scoring=scoring,
        preset=dataclasses.replace(chosen, seconds_per_clip=_SECONDS_PER_CLIP),
        mapper=ScoreMapper(scoring, pass_on=("ds_index", "segment_index", "clip_id")),
        trees=account(client).pool_trees,
        result=result,
    )
    stage.spec(
        1, 1, RunRecord(stage.fingerprint, 0), alias="*"
    )  # refuses options and trees that do not exist
    return run_stage(client, table, result, stage, on_progress=on_progress)
