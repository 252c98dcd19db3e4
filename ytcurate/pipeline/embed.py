"""Embed: a table of clips → a vector for each, for search and near duplicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ytcurate.connection import client_for
from ytcurate.pipeline.stage_run import StageResult, run_stage
from ytcurate.tables import store

if TYPE_CHECKING:
    from ytcurate.curating.board import LaneState


def embed(
    table: str,
    result: str,
    *,
    model: str | None = None,
    weights: str | None = None,
    revision: str | None = None,
    preset: str = "cpu",
    pool: str | None = None,
    proxy: str | None = None,
    client: Any = None,
    on_progress: Callable[[list[LaneState]], None] = lambda lanes: None,
) -> StageResult:
    """Embed every clip of a table with CLIP; one row for each clip.

    Pictures are the clip's keyframes if the table has them (``score`` writes them, and ``curate``), else
    three of its video. The same call again takes clips that are new; one with another model puts the old
    vectors aside.

    Args:
        table: clips, as upload or score writes them.
        result: the table to write.
        model: CLIP: a hub id, a directory, or a Cypress directory; openai/clip-vit-base-patch32.
        weights: a Cypress directory to load it from.
        revision: commit, tag or branch on the hub.
        preset: a preset's name or file.
        pool: of the operations.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead.
        on_progress: called whenever something changes.

    Raises:
        UsageError, TableMissing, TableExists, OperationFailed: as ``run_stage``.
    """
    from ytcurate.curating.embed_stage import plan_embedding
    from ytcurate.curating.index import KEY_COLUMNS
    from ytcurate.curating.pipeline_file import make_settings

    client = client_for(client, proxy)
    section = {"weights": weights, "revision": revision} | ({"model": model} if model else {})
    settings = make_settings({"embed": section, "jobs": {"embed": preset, "pool": pool}})
    store.require_table(client, table, KEY_COLUMNS)
    there = frozenset(str(column["name"]) for column in client.get(f"{table}/@schema"))
    stage = plan_embedding(client, result, settings, there=there)
    assert stage is not None
    return run_stage(client, table, result, stage, on_progress=on_progress)
