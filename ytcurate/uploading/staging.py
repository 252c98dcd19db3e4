"""Whole videos from elsewhere → a table of the cluster, from which jobs cut them.

The same machinery as for clips: in transactions, several videos at a time, none twice, and gone on with
after a kill. Jobs cut those that are there while the others are on their way.
"""

from __future__ import annotations

import copy
import threading
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


class Staging:
    """Brings whole videos to the cluster that are neither there nor cut yet, in a thread of its own.

    A context manager; what was not brought at its end is brought by the next upload. A video can be cut as
    soon as its transaction is committed.

    Args:
        client: of the cluster.
        plan: of the clips.
        staging: from ``plan_staging``.
        taken: what is in the clips.
        row_cap: what a row may weigh, bytes.
        on_records: called with the videos of each transaction, from that thread.
    """

    def __init__(
        self,
        client: Any,
        plan: UploadPlan,
        staging: UploadPlan,
        taken: Taken,
        row_cap: int,
        on_records: Callable[[list[SourceRecord]], None],
    ) -> None:
        import yt.wrapper as yt

        self._client = yt.YtClient(config=copy.deepcopy(client.config))
        self._path = staging.table
        self._columns = tuple(column.name for column in plan.source_columns)
        self._on_records = on_records
        folder = f"{self._path}_files"
        client.create("map_node", folder, recursive=True, ignore_existing=True)
        create_tables(client, staging)
        before = Taken()
        if staging.record.sources:
            before = read_taken(client, staging.sources_table, again=plan.options.retry)
        setup = Setup(
            client_config=client.config,
            clips_table=self._path,
            sources_table=staging.sources_table,
            files_folder=folder,
            row_cap=min(row_cap, MOST_ROW_BYTES, plan.options.limits.max_memory_bytes // _ROW_IN_MEMORY),
            segmenting=staging.segmenting,
            preview="none",
            limits=plan.options.limits,
            whole=True,
        )
        both = Taken(_Both(taken.names, before.names), _Both(taken.digests, before.digests))
        self._run = UploadRun(staging, self._client, setup, both, self._count)
        self._changed = threading.Condition()
        self._rows = self._count_rows()
        self._error: BaseException | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name="stage videos", daemon=True)

    def __enter__(self) -> Staging:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._run.stop()
        self._thread.join()

    @property
    def left_out(self) -> int:
        """How many videos of the source were there or cut before."""
        return self._run.left_out

    def look(self) -> tuple[VideoTable, bool]:
        """Give the table as it is now, and say whether more rows may come.

        Raises:
            UploadInterrupted, and what the source raised: no more will come, and not all are there.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._table(self._rows), not self._is_over

    def wait(self, seconds: float) -> None:
        """Wait until something changed, so long at most."""
        with self._changed:
            if not self._is_over:
                self._changed.wait(seconds)

    def wait_until_over(self) -> None:
        """Wait until no more rows can come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over)

    def _work(self) -> None:
        try:
            self._run.run()
        except BaseException as error:  # noqa: BLE001 - raised where the rows are waited for
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _count(self, records: list[SourceRecord]) -> None:
        rows = self._count_rows()
        with self._changed:
            self._rows = rows
            self._changed.notify_all()
        self._on_records(records)

    def _count_rows(self) -> int:
        return int(self._client.get(f"{self._path}/@row_count"))

    def _table(self, rows: int) -> VideoTable:
        return VideoTable(
            path=self._path,
            video_column="video",
            name_column="source",
            title_column="title",
            columns=self._columns,
            start=0,
            stop=rows,
            row_words=f"{self._path} row ",
            is_staged=True,
        )


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
