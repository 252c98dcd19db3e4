"""What an upload will do: which tables, from which source on, in how many processes. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ytcurate.config import DEFAULT_ROW_WEIGHT_BYTES, MIB, PREVIEWS, Scoring, Segmenting, SourceLimits
from ytcurate.errors import TableExists, UsageError
from ytcurate.mappers.score import SCORE_COLUMNS
from ytcurate.sources.base import Source
from ytcurate.tables import store
from ytcurate.tables.ledger import sources_table
from ytcurate.tables.rows import CLIPS, Column
from ytcurate.uploading.record import (
    Upload,
    UploadRecord,
    fingerprint_of,
    read_upload_record,
)
from ytcurate.uploading.units import unit_bytes

if TYPE_CHECKING:
    from ytcurate.uploading.cut_jobs import CutPlan

_MOST_PROCESSES = 16
_SMALL_UPLOAD_BYTES = 256 * MIB
_CORES_TO_SPARE = 4
STORES = ("row", "file")
DUPLICATES = ("skip", "keep")


@dataclass(frozen=True, kw_only=True)
class UploadOptions:
    """How to upload; what clips come out does not depend on it, but for ``preview``."""

    overwrite: bool = False
    append: bool = False
    resume: bool = True
    retry: bool = False
    duplicates: str = "skip"
    store: str = "row"
    preview: str | None = None
    processes: int = 0
    transaction_bytes: int = 0
    limits: SourceLimits = field(default_factory=SourceLimits)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("duplicates", self.duplicates, DUPLICATES),
            ("store", self.store, STORES),
            ("preview", self.preview or "every", PREVIEWS),
        ):
            if value not in known:
                raise UsageError(f"{name} {value!r}: there are {', '.join(known)}.")
        if self.processes < 0:
            raise UsageError(f"processes must be 0 (as many as cores) or more, it is {self.processes}.")
        if self.transaction_bytes < 0:
            raise UsageError(f"transaction_bytes must be 0 (chosen) or more, it is {self.transaction_bytes}.")
        if self.overwrite and (self.append or self.retry):
            raise UsageError("--overwrite excludes --append and --retry.")


@dataclass(frozen=True, kw_only=True)
class UploadPlan:
    """An upload, ready to run; printed by ``--dry-run``."""

    source: Source
    table: str
    """Where the clips will be in the end."""
    written_table: str
    """Where they are written: ``table``, or one that takes its place when all is done."""
    columns: tuple[Column, ...]
    """Of the clips."""
    record: UploadRecord
    """Of the table, with this upload as the last one in it."""
    is_new: bool
    """Whether the tables must be made."""
    continues: bool
    """Whether an earlier upload of the same source goes on."""
    segmenting: Segmenting
    preview: str
    processes: int
    unit_bytes: int
    options: UploadOptions
    scoring: Scoring | None = None
    """Of the clips; None: they are not scored."""
    cutting: CutPlan | None = None
    """Of the operations that cut on the cluster; None: videos are cut here."""

    @property
    def sources_table(self) -> str:
        """The ledger beside ``written_table``."""
        return sources_table(self.written_table)

    @property
    def source_columns(self) -> tuple[Column, ...]:
        """Those that the source brings."""
        ours = len(CLIPS) + (len(SCORE_COLUMNS) if self.scoring is not None else 0)
        return self.columns[ours:]

    @property
    def upload(self) -> Upload:
        """This upload's entry in the record."""
        return self.record.uploads[-1]

    def summary(self) -> str:
        """What is going to happen, in one sentence."""
        count, size = self.source.count, getattr(self.source, "total_bytes", None)
        videos = "videos" if count is None else f"{count} videos"
        amount = f" ({size / 1e9:.2f} GB)" if size else ""
        goes_on = f", going on after {self.record.sources} sources" if self.continues else ""
        codec = f", other codecs to {self.segmenting.codec}" if self.segmenting.codec else ""
        ways = {"fixed": f"clips of {self.segmenting.clip_seconds:g} s", "scenes": "scenes", "whole": "whole"}
        return (
            f"{videos}{amount} → {self.table}{goes_on}: {ways[self.segmenting.split]}, "
            f"{self.segmenting.cutting}{codec}, in {self.processes} processes; preview: {self.preview}"
        )

    def content(self) -> dict[str, Any]:
        """As ``--dry-run`` shows it."""
        return {
            "source": self.source.name,
            "videos": self.source.count,
            "bytes": getattr(self.source, "total_bytes", None),
            "table": self.table,
            "sources_table": sources_table(self.table),
            "continues": self.continues,
            "sources_in_table": self.record.sources,
            "columns": [column.name for column in self.columns],
            "segmenting": asdict(self.segmenting) | {"cut": self.segmenting.cutting},
            "preview": self.preview,
            "processes": self.processes,
            "transaction_bytes": self.unit_bytes,
            "duplicates": self.options.duplicates,
            "store": self.options.store,
            "limits": asdict(self.options.limits),
            "on_cluster": self.cutting.content() if self.cutting else None,
        }


def make_plan(
    client: Any,
    source: Source,
    table: str,
    segmenting: Segmenting,
    options: UploadOptions,
    *,
    columns: tuple[Column, ...] | None = None,
    scoring: Scoring | None = None,
) -> UploadPlan:
    """Look at the table and decide what there is to do.

    ``columns`` are those of the table, if it is not one of clips.

    Raises:
        UsageError: flags that exclude each other, or no path of a table.
        TableExists: rows of another upload are there, and neither overwriting nor appending was asked.
        SchemaMismatch: a table of other columns is there.
    """
    if columns is None:
        columns = clip_columns(getattr(source, "columns", {}), is_scored=scoring is not None)
    store.prepare_output(
        client, table, columns, overwrite=options.overwrite, append=options.append, resume=True
    )
    written = table
    if options.overwrite and client.exists(table):
        # The rows that are there stay until the new ones are complete.
        written = f"{table}_overwriting"
    record = read_upload_record(client, written)
    content: dict[str, Any] = {"source": source.name, "segmenting": asdict(segmenting)}
    if scoring is not None:
        content["scoring"] = asdict(scoring)
    fingerprint = fingerprint_of(content)
    is_new = not client.exists(written) or (written != table and _fingerprint(record) != fingerprint)
    if is_new:
        record = UploadRecord()
    elif record is None:
        record = _record_of_foreign_rows(client, written, options)
    unfinished = record.last is not None and not record.last.is_done
    known = _fingerprint(record) == fingerprint
    continues = known and (unfinished or not options.append)
    if record.sources and not options.append and not (continues and options.resume):
        raise TableExists(_what_is_there(table, record, source, segmenting))
    total_bytes = getattr(source, "total_bytes", None)
    processes = _processes(options, source)
    preview = _preview(options, record if continues else None, total_bytes)
    settings = _settings(source, segmenting, preview)
    if continues:
        record.uploads[-1].is_done = False
        record.uploads[-1].settings = settings
    else:
        first = record.next_index
        record.uploads.append(Upload(source.name, fingerprint, first, False, settings))
    return UploadPlan(
        source=source,
        table=table,
        written_table=written,
        columns=columns,
        record=record,
        is_new=is_new,
        continues=continues and record.sources > 0,
        segmenting=segmenting,
        preview=preview,
        processes=processes,
        unit_bytes=options.transaction_bytes or unit_bytes(total_bytes, processes),
        options=options,
        scoring=scoring,
    )


def require_tools(segmenting: Segmenting) -> None:
    """Check that what the cutting needs beyond PyAV is installed and works here.

    Raises:
        UsageError: it is not; the message says what to install.
    """
    if segmenting.split == "scenes":
        from ytcurate.media.scenes import require_scene_detector

        require_scene_detector(segmenting)
    if segmenting.cutting != "copy" or segmenting.codec is not None:
        from ytcurate.media.encoders import require_encoder

        require_encoder(segmenting)


def clip_columns(extra: Mapping[str, str], *, is_scored: bool = False) -> tuple[Column, ...]:
    """The columns of a table of clips, with the scores if there are any, and with those that a source brings.

    Raises:
        UsageError: a source's column has the name of one of ours.
    """
    own = (*CLIPS, *score_columns_of_table()) if is_scored else CLIPS
    ours = {column.name for column in own}
    clash = sorted(ours.intersection(extra))
    if clash:
        raise UsageError(
            f'the source\'s column "{clash[0]}" has the name of a column that upload writes. '
            f"Columns with these names cannot be carried along: {', '.join(sorted(ours))}."
        )
    return (*own, *(Column(name, kind) for name, kind in extra.items()))


def score_columns_of_table() -> tuple[Column, ...]:
    """What scoring adds to a table of clips."""
    return tuple(
        Column(name, kind, tag="image/jpeg" if name == "keyframe" else None) for name, kind in SCORE_COLUMNS
    )


def _fingerprint(record: UploadRecord | None) -> str | None:
    return record.last.fingerprint if record is not None and record.last is not None else None


def _record_of_foreign_rows(client: Any, table: str, options: UploadOptions) -> UploadRecord:
    """Begin a record for a table that has none: empty, or with rows that are appended to."""
    rows = int(client.get(f"{table}/@row_count"))
    if rows and not options.append:
        raise TableExists(
            f"{table} holds {rows} rows that no upload wrote. Use --overwrite to replace them or --append "
            "to add."
        )
    taken = [row["ds_index"] for row in store.read_rows(client, table, ["ds_index"])] if rows else []
    return UploadRecord(
        next_index=max(taken, default=-1) + 1, max_row_weight=_heaviest(client, table) if rows else 0
    )


def _heaviest(client: Any, table: str) -> int:
    """What a table that says nothing of it may need."""
    weight = int(client.get(f"{table}/@data_weight"))
    return store.writer_row_weight(weight) if weight >= DEFAULT_ROW_WEIGHT_BYTES else 0


def _what_is_there(table: str, record: UploadRecord, source: Source, segmenting: Segmenting) -> str:
    last = record.last
    if last is not None and last.source == source.name:
        now = _settings(source, segmenting, "")
        changed = [
            f"{name} {last.settings.get(name)} instead of {value}"
            for name, value in now.items()
            if name not in ("preview", "encoder") and last.settings.get(name) != value
        ]
        of = f"of the same source, cut with {', '.join(changed) or 'other settings'}"
    else:
        of = f"of {last.source}" if last is not None else "of another upload"
    return f"{table} holds {record.clips} clips {of}. Use --overwrite to replace them or --append to add."


def _settings(source: Source, segmenting: Segmenting, preview: str) -> dict[str, Any]:
    """What the record says of a way to cut, for people."""
    return {
        "source": source.name,
        "split": segmenting.split,
        "clip_seconds": segmenting.clip_seconds,
        "stride_seconds": float(segmenting.stride),
        "min_seconds": segmenting.min_seconds,
        "max_seconds": segmenting.max_seconds,
        "detector": segmenting.detector if segmenting.split == "scenes" else None,
        "threshold": segmenting.threshold,
        "cut": segmenting.cutting,
        "codec": segmenting.codec,
        "encoding": segmenting.way(),
        "encoder": _encoder(segmenting),
        "preview": preview,
    }


def _encoder(segmenting: Segmenting) -> str | None:
    if segmenting.cutting == "copy" and segmenting.codec is None:
        return None
    from ytcurate.media.encoders import chosen_encoder

    return chosen_encoder(segmenting)


def _processes(options: UploadOptions, source: Source) -> int:
    wanted = options.processes or min(usable_cores(), _MOST_PROCESSES)
    return max(1, min(wanted, source.count or wanted))


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _preview(options: UploadOptions, earlier: UploadRecord | None, total_bytes: int | None) -> str:
    """Decide which clips get a poster: a large one costs more than cutting and sending the clip.

    Decided once for an upload, so that one which goes on makes what the whole would have made.
    """
    if options.preview is not None:
        return options.preview
    if earlier is not None and earlier.last is not None:
        return str(earlier.last.settings["preview"])
    small = total_bytes is not None and total_bytes <= _SMALL_UPLOAD_BYTES
    return "every" if small or usable_cores() >= _CORES_TO_SPARE else "first"
