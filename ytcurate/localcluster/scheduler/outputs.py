"""What the jobs of an operation have written: chunks that no table names until they are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.scheduler.plan import JobPlan, Place
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class Outputs:
    """By table, what finished jobs wrote. While jobs run, the operation's lock guards it."""

    def __init__(self, cluster: Cluster, spec: Spec) -> None:
        self._cluster = cluster
        self._spec = spec
        self.pieces: list[list[tuple[Place, list[Chunk]]]] = [[] for _ in spec.outputs]
        """By table, what each finished job wrote, with its place, in the order they finished."""

    def keep(self, job: JobPlan, outputs: list[list[Chunk]]) -> bool:
        """Hold what a job wrote; says whether a table has now all the rows that were asked for."""
        return self.hold(job.first_output, job.place, outputs)

    def hold(self, first: int, place: Place, outputs: list[list[Chunk]]) -> bool:
        """`keep` for the job at this place; its first output is table number `first`."""
        is_enough = False
        for index, chunks in enumerate(outputs):
            table = first + index
            # Not referenced until published, so the collector must be held off.
            self._cluster.state.pin([chunk.id for chunk in chunks])
            self.add(table, place, chunks)
            limit = self._spec.outputs[table].attributes.get("row_count_limit")
            if limit is not None:
                written = sum(chunk.row_count for _, each in self.pieces[table] for chunk in each)
                is_enough = is_enough or written >= int(limit)
        return is_enough

    def add(self, table: int, place: Place, chunks: list[Chunk]) -> None:
        """Take over chunks that are pinned already."""
        self.pieces[table].append((place, chunks))

    def lose(self, job: JobPlan) -> None:
        """Forget what a job wrote: it will be run again."""
        for index in range(len(job.user_job.outputs)):
            pieces = self.pieces[job.first_output + index]
            lost = [piece for piece in pieces if piece[0] == job.place]
            pieces[:] = [piece for piece in pieces if piece[0] != job.place]
            for _, chunks in lost:
                self._drop(chunks)

    def _drop(self, chunks: list[Chunk]) -> None:
        self._cluster.state.unpin([chunk.id for chunk in chunks])
        for chunk in chunks:
            self._cluster.files.discard(chunk.id)

    def release(self, *, discard: bool) -> None:
        """Let go of all chunks at the end; `discard` those of an operation that published nothing."""
        for table in self.pieces:
            for _, chunks in table:
                if discard:
                    self._drop(chunks)
                else:
                    self._cluster.state.unpin([chunk.id for chunk in chunks])
            table.clear()
