"""What lies between the two phases of a map-reduce: intermediate rows, sorted for the reducer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import keys, merge
from ytcurate.localcluster.scheduler.journal import Journal, Past
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import Input
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class Shuffle:
    """Holds the intermediate chunks of one operation; nothing of them is left after `release`."""

    def __init__(
        self, cluster: Cluster, spec: Spec, outputs: Outputs, folder: Path, journal: Journal
    ) -> None:
        self._cluster = cluster
        self._spec = spec
        self._outputs = outputs
        self._folder = folder
        self._journal = journal
        self._sorted: dict[int, list[Chunk]] = {}
        """By input, those that were not sorted already; pinned."""
        self._are_streams_dropped = False

    def take_up(self, past: Past) -> None:
        """Go on with what was sorted before a restart."""
        for chunks in past.intermediate.values():
            self._cluster.state.pin([chunk.id for chunk in chunks])
        self._sorted = past.intermediate
        self._are_streams_dropped = past.are_streams_dropped

    def inputs(self) -> list[Input]:
        """What the mappers wrote, one table per intermediate stream, in the order of the jobs."""
        found = []
        for index, schema in enumerate(self._spec.streams):
            pieces = sorted(self._outputs.pieces[index], key=lambda piece: piece[0])
            chunks = [chunk for _, each in pieces for chunk in each]
            reader = TableReader(self._cluster.files, chunks, schema.key_columns)
            found.append(Input(self._spec.outputs[index], reader, schema))
        return found

    def sort(self, inputs: list[Input], check: Callable[[], None]) -> list[Input]:
        """The same tables sorted by the spec's `sort_by`; those sorted already as they are."""
        names = self._spec.sort_by
        result = []
        for index, source in enumerate(inputs):
            if keys.is_sorted_by(source.schema, names) and source.path.columns is None:
                result.append(source)
                continue
            target = Target("", "", False, self._schema(source))
            if index not in self._sorted:
                chunks = merge.sort(self._cluster, self._spec, [source], target, self._folder, check)
                self._sorted[index] = chunks
                with self._cluster.state.session():
                    self._journal.sort(index, chunks)
            reader = TableReader(self._cluster.files, self._sorted[index], names)
            path = replace(source.path, columns=None, ranges=None)
            result.append(Input(path, reader, target.schema))
        if not self._are_streams_dropped:
            # Once: what later jobs write there is not what was sorted.
            with self._cluster.state.session():
                self._journal.drop_streams(len(self._spec.streams))
            self._drop_streams()
            self._are_streams_dropped = True
        return result

    def _schema(self, source: Input) -> Schema:
        """The source's columns with the key in front; a key column it lacks is null in all rows."""
        schema, columns = source.schema, source.path.columns
        if columns is not None:
            chosen = tuple(column for column in schema.columns if column.name in columns)
            schema = Schema(chosen, schema.strict)
        return replace(schema.sorted_by(self._spec.sort_by), unique_keys=False)

    def _drop_streams(self) -> None:
        for pieces in self._outputs.pieces[: len(self._spec.streams)]:
            self._drop([chunk for _, each in pieces for chunk in each])
            pieces.clear()

    def _drop(self, chunks: list[Chunk]) -> None:
        self._cluster.state.unpin([chunk.id for chunk in chunks])
        for chunk in chunks:
            self._cluster.files.discard(chunk.id)

    def release(self) -> None:
        """Delete all intermediate data. No job may be reading it."""
        self._drop_streams()
        for chunks in self._sorted.values():
            self._drop(chunks)
        self._sorted.clear()
