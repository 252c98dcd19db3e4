"""Upload: source videos → clips → a typed table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ytcurate import __version__
from ytcurate.config import MIB, Segmenting
from ytcurate.connection import client_for
from ytcurate.describers.base import Outcome
from ytcurate.errors import UnreadableVideo, VideoError
from ytcurate.media.cut import Clip, clip_id, cut_clips
from ytcurate.media.poster import make_poster
from ytcurate.sources.base import Source, SourceVideo
from ytcurate.sources.find import find_source
from ytcurate.tables import store
from ytcurate.tables.rows import CLIPS

Row = dict[str, Any]


@dataclass(kw_only=True)
class UploadResult:
    """What an upload did; its totals grow while it runs."""

    table: str
    sources: int = 0
    clips: int = 0
    """Clips with a video."""
    seconds: float = 0.0
    """Of video, in those clips."""
    bytes: int = 0
    """Of video, in those clips."""
    elapsed_s: float = 0.0
    problems: list[str] = field(default_factory=list)
    """One sentence for each source or clip that could not be used; each is a row of the table, too."""

    def count(self, row: Row) -> None:
        """Add a row of the table to the totals."""
        if row["outcome"] == Outcome.OK:
            self.clips += 1
            self.seconds += row["length"]
            self.bytes += row["bytes"]
        else:
            self.problems.append(f"{row['source']}: {row['detail']}")

    def __str__(self) -> str:
        text = f"{self.clips} clips, {self.seconds:.1f} s, {self.bytes / 1e6:.1f} MB → {self.table}"
        return f"{text} ({len(self.problems)} problems)" if self.problems else text


def upload(
    source: str | Path | Source,
    table: str,
    *,
    proxy: str | None = None,
    client: Any = None,
    segmenting: Segmenting | None = None,
    overwrite: bool = False,
    append: bool = False,
    on_progress: Callable[[UploadResult], None] = lambda result: None,
) -> UploadResult:
    """Cut source videos into clips and write them to a table, in one transaction: all of it or nothing.

    A source that cannot be read gives a row with ``outcome`` and ``detail`` and no video; the others go on.

    Args:
        source: a file, a folder, a data set (see ``find_source``), or a ``Source``.
        table: where to write; made if it is not there.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.
        segmenting: how to cut.
        overwrite: replace the rows that are there.
        append: add to them; ``ds_index`` goes on from theirs.
        on_progress: called after each source and each group of rows written.

    Raises:
        UsageError: the source does not exist or holds no videos.
        TableExists, SchemaMismatch: the table cannot be written to.
        UnreadableVideo: not one video of the source can be read; no table is made.
    """
    import yt.wrapper as yt

    started = time.monotonic()
    found = find_source(str(source)) if isinstance(source, str | Path) else source
    client = client_for(client, proxy)
    store.prepare_output(client, table, CLIPS, overwrite=overwrite, append=append)
    segmenting = segmenting or Segmenting()
    first_index = _next_index(client, table) if append else 0
    result = UploadResult(table=table)
    rows = _require_one_clip(found, _clip_rows(found, segmenting, first_index, result, on_progress))
    weights: Counter[str] = Counter()
    limit = _recorded_row_weight(client, table) if append else 0
    with yt.Transaction(client=client):
        if overwrite or not client.exists(table):
            store.create_table(client, table, CLIPS, replace=overwrite)
        for group, used in store.append_rows(client, table, rows, lighten=_refuse):
            limit = max(limit, used)
            for row in group:
                result.count(row)
                weights[_weight_class(store.row_weight(row))] += 1
            on_progress(result)
        provenance = {
            "version": __version__,
            "source": found.name,
            "clip_seconds": segmenting.clip_seconds,
            "cut": "copy",
            "max_row_weight": limit,
            "row_weights_mib": dict(weights),
        }
        client.set(f"{table}/@ytcurate", provenance)
    result.elapsed_s = time.monotonic() - started
    return result


def _next_index(client: Any, table: str) -> int:
    if not client.exists(table):
        return 0
    return max((row["ds_index"] for row in store.read_rows(client, table, ["ds_index"])), default=-1) + 1


def _recorded_row_weight(client: Any, table: str) -> int:
    """Read what the rows that are there needed, so that appending lighter ones does not forget it."""
    path = f"{table}/@ytcurate/max_row_weight"
    return int(client.get(path)) if client.exists(path) else 0


def _clip_rows(
    source: Source,
    segmenting: Segmenting,
    first_index: int,
    result: UploadResult,
    on_progress: Callable[[UploadResult], None],
) -> Iterator[Row]:
    """Cut every source, one clip in memory at a time."""
    for ds_index, video in enumerate(source, start=first_index):
        segment_index = 0
        try:
            digest = video.digest()
            for clip in cut_clips(video.video, segmenting):
                yield _row(ds_index, video, clip, digest)
                segment_index = clip.segment_index + 1
        except (VideoError, OSError) as error:
            yield _problem_row(ds_index, segment_index, video.name, Outcome.UNREADABLE, str(error))
        result.sources += 1
        on_progress(result)


def _require_one_clip(source: Source, rows: Iterator[Row]) -> Iterator[Row]:
    """Make sure that there is a clip before anything is written."""
    head: list[Row] = []
    for row in rows:
        head.append(row)
        if row["outcome"] == Outcome.OK:
            break
    else:
        if not head:
            raise UnreadableVideo(f"{source.name}: this source is empty.")
        others = f" So it is with all {len(head)} videos of {source.name}." if len(head) > 1 else ""
        raise UnreadableVideo(f"{head[0]['source']}: {head[0]['detail']}.{others} Nothing was written.")
    return _chain(head, rows)


def _chain(head: list[Row], rest: Iterator[Row]) -> Iterator[Row]:
    while head:
        yield head.pop(0)  # not kept: a row may be large
    yield from rest


def _row(ds_index: int, source: SourceVideo, clip: Clip, digest: bytes) -> Row:
    return {
        "ds_index": ds_index,
        "segment_index": clip.segment_index,
        "video": clip.video,
        "file_type": clip.file_type,
        "clip_id": clip_id(digest, clip.start_s, clip.length_s),
        "source": source.name,
        "title": source.title,
        "preview": make_poster(clip.video),
        "start_s": float(clip.start_s),
        "length": float(clip.length_s),
        "width": clip.info.width,
        "height": clip.info.height,
        "fps": float(clip.info.fps),
        "codec": clip.info.codec,
        "frame_count": clip.info.frame_count,
        "bytes": len(clip.video),
        "outcome": str(Outcome.OK),
        "detail": None,
    }


def _problem_row(ds_index: int, segment_index: int, source: str, outcome: Outcome, detail: str) -> Row:
    row: Row = dict.fromkeys(column.name for column in CLIPS)
    return row | {
        "ds_index": ds_index,
        "segment_index": segment_index,
        "source": source,
        "outcome": str(outcome),
        "detail": detail,
    }


def _refuse(row: Row, cap: int) -> Row:
    """What is written instead of a clip that the cluster takes in no row."""
    detail = (
        f"clip {row['segment_index']} weighs {row['bytes'] / MIB:.1f} MiB; a row of this cluster may weigh "
        f"{cap / MIB:.0f} MiB. Cut shorter clips with --clip-seconds"
    )
    return _problem_row(row["ds_index"], row["segment_index"], row["source"], Outcome.REFUSED, detail)


def _weight_class(weight: int) -> str:
    """Name the power of two, in MiB, that a row's weight is below; at least 1."""
    return str(max(1, 1 << (weight // MIB).bit_length()))
