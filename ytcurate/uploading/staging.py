"""Whole videos from elsewhere → a table of the cluster, from which jobs cut them.

The same machinery as for clips: in transactions, several videos at a time, none twice, and gone on with
after a kill.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ytcurate.config import Segmenting
from ytcurate.errors import TableExists
from ytcurate.mappers.clips import SourceRecord
from ytcurate.tables.ledger import KeyIndex, Taken, read_taken
from ytcurate.tables.ledger import sources_table as ledger_of
from ytcurate.uploading.cut_input import VideoTable
from ytcurate.uploading.make_tables import create_tables
from ytcurate.uploading.messages import Setup
from ytcurate.uploading.plan import UploadPlan, make_plan
from ytcurate.uploading.run import UploadRun
from ytcurate.uploading.whole import MOST_ROW_BYTES, video_columns

_ROW_IN_MEMORY = 4
"""Times that a row is in the memory of the process that writes it; 3.1 measured."""


def staged_table(table: str) -> str:
    """Path of the table of whole videos that belongs to a table of clips."""
    return f"{table}_videos"


def plan_staging(client: Any, plan: UploadPlan) -> UploadPlan:
    """Plan the upload of whole videos; nothing is written.

    Raises:
        TableExists: whole videos of another source are there.
        UsageError, SchemaMismatch: the table cannot be written.
    """
    path = staged_table(plan.table)
    options = replace(plan.options, overwrite=False, append=False, resume=True)
    columns = video_columns({column.name: column.type for column in plan.source_columns})
    try:
        staging = make_plan(client, plan.source, path, Segmenting(split="whole"), options, columns=columns)
    except TableExists as error:
        raise TableExists(
            f"{path} holds whole videos of another source, which are in the way. Go on with that upload, or "
            f"remove them (yt remove {path} {ledger_of(path)})."
        ) from error
    if not staging.record.sources:
        # As in the clips, so that what is said of a duplicate is true of them.
        first = plan.record.next_index
        staging.record.next_index = staging.upload.first_index = first
    return staging


def stage_videos(
    client: Any,
    plan: UploadPlan,
    staging: UploadPlan,
    taken: Taken,
    row_cap: int,
    on_records: Callable[[list[SourceRecord]], None],
) -> tuple[VideoTable, int]:
    """Upload whole videos that are neither staged nor cut yet.

    Args:
        client: of the cluster.
        plan: of the clips.
        staging: from ``plan_staging``.
        taken: what is in the clips.
        row_cap: what a row may weigh, bytes.
        on_records: called with the videos of each transaction.

    Returns:
        The table, and how many videos of the source were cut before.
    """
    path = staging.table
    folder = f"{path}_files"
    client.create("map_node", folder, recursive=True, ignore_existing=True)
    create_tables(client, staging)
    before = Taken()
    if staging.record.sources:
        before = read_taken(client, staging.sources_table, again=plan.options.retry)
    setup = Setup(
        client_config=client.config,
        clips_table=path,
        sources_table=staging.sources_table,
        files_folder=folder,
        row_cap=min(row_cap, MOST_ROW_BYTES, plan.options.limits.max_memory_bytes // _ROW_IN_MEMORY),
        segmenting=staging.segmenting,
        preview="none",
        limits=plan.options.limits,
        whole=True,
    )
    both = Taken(_Both(taken.names, before.names), _Both(taken.digests, before.digests))
    run = UploadRun(staging, client, setup, both, on_records)
    run.run()
    rows = int(client.get(f"{path}/@row_count"))
    table = VideoTable(
        path=path,
        video_column="video",
        name_column="source",
        title_column="title",
        columns=tuple(column.name for column in plan.source_columns),
        start=0,
        stop=rows,
        row_words=f"{path} row ",
        is_staged=True,
    )
    return table, run.left_out


def remove_staged(client: Any, plan: UploadPlan) -> None:
    """Remove the whole videos of an upload that is complete."""
    path = staged_table(plan.table)
    for each in (path, ledger_of(path), f"{path}_files"):
        client.remove(each, recursive=True, force=True)


class _Both(KeyIndex):
    """Two indexes as one; what is added goes into the second."""

    def __init__(self, first: KeyIndex, second: KeyIndex) -> None:
        super().__init__()
        self._first, self._second = first, second

    def __setitem__(self, key: bytes, number: int) -> None:
        self._second[key] = number

    def get(self, key: bytes) -> int | None:
        found = self._first.get(key)
        return self._second.get(key) if found is None else found

    def __len__(self) -> int:
        return len(self._first) + len(self._second)
