"""Upload: source videos → clips in a typed table, and a table that says what became of each source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Unpack

from ytcurate.config import Segmenting
from ytcurate.connection import client_for
from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.mappers.clips import SourceRecord
from ytcurate.operations.submit import Progress
from ytcurate.pipeline.upload_result import UploadResult
from ytcurate.pipeline.upload_settings import UploadSettings
from ytcurate.sources.base import Source
from ytcurate.sources.find import find_source
from ytcurate.sources.options import DownloadLimits, SourceOptions
from ytcurate.tables.ledger import Taken, read_taken, sources_table
from ytcurate.tables.owners import OWNER_ATTRIBUTE, this_process
from ytcurate.tables.stream_rows import find_row_cap
from ytcurate.uploading.cut_jobs import ClusterJobs, plan_cutting
from ytcurate.uploading.cut_waves import WAVE_ATTRIBUTE
from ytcurate.uploading.make_tables import create_tables
from ytcurate.uploading.messages import Setup
from ytcurate.uploading.on_cluster import Listeners, upload_on_cluster
from ytcurate.uploading.plan import UploadOptions, UploadPlan, make_plan, require_tools
from ytcurate.uploading.pool import CutterProcess
from ytcurate.uploading.record import read_upload_record
from ytcurate.uploading.run import UploadRun

_OF_SOURCE = ("columns", "rows", "title_column")
_OF_JOBS = tuple(each.name for each in fields(ClusterJobs))


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
    scoring = chosen.pop("scoring", None)
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
    plan = make_plan(client, source, table, segmenting, options, scoring=scoring)
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
    next_wave: Callable[[int, bool], int] | None = None,
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
        next_wave: called before each operation that cuts on the cluster with the number of videos that are
            there and not cut, and whether more may come; says how many it takes, and may wait before it does.
            0: wait for more. None: see ``ClusterJobs.wave_bytes``.
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
        create_tables(client, plan)
        try:
            if plan.cutting is None:
                _run(client, plan, processes, result, on_progress)
            else:
                listeners = Listeners(
                    on_records=lambda records: _count(records, result, on_progress),
                    on_operation=on_operation,
                    on_warning=on_warning,
                    next_wave=next_wave,
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
        scoring=plan.scoring,
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
