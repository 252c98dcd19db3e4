"""Operations without processes: merge, sort and erase write new chunks of the output's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.scheduler.external_sort import (
    ExternalSort,
    Row,
    decode_rows,
    merged,
    sorted_streams,
)
from ytcurate.localcluster.scheduler.plan import Input
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


def run(
    cluster: Cluster,
    spec: Spec,
    inputs: list[Input],
    target: Target,
    folder: Path,
    check: Callable[[], None],
) -> list[Chunk]:
    """Write the rows of a merge or a sort; returns pinned chunks, not yet referenced by anything.

    Args:
        folder: for the runs of a sort; gone afterwards.
        check: called now and then; raises to stop.
    """
    if spec.kind == "sort":
        return sort(cluster, spec, inputs, target, folder, check)
    if spec.merge_mode == "sorted":
        rows: Iterable[Row] = (row for _, row in merged(sorted_streams(inputs, spec.sort_by)))
    else:
        rows = _rows(inputs)
    # A sorted output is compared with what it holds already when it is published.
    last_key = None if spec.merge_mode == "sorted" else target.last_key
    return _write(cluster, RowWriter(cluster.files, target.schema, spec.limits, last_key), rows, check)


def sort(
    cluster: Cluster,
    spec: Spec,
    inputs: list[Input],
    target: Target,
    folder: Path,
    check: Callable[[], None],
) -> list[Chunk]:
    """Write all rows in the order of the spec's `sort_by`; returns pinned chunks."""
    sorter = ExternalSort(folder, spec.sort_by, check)
    try:
        writer = RowWriter(cluster.files, target.schema, spec.limits)
        return _write(cluster, writer, sorter.rows(inputs), check)
    finally:
        sorter.close()


def erase(
    cluster: Cluster, spec: Spec, source: Input, target: Target, check: Callable[[], None]
) -> tuple[list[Chunk], list[Chunk]]:
    """The table without the rows of the path's range.

    Chunks no row of which is erased are kept as they are, unless `combine_chunks` asks for new ones.

    Returns:
        the table's chunks in order, and those of them that are new (pinned).
    """
    erased = source.reader.segments(source.path.ranges)
    low, high = 0, 0
    if erased:
        low, high = erased[0].row_index, erased[-1].row_index + erased[-1].row_count
    kept = source.reader.segments([{"upper_limit": {"row_index": low}}, {"lower_limit": {"row_index": high}}])
    content: list[Chunk] = []
    new: list[Chunk] = []
    try:
        if spec.raw.get("combine_chunks"):
            writer = RowWriter(cluster.files, target.schema, spec.limits)
            rows = (row for segment in kept for row in decode_rows(source.reader, segment, None))
            new = _write(cluster, writer, rows, check)
            return new, new
        for segment in kept:
            if segment.row_count == segment.chunk.row_count:
                content.append(segment.chunk)
                continue
            writer = RowWriter(cluster.files, target.schema, spec.limits)
            written = _write(cluster, writer, decode_rows(source.reader, segment, None), check)
            content += written
            new += written
    except BaseException:
        cluster.state.unpin([chunk.id for chunk in new])
        for chunk in new:
            cluster.files.discard(chunk.id)
        raise
    return content, new


def check_erase(source: Input) -> None:
    """May the path of an erase be erased?

    Raises:
        YtError: several ranges, columns, or limits of several kinds.
    """
    ranges = source.path.ranges or []
    if len(ranges) > 1:
        raise YtError("Erase operation does not support tables with multiple ranges")
    if source.path.columns is not None:
        raise YtError("Erase operation does not support column filtering")
    limits = [each.get(name) or {} for each in ranges for name in ("lower_limit", "upper_limit", "exact")]
    if any(len(limit) > 1 for limit in limits):
        # The part between them would go too.
        raise YtError("Erase operation does not support read limits with several independent selectors")


def _write(
    cluster: Cluster, writer: RowWriter, rows: Iterable[Row], check: Callable[[], None]
) -> list[Chunk]:
    def checked() -> Iterator[Row]:
        for row in rows:
            check()
            yield row

    try:
        writer.write(checked())
        chunks = writer.close()
    except BaseException:
        writer.discard()
        raise
    cluster.state.pin([chunk.id for chunk in chunks])
    return chunks


def _rows(inputs: list[Input]) -> Iterator[Row]:
    for source in inputs:
        for segment in source.reader.segments(source.path.ranges):
            yield from decode_rows(source.reader, segment, source.path.columns)
