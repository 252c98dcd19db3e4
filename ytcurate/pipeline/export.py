"""Export: a curated table → files for other tools, on this machine or in Cypress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.config import MIB
from ytcurate.connection import client_for, setting
from ytcurate.errors import SchemaMismatch, UsageError
from ytcurate.exporting.columns import REQUIRED, exported_fields
from ytcurate.exporting.files import write_files
from ytcurate.exporting.folder import Folder, cypress_folder, local_folder
from ytcurate.exporting.huggingface import write_huggingface
from ytcurate.exporting.parquet import write_parquet
from ytcurate.exporting.plan import plan_rows, with_videos
from ytcurate.exporting.reader import ExportReader, ExportTables
from ytcurate.exporting.video_ids import VideoIds
from ytcurate.exporting.webdataset import write_webdataset
from ytcurate.tables.ledger import sources_table
from ytcurate.tables.owners import OWNER_ATTRIBUTE, this_process
from ytcurate.tables.store import require_table

FORMATS = ("parquet", "webdataset", "huggingface", "files")
_SHARD_BYTES = {"parquet": 512 * MIB, "webdataset": 256 * MIB, "huggingface": 512 * MIB, "files": 512 * MIB}


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    path: str
    rows: int
    """Clips."""
    bytes: int
    """Of all files."""
    files: int

    def __str__(self) -> str:
        return f"{self.rows} clips, {self.bytes / 1e6:.1f} MB in {self.files} files → {self.path}"


@dataclass(frozen=True, kw_only=True)
class _Settings:
    format: str
    kept_only: bool
    videos: bool
    shard_bytes: int
    shard_rows: int | None


def export(
    table: str,
    path: str | Path,
    *,
    format: str = "parquet",
    kept_only: bool = True,
    videos: bool | None = None,
    clips: str | None = None,
    shard_bytes: int | None = None,
    shard_rows: int | None = None,
    overwrite: bool = False,
    proxy: str | None = None,
    client: Any = None,
    on_progress: Callable[[ExportResult, int], None] | None = None,
) -> ExportResult:
    """Write the clips of a curated table as files, in the order of source and time.

    The tables are read as they are at the start. Either all files are there at the end or none. Memory
    does not grow with the videos: a batch of 64 MiB, or the heaviest clip, is held a few times over.

    ``start_frame`` of a clip that begins as the one before ends is that one's ``end_frame``; elsewhere it is
    ``start_s`` times ``fps``, rounded.

    Args:
        table: curated; its attribute ``ytcurate`` names the tables of clips and sources.
        path: a folder of this machine, or ``//path`` of a directory of the cluster.
        format: ``parquet``; ``webdataset`` (tar files); ``huggingface`` (for ``datasets.load_dataset``);
            ``files`` (each clip a file, with lists).
        kept_only: leave out clips that were rejected.
        videos: put the videos in, too. None: yes, except for ``parquet``.
        clips: the table with the videos, instead of the one that the attribute names.
        shard_bytes: of a file, about; 256 MiB for ``webdataset``, else 512 MiB.
        shard_rows: of a file, at most.
        overwrite: replace the export that is there; a folder with anything else in it is refused.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        on_progress: called after each batch with what is written so far and the number of clips in all.

    Raises:
        UsageError: a setting is wrong, or something is in the way; nothing was written.
        TableMissing, SchemaMismatch: there is no curated table of that name, or no table of its clips.
        TableError: it is empty, none of its clips is kept, or a clip has no video.
    """
    settings = _settings(format, kept_only, videos, shard_bytes, shard_rows)
    client = client_for(client, proxy)
    require_table(client, table, ())
    _require_curated(client, table)
    place = str(path)
    rows = 0

    def on_batch(count: int) -> None:
        nonlocal rows
        rows += count
        if on_progress is not None:
            on_progress(ExportResult(place, rows, folder.bytes, folder.files), len(plan))

    with _transaction(client, f"export {table}"), _folder(place, overwrite, client) as folder:
        tables, sources, provenance = _lock_tables(client, table, clips, settings)
        plan = plan_rows(client, tables.node, table, kept_only=kept_only)
        if tables.clips is not None and tables.clips_node is not None:
            plan = with_videos(plan, client, tables.clips_node, tables.clips)
        reader = ExportReader(
            client,
            tables,
            plan,
            exported_fields(tables.schema),
            VideoIds(client, sources),
            shard_bytes=settings.shard_bytes,
            shard_rows=shard_rows,
            on_batch=on_batch,
        )
        _write(reader, folder, settings.format, provenance)
    return ExportResult(place, rows, folder.bytes, folder.files)


def _settings(
    format: str, kept_only: bool, videos: bool | None, shard_bytes: int | None, shard_rows: int | None
) -> _Settings:
    if format not in FORMATS:
        raise UsageError(f"format {format!r}: there are {', '.join(FORMATS)}.")
    if videos is None:
        videos = format != "parquet"
    if format == "files" and not videos:
        raise UsageError("format files is the videos; without them use parquet.")
    if format == "files" and (shard_bytes is not None or shard_rows is not None):
        raise UsageError("format files has no shards: each clip is a file. Leave the size of shards out.")
    for name, value in (("shard_bytes", shard_bytes), ("shard_rows", shard_rows)):
        if value is not None and value <= 0:
            raise UsageError(f"{name} must be above 0, it is {value}.")
    return _Settings(
        format=format,
        kept_only=kept_only,
        videos=videos,
        shard_bytes=shard_bytes or _SHARD_BYTES[format],
        shard_rows=shard_rows,
    )


def _require_curated(client: Any, table: str) -> None:
    there = [str(column["name"]) for column in client.get(f"{table}/@schema")]
    missing = [name for name in REQUIRED if name not in there]
    if missing:
        raise SchemaMismatch(
            f"{table} is no curated table: it has no {', '.join(missing)}. Export takes the table that "
            f"curating makes; this one has {', '.join(there) or 'no columns'}."
        )


@contextmanager
def _transaction(client: Any, title: str) -> Iterator[None]:
    """Hold the tables as they are; what is written to Cypress shows when it ends well."""
    import yt.wrapper as yt

    attributes = {"title": title, OWNER_ATTRIBUTE: this_process()}
    with (
        # What is read is locked already: no transaction and lock for each batch.
        setting(client, "read_retries", "create_transaction_and_take_snapshot_lock", False),
        yt.Transaction(attributes=attributes, client=client),
    ):
        yield


def _lock_tables(
    client: Any, table: str, clips: str | None, settings: _Settings
) -> tuple[ExportTables, str | None, dict[str, Any]]:
    """Lock what is read, and say where it comes from."""
    node = _locked(client, table)
    attributes = client.get(
        node, attributes=["schema", "ytcurate", "revision", "modification_time"]
    ).attributes
    curated = attributes.get("ytcurate")
    known: Mapping[str, Any] = curated if isinstance(curated, Mapping) else {}
    clips = clips or (str(known["clips"]) if known.get("clips") else None)
    sources = str(known["sources"]) if known.get("sources") else clips and sources_table(clips)
    clips_node = None
    if settings.videos:
        if clips is None:
            raise UsageError(
                f"{table}: its attribute ytcurate names no table of clips, so where the videos are is not "
                f"known. Name it (--clips), or export without videos (--no-videos)."
            )
        require_table(client, clips, ("ds_index", "segment_index", "video"))
        clips_node = _locked(client, clips)
    tables = ExportTables(
        table=table,
        node=node,
        schema=attributes["schema"],
        clips=clips if settings.videos else None,
        clips_node=clips_node,
    )
    provenance = {
        "toolkit": f"ytcurate {__version__}",
        "table": table,
        "clips": clips,
        "revision": int(attributes.get("revision") or 0),
        "modification_time": str(attributes.get("modification_time")),
        "settings": asdict(settings),
        "curated": _plain(known),
    }
    return tables, sources if sources and client.exists(sources) else None, provenance


def _locked(client: Any, table: str) -> str:
    return f"#{client.lock(table, mode='snapshot')['node_id']}"


def _plain(value: Any) -> Any:
    from yt.yson import yson_to_json

    from ytcurate.exporting.columns import nested

    return nested(yson_to_json(value))


def _folder(place: str, overwrite: bool, client: Any) -> AbstractContextManager[Folder]:
    if place.startswith("//"):
        return cypress_folder(place, overwrite=overwrite, client=client)
    return local_folder(place, overwrite=overwrite)


def _write(reader: ExportReader, folder: Folder, format: str, provenance: Mapping[str, Any]) -> None:
    if format == "files":
        write_files(reader, folder)
    elif format == "webdataset":
        write_webdataset(reader, folder, provenance=provenance)
    elif format == "huggingface":
        write_huggingface(reader, folder, provenance=provenance)
    else:
        write_parquet(reader, folder, provenance=provenance)
