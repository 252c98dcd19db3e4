"""Upload: source videos → clips in a typed table, and a table that says what became of each source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from ytcurate.config import Segmenting, SourceLimits
from ytcurate.connection import client_for
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.mappers.clips import SourceRecord
from ytcurate.operations.resources import JobResources, Placement, ResourceChanges
from ytcurate.operations.submit import Progress
from ytcurate.sources.base import Source
from ytcurate.sources.find import find_source
from ytcurate.sources.options import DownloadLimits, SourceOptions
from ytcurate.tables.ledger import GOOD_OUTCOMES, Taken, read_taken, sources_table
from ytcurate.tables.stream_rows import find_row_cap
from ytcurate.uploading.cut_jobs import ClusterJobs, plan_cutting
from ytcurate.uploading.cut_waves import WAVE_ATTRIBUTE
from ytcurate.uploading.messages import Setup
from ytcurate.uploading.on_cluster import Listeners, upload_on_cluster
from ytcurate.uploading.owners import OWNER_ATTRIBUTE, abort_left_behind, this_process
from ytcurate.uploading.plan import UploadOptions, UploadPlan, create_tables, make_plan, require_tools
from ytcurate.uploading.pool import CutterProcess
from ytcurate.uploading.record import read_upload_record
from ytcurate.uploading.run import UploadRun

MOST_PROBLEMS = 1000
"""Sentences kept; each problem is a row of the tables, too."""


@dataclass(kw_only=True)
class UploadResult:
    """What an upload did; its totals grow while it runs, each time a transaction is committed."""

    table: str
    sources: int = 0
    """Taken by this call, whatever became of them."""
    clips: int = 0
    """With a video."""
    seconds: float = 0.0
    """Of video, in those clips."""
    bytes: int = 0
    """Of video, in those clips."""
    already: int = 0
    """Sources that were in the table before."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Of the sources."""
    elapsed_s: float = 0.0
    problems: list[str] = field(default_factory=list)
    """One sentence for each source or clip that could not be used, at most 1,000."""

    @property
    def bad_sources(self) -> int:
        """Sources of which something is missing in the table."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in GOOD_OUTCOMES)

    @property
    def duplicates(self) -> int:
        """Sources whose bytes were taken from another one."""
        return self.outcomes.get("duplicate", 0)

    def count(self, records: Iterable[SourceRecord]) -> None:
        """Add what became of some sources."""
        totals = Counter(self.outcomes)
        for record in records:
            self.sources += 1
            self.clips += record.clips
            self.seconds += record.seconds
            self.bytes += record.bytes
            totals[record.outcome] += 1
            if record.outcome not in GOOD_OUTCOMES and len(self.problems) < MOST_PROBLEMS:
                detail = str(record.detail)
                named = detail.startswith(record.source)
                self.problems.append(detail if named else f"{record.source}: {detail}")
        self.outcomes = dict(totals)

    def __str__(self) -> str:
        notes = []
        if self.duplicates:
            notes.append(f"{self.duplicates} duplicates")
        if self.already:
            notes.append(f"{self.already} sources were there before")
        if self.bad_sources:
            notes.append(f"{self.bad_sources} problems")
        text = f"{self.clips} clips, {self.seconds:.1f} s, {self.bytes / 1e6:.1f} MB → {self.table}"
        return f"{text} ({', '.join(notes)})" if notes else text

    def rate(self) -> str:
        """How fast it went, in words."""
        elapsed = max(self.elapsed_s, 1e-9)
        return (
            f"{self.sources} sources in {self.elapsed_s:.1f} s: {self.clips / elapsed:.1f} clips and "
            f"{self.bytes / elapsed / 1e6:.1f} MB per second"
        )


_OF_SOURCE = ("columns", "rows", "title_column")
_OF_JOBS = tuple(each.name for each in fields(ClusterJobs))


class UploadSettings(TypedDict, total=False):
    """What may be said about an upload, by name; all of it is optional."""

    segmenting: Segmenting
    """Where to cut, and how."""
    columns: Sequence[str]
    """Of the source, to carry into the table; ``["*"]`` for all."""
    rows: tuple[int, int | None] | None
    """Of the source: the first, and the first no longer taken."""
    title_column: str | None
    """Of the source; ``title`` if it has one."""
    overwrite: bool
    """Replace the rows that are there, once the new ones are complete."""
    append: bool
    """Add to rows of other uploads; ``ds_index`` goes on from theirs."""
    resume: bool
    """Go on with an upload of the same source, or take its new videos (the default). False: rows that are
    there are an error."""
    retry: bool
    """Try sources again that ended badly; they get a ``ds_index`` of their own."""
    duplicates: str
    """``skip`` (the default), or ``keep`` to take videos of the same bytes each time."""
    store: str
    """What becomes of clips that are too heavy for a row. ``row`` (the default): they are refused. ``file``:
    they are kept as files in Cypress (``<table>_files``), with their path in ``video_path``."""
    preview: str | None
    """Which clips get a poster: ``every``, ``first`` (of each source) or ``none``. None: ``every`` where that
    is cheap (a small upload, or four cores), else ``first``."""
    processes: int
    """That cut side by side. 0: as many as cores, at most 16."""
    transaction_bytes: int
    """Source video that is written in one transaction, at least: what a kill may cost, and the size of the
    table's chunks. A source is never divided. 0: 24 to 512 MiB, by how much there is."""
    limits: SourceLimits
    """Of one source."""
    on_cluster: bool
    """Cut in jobs of the cluster. Videos that are not in a table of it already are first uploaded whole, to
    ``<table>_videos``. What follows is for that only; see ``ClusterJobs``."""
    preset: str
    """Name of a preset, or a file; ``cpu``."""
    resources: JobResources | ResourceChanges | None
    """All of what a job gets, or the fields that win over the preset's."""
    placement: Placement | None
    """Pool and pool trees; what is set wins over the preset."""
    job_minutes: float | None
    """How long a job should take. None: as the preset says."""
    job_bytes: int | None
    """Source video of one job. None: what takes it ``job_minutes``."""
    wave_bytes: int | None
    """Source video of one operation. None: as much as 192 jobs take."""
    keep_videos: bool
    """Leave the whole videos in ``<table>_videos``: to cut them again in another way."""
    spec: Mapping[str, Any]
    """Your own part of the spec, merged last."""
    ship_anyway: bool
    """Send more than 20 MiB of code to jobs."""


def plan_upload(
    source: str | Path | Source,
    table: str,
    *,
    proxy: str | None = None,
    client: Any = None,
    **settings: Unpack[UploadSettings],
) -> UploadPlan:
    """Decide what ``upload`` would do, and check all that can be checked; nothing is written.

    Takes and raises what ``upload`` does.
    """
    segmenting = settings.get("segmenting") or Segmenting()
    chosen: dict[str, Any] = dict(settings)
    of_source = {name: chosen.pop(name) for name in _OF_SOURCE if name in chosen}
    chosen.pop("segmenting", None)
    on_cluster = chosen.pop("on_cluster", False)
    of_jobs = {name: chosen.pop(name) for name in _OF_JOBS if name in chosen}
    if of_jobs and not on_cluster:
        raise UsageError(f"{next(iter(of_jobs))} is for an upload that is cut on the cluster (on_cluster).")
    options = UploadOptions(**chosen)
    if not on_cluster:
        require_tools(segmenting)
    client = client_for(client, proxy)
    if isinstance(source, str | Path):
        wanted = SourceOptions(
            columns=tuple(of_source.get("columns", ())),
            rows=of_source.get("rows"),
            title_column=of_source.get("title_column"),
            download=DownloadLimits.of(options.limits),
        )
        source = find_source(str(source), options=wanted, client=client)
    elif any(of_source.values()):
        raise UsageError(f"{', '.join(_OF_SOURCE)} are for a source that is given by its name.")
    plan = make_plan(client, source, table, segmenting, options)
    if not on_cluster:
        return plan
    return replace(plan, cutting=plan_cutting(client, plan, ClusterJobs(**of_jobs)))


def upload(
    source: str | Path | Source,
    table: str,
    *,
    proxy: str | None = None,
    client: Any = None,
    on_plan: Callable[[UploadPlan], None] = lambda plan: None,
    on_progress: Callable[[UploadResult], None] = lambda result: None,
    on_operation: Callable[[Progress], None] = lambda progress: None,
    on_warning: Callable[[str], None] = lambda warning: None,
    **settings: Unpack[UploadSettings],
) -> UploadResult:
    """Cut source videos into clips and write them to a table, several videos at a time.

    Each source is written whole or not at all, in the order of the source, together with its row in the
    table of sources (``<table>_sources``). An upload that was stopped, however it was, goes on when it is
    called again in the same way, and so does one whose source has new videos. A source that cannot be read
    gives a row with ``outcome`` and ``detail`` and no video; the others go on. Videos of the same bytes
    are taken once.

    Args:
        source: a file, a folder, a data set (see ``find_source``), or a ``Source``.
        table: where to write; made if it is not there.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        on_plan: called with the plan before anything is written.
        on_progress: called after each transaction.
        on_operation: called every few seconds while jobs cut on the cluster.
        on_warning: called with a sentence about something that is odd and no error.
        **settings: see ``UploadSettings``.

    Raises:
        OperationFailed: an operation that cuts failed; its message says why. Finished ones stay.
        UsageError: the source does not exist or holds no videos.
        TableExists, SchemaMismatch: the table cannot be written to.
        UnreadableVideo: not one video of the source can be read; no table is left.
        UploadInterrupted: the cluster or another upload is in the way. What was committed stays.
    """
    started = time.monotonic()
    client = client_for(client, proxy)
    plan = plan_upload(source, table, client=client, **settings)
    on_plan(plan)
    result = UploadResult(table=table)
    with ExitStack() as at_end:
        # They load what they need while the tables are made.
        processes = [CutterProcess() for _ in range(plan.processes if plan.cutting is None else 0)]
        for process in processes:
            at_end.callback(process.stop)
        if not plan.is_new:
            abort_left_behind(client, plan.written_table)
        create_tables(client, plan)
        try:
            if plan.cutting is None:
                _run(client, plan, processes, result, on_progress)
            else:
                listeners = Listeners(
                    on_records=lambda records: _count(records, result, on_progress),
                    on_operation=on_operation,
                    on_warning=on_warning,
                )
                result.already = upload_on_cluster(client, plan, plan.cutting, listeners)
        except BaseException:
            _remove_if_empty(client, plan)
            raise
    _require_a_clip(client, plan, result)
    if plan.written_table != table:
        _take_place(client, plan)
    result.elapsed_s = time.monotonic() - started
    return result


def _run(
    client: Any,
    plan: UploadPlan,
    processes: Sequence[CutterProcess],
    result: UploadResult,
    on_progress: Callable[[UploadResult], None],
) -> None:
    files_folder = f"{plan.table}_files" if plan.options.store == "file" else None
    if files_folder:
        client.create("map_node", files_folder, recursive=True, ignore_existing=True)
    setup = Setup(
        client_config=client.config,
        clips_table=plan.written_table,
        sources_table=plan.sources_table,
        files_folder=files_folder,
        row_cap=find_row_cap(client, plan.written_table),
        segmenting=plan.segmenting,
        preview=plan.preview,
        limits=plan.options.limits,
    )

    def on_records(records: list[SourceRecord]) -> None:
        _count(records, result, on_progress)

    run = UploadRun(plan, client, setup, _taken(client, plan), on_records, processes)
    try:
        run.run()
    finally:
        result.already = run.left_out


def _count(
    records: list[SourceRecord], result: UploadResult, on_progress: Callable[[UploadResult], None]
) -> None:
    result.count(records)
    on_progress(result)


def _taken(client: Any, plan: UploadPlan) -> Taken:
    """What must not be taken again: of this source, and by its bytes of all that are in the table."""
    if not plan.record.sources:
        return Taken()
    first_index = plan.upload.first_index if plan.options.duplicates == "keep" else 0
    return read_taken(client, plan.sources_table, first_index=first_index, again=plan.options.retry)


def _require_a_clip(client: Any, plan: UploadPlan, result: UploadResult) -> None:
    """Refuse an upload that was to begin a table and found nothing to put there."""
    record = read_upload_record(client, plan.written_table)
    if record is None or record.clips or record.uploads[0].fingerprint != plan.upload.fingerprint:
        return
    if int(client.get(f"{plan.written_table}/@row_count")) and not record.sources:
        return  # rows of somebody else's, appended to
    name = plan.source.name
    if not record.sources:
        _remove(client, plan)
        raise UnreadableVideo(f"{name}: this source is empty.")
    first = result.problems[0] if result.problems else f"{name}: no video could be read"
    others = f" So it is with all {record.sources} videos of {name}." if record.sources > 1 else ""
    _remove(client, plan)
    raise UnreadableVideo(f"{first}.{others} Nothing was written.")


def _remove_if_empty(client: Any, plan: UploadPlan) -> None:
    """Leave no tables behind that this call made and nothing was committed to."""
    import yt.wrapper as yt

    if not plan.is_new:
        return
    try:
        # An operation may still run that writes there.
        is_cutting = client.exists(f"{plan.written_table}/@{WAVE_ATTRIBUTE}")
        is_empty = not is_cutting and not client.get(f"{plan.sources_table}/@row_count")
    except yt.YtError:
        return
    if is_empty:
        _remove(client, plan)


def _remove(client: Any, plan: UploadPlan) -> None:
    client.remove(plan.written_table, force=True)
    client.remove(plan.sources_table, force=True)


def _take_place(client: Any, plan: UploadPlan) -> None:
    """Put the new tables in the place of the old ones, both at once."""
    import yt.wrapper as yt

    with yt.Transaction(attributes={OWNER_ATTRIBUTE: this_process()}, client=client):
        client.move(plan.sources_table, sources_table(plan.table), force=True)
        client.move(plan.written_table, plan.table, force=True)
