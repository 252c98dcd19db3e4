"""What lies between the phases of a map-reduce: intermediate rows, sorted for combiner and reducer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.model.reader import TableReader
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import Schema
from ytcurate.localcluster.model.schema_fit import selected
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler.journal import Journal, Past
from ytcurate.localcluster.scheduler.key_slices import cut, streams_of
from ytcurate.localcluster.scheduler.keys import is_sorted_by, names_of
from ytcurate.localcluster.scheduler.merge import Rewriter
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import Input, JobPlan, Place
from ytcurate.localcluster.scheduler.reduce_jobs import segments_of
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster

SORT_JOB_WEIGHT = 2 * 1024**3
"""Default of `data_weight_per_sort_job`: heavier partitions are sorted, and combined, in parts."""


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
            chunks = [chunk for _, each in self._in_order(index) for chunk in each]
            reader = TableReader(self._cluster.files, chunks, schema.key_columns)
            found.append(Input(self._spec.outputs[index], reader, schema))
        return found

    def combined(self) -> list[Input]:
        """What each job of the combiner wrote, as a sorted table of its own."""
        schema = self.combined_schema()
        return [
            Input(self._spec.outputs[0], TableReader(self._cluster.files, chunks, schema.key_columns), schema)
            for _, chunks in self._in_order(0)
        ]

    def combined_schema(self) -> Schema:
        return Schema().sorted_by(self._spec.sort_by)

    def _in_order(self, stream: int) -> list[tuple[Place, list[Chunk]]]:
        return sorted(self._outputs.pieces[stream], key=lambda piece: piece[0])

    def sort(self, inputs: list[Input], check: Callable[[], None]) -> list[Input]:
        """The same tables sorted by the spec's `sort_by`; those sorted already as they are."""
        key = self._spec.sort_by
        result = []
        for index, source in enumerate(inputs):
            if is_sorted_by(source.schema, key) and source.path.columns is None:
                result.append(source)
                continue
            target = Target("", "", False, self._schema(source))
            if index not in self._sorted:
                rewriter = Rewriter(self._cluster, self._spec, target, self._folder, check)
                # A sort writes all of its rows anew.
                self._sorted[index] = rewriter.sort([source]).new
                with self._cluster.state.session():
                    self._journal.sort(index, self._sorted[index])
            reader = TableReader(self._cluster.files, self._sorted[index], names_of(key))
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
        schema = replace(selected(source.schema, source.path.columns), unique_keys=False)
        return schema.sorted_by(self._spec.sort_by)

    def combiner_jobs(self, inputs: list[Input], made: int) -> list[JobPlan]:
        """Jobs that combine parts of the sorted rows; [] without a combiner, or for light partitions.

        A key may be in several parts.

        Args:
            made: how many jobs the operation has already.
        """
        combiner = self._spec.job("reduce_combiner")
        segments = segments_of(inputs, lambda _: True)
        total = sum(segment.data_weight for segment in segments)
        raw = self._spec.raw
        most = int(
            raw.get("data_weight_per_sort_job") or raw.get("data_size_per_sort_job") or SORT_JOB_WEIGHT
        )
        partitions, weight, _ = self._spec.job_size(self._spec.jobs[-1])
        count = max(partitions or -(-total // max(weight, 1)), 1)
        if combiner is None or not segments:
            return []
        if total / count <= most and not raw.get("force_reduce_combiners"):
            return []
        parts = max(-(-total // max(most, 1)), count)
        slices = cut(streams_of(inputs, segments, self._spec.sort_by), parts, inside_keys=True)
        return [JobPlan(made + index, index, combiner, 0, each) for index, each in enumerate(slices)]

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
