"""Cutting on the cluster: whole videos in a table → clips, in waves of map operations.

::

    a table of the cluster ────────────────────────► operations of CutMapper ─► clips, sources
    any other source ─► staging.py: TABLE_videos ──►

Videos that came to the cluster are cut while the others are on their way.
The tables are those of an upload from here, row by row; only the rows of videos too heavy for a row of
``TABLE_videos`` come at the end of their wave. Where a source is a table of the cluster, nothing comes over
the wire but names; videos of the same bytes are not recognised there, as no job sees all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.errors import UploadInterrupted
from ytcurate.mappers.clips import SourceRecord
from ytcurate.operations import submit
from ytcurate.pipeline.remaining import ranged
from ytcurate.tables.ledger import Taken, read_taken
from ytcurate.tables.stream_rows import find_row_cap
from ytcurate.uploading.cut_input import FileOfRow, VideoTable, table_of_source
from ytcurate.uploading.cut_jobs import CutPlan
from ytcurate.uploading.cut_waves import Wave, WaveKeeper, cut_off, groups_of, joined
from ytcurate.uploading.plan import UploadPlan
from ytcurate.uploading.record import UploadRecord
from ytcurate.uploading.staging import Staging, plan_staging, remove_staged

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who is told of what; all of them may be called at any time."""

    on_records: Callable[[list[SourceRecord]], None] = lambda records: None
    """What became of videos whose clips are in the table."""
    on_staged: Callable[[list[SourceRecord]], None] = lambda records: None
    """Whole videos that came to the cluster and are to be cut there."""
    on_operation: Callable[[submit.Progress], None] = lambda progress: None
    """Every few seconds while an operation runs."""
    on_warning: Callable[[str], None] = lambda warning: None
    """What is odd and no error."""
    next_wave: Callable[[int, bool], int] | None = None
    """Asked before each wave how many of the videos that are there it takes; may wait before it answers.
    Is told how many there are, and whether more may come; only then may it answer 0, to wait for more."""


def upload_on_cluster(
    client: Any,
    plan: UploadPlan,
    cutting: CutPlan,
    listeners: Listeners | None = None,
) -> int:
    """Cut all of a source that was not cut before.

    Args:
        client: of the cluster.
        plan: of the clips; its tables exist.
        cutting: of the operations.
        listeners: who is told of what.

    Returns:
        How many videos of the source were in the table before.

    Raises:
        OperationFailed: an operation failed; its message says why. Finished waves stay.
        UploadInterrupted: another upload is in the way, or the input was changed.
        TableExists: whole videos of another source are in the way.
    """
    listeners = listeners or Listeners()
    row_cap = find_row_cap(client, plan.written_table)
    run = _CutRun(client, plan, cutting, row_cap, listeners)
    table = table_of_source(client, plan.source)
    if table is not None:
        return run.run(table)
    staging = plan_staging(client, plan)
    taken = _read_taken(client, plan, plan.record)
    with Staging(client, plan, staging, taken, row_cap, listeners.on_staged) as coming:
        run.run_staged(coming)
    if not cutting.jobs.keep_videos:
        remove_staged(client, plan)
    return coming.left_out


def _read_taken(client: Any, plan: UploadPlan, record: UploadRecord) -> Taken:
    """What must not be taken again: of this source, and by its bytes of all that are in the table."""
    if not record.sources:
        return Taken()
    first_index = plan.upload.first_index if plan.options.duplicates == "keep" else 0
    return read_taken(client, plan.sources_table, first_index=first_index, again=plan.options.retry)


class _CutRun:
    """Brings the tables up to a table of whole videos, wave by wave."""

    def __init__(
        self, client: Any, plan: UploadPlan, cutting: CutPlan, row_cap: int, listeners: Listeners
    ) -> None:
        self._client = client
        self._plan = plan
        self._cutting = cutting
        self._row_cap = row_cap
        self._listeners = listeners
        self._keeper = WaveKeeper(client, plan)
        self._input_id = ""
        self._files: dict[int, FileOfRow] = {}
        self._warned: set[str] = set()

    def run(self, table: VideoTable) -> int:
        """Cut what is left of a table, and return how many of its rows were cut before."""
        revision = self._revision(table)
        left = self._begin(table)
        rows = sum(map(len, left))
        while left:
            if self._revision(table) != revision:
                raise UploadInterrupted(
                    f"{table.path} was changed while its videos were cut. What is cut stays; give the same "
                    "command again for the rest."
                )
            left = self._cut_some(table, left, self._rows_of_wave(table, left))
        self._keeper.end_upload()
        return table.stop - table.start - rows

    def run_staged(self, staging: Staging) -> None:
        """Cut the videos that are staged, each as soon as it is there."""
        if self._plan.options.retry:
            staging.wait_until_over()  # which of its tries is the last of a video shows at the end
        table, more_come = staging.look()
        left = self._begin(table)
        while left or more_come:
            grown, more_come = staging.look()
            if grown.stop > table.stop:
                left = joined(left, range(table.stop, grown.stop))
                self._files |= grown.files(self._client, start=table.stop)
                table = grown
            rows = self._rows_of_wave(table, left, more_come) if left or more_come else 0
            if rows:
                left = self._cut_some(table, left, rows)
            else:
                staging.wait(_LOOK_EVERY_S)
        self._keeper.end_upload()

    def _begin(self, table: VideoTable) -> list[range]:
        """Finish the wave that an upload left behind, and find the rows that are left."""
        client = self._client
        self._files = table.files(client)
        self._input_id = str(client.get(f"{table.path}/@id"))
        found = self._keeper.read()
        if found is not None:
            if found.input_id != self._input_id:
                raise UploadInterrupted(
                    f"{self._plan.table}: an upload of another source stopped while its videos were cut. "
                    "Give its command again first, or replace the table with --overwrite."
                )
            self._finish(found, table)
        taken = _read_taken(client, self._plan, self._keeper.record)
        return table.rows_left(client, taken, last_only=table.is_staged and self._plan.options.retry)

    def _cut_some(self, table: VideoTable, left: list[range], rows: int) -> list[range]:
        """Cut a wave of so many rows, and give the others."""
        ranges, others = cut_off(left, rows)
        self._finish(self._keeper.begin_wave(self._input_id, ranges), table)
        return others

    def _finish(self, wave: Wave, table: VideoTable) -> None:
        """Cut what a wave lacks, and count it."""
        running = submit.find_running(self._client, wave.alias) if wave.alias else None
        if running is not None:
            self._follow(running)
        rows = wave.rows_without({record.ds_index for record in self._keeper.done(wave)})
        for ranges, are_files in groups_of(rows, self._files):
            wave = self._keeper.note_operation(wave, ranges)
            self._follow(self._start(wave, table, ranges, are_files))
        self._listeners.on_records(self._keeper.end_wave(wave, self._row_cap))

    def _start(self, wave: Wave, table: VideoTable, ranges: Sequence[range], are_files: bool) -> str:
        import yt.wrapper as yt

        client, plan = self._client, self._plan
        files = [self._files[row][0] for each in ranges for row in each] if are_files else []
        spec = self._cutting.spec(
            data_weight_per_job=self._weight_of_files(table, ranges) if are_files else None,
            row_cap=self._row_cap,
            alias=wave.alias,
            on_warning=self._warn,
        )
        mapper = table.mapper(
            plan, numbers=wave.numbers, processes=self._cutting.processes, max_row_bytes=self._row_cap
        )
        rows = ranged(client, table.path, ranges, table.read_columns)
        return submit.start_or_find(
            client,
            mapper,
            rows,
            [
                yt.TablePath(path, append=True, client=client)
                for path in (plan.written_table, plan.sources_table)
            ],
            spec=spec,
            cypress_files=[submit.CypressFile(path, path.rpartition("/")[2]) for path in files],
            max_archive_bytes=self._cutting.max_archive_bytes,
        )

    def _follow(self, operation_id: str) -> None:
        try:
            progress = submit.follow(self._client, operation_id, self._listeners.on_operation)
        except KeyboardInterrupt:
            self._client.abort_operation(operation_id)
            raise
        submit.require_completed(self._client, progress)
        self._cutting = self._cutting.measured(progress.statistics)
        unknown = ", ".join(submit.unrecognised_options(self._client, operation_id))
        if unknown:
            self._warn(f"the cluster does not know these options, and ignores them: {unknown}")

    def _rows_of_wave(self, table: VideoTable, left: Sequence[range], more_come: bool = False) -> int:
        """How many rows the next wave has: so many that waves are about equally long. 0: wait for more."""
        rows = sum(map(len, left))
        if self._listeners.next_wave is not None:
            return max(0 if more_come else 1, min(rows, self._listeners.next_wave(rows, more_come)))
        inside, count = self._weight(table)
        size = (inside + sum(size for _, size in self._files.values())) * rows / count
        if more_come and size < self._cutting.wave_bytes:
            return 0
        waves = max(1, round(size / self._cutting.wave_bytes))
        return max(1, -(-rows // waves))

    def _weight_of_files(self, table: VideoTable, ranges: Sequence[range]) -> int:
        """How much of such a table makes a job, whose rows name the videos and do not hold them."""
        sizes = [self._files[row][1] for each in ranges for row in each]
        rows_per_job = max(1, self._cutting.job_bytes * len(sizes) // max(1, sum(sizes)))
        weight, count = self._weight(table)
        return max(1, round(rows_per_job * weight / count))

    def _weight(self, table: VideoTable) -> tuple[int, int]:
        """Bytes and rows of a table."""
        weight = int(self._client.get(f"{table.path}/@data_weight"))
        return weight, max(1, int(self._client.get(f"{table.path}/@row_count")))

    def _revision(self, table: VideoTable) -> int:
        return int(self._client.get(f"{table.path}/@content_revision"))

    def _warn(self, warning: str) -> None:
        if warning not in self._warned:
            self._warned.add(warning)
            self._listeners.on_warning(warning)
