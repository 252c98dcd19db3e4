"""Merge operations: no processes, rows are copied into new chunks of the output's schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.scheduler.plan import Input
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


def run(cluster: Cluster, spec: Spec, inputs: list[Input], target: Target) -> list[Chunk]:
    """Copy the inputs one after the other; returns the chunks, not yet referenced by anything."""
    writer = RowWriter(cluster.files, target.schema, spec.limits, target.last_key)
    try:
        for source in inputs:
            writer.write(_rows(source))
        chunks = writer.close()
    except BaseException:
        writer.discard()
        raise
    cluster.state.pin([chunk.id for chunk in chunks])
    return chunks


def _rows(source: Input) -> Iterator[dict[bytes, Any]]:
    for segment in source.reader.segments(source.path.ranges):
        for batch, count in source.reader.batches(segment, source.path.columns):
            columns = [
                (field.name.encode(), decode_column(batch.column(index), field))
                for index, field in enumerate(batch.schema)
            ]
            for row in range(count):
                yield {name: cells[row] for name, cells in columns if cells[row] is not None}
