"""What the jobs of an operation have written: chunks that no table names until they are published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.scheduler.plan import JobPlan
from ytcurate.localcluster.scheduler.spec import Spec

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class Outputs:
    """By table, what finished jobs wrote. While jobs run, the operation's lock guards it."""

    def __init__(self, cluster: Cluster, spec: Spec) -> None:
        self._cluster = cluster
        self._spec = spec
        self.pieces: list[list[tuple[int, list[Chunk]]]] = [[] for _ in spec.outputs]
        """By table, what each finished job wrote, with its cookie, in the order they finished."""

    def keep(self, job: JobPlan, outputs: list[list[Chunk]]) -> bool:
        """Hold what a job wrote; says whether a table has now all the rows that were asked for."""
        return self.hold(job.first_output, job.cookie, outputs)

    def hold(self, first: int, cookie: int, outputs: list[list[Chunk]]) -> bool:
        """`keep` for the job with this cookie; its first output is table number `first`."""
        is_enough = False
        for index, chunks in enumerate(outputs):
            table = first + index
            # Not referenced until published, so the collector must be held off.
            self._cluster.state.pin([chunk.id for chunk in chunks])
            self.add(table, cookie, chunks)
            limit = self._spec.outputs[table].attributes.get("row_count_limit")
            if limit is not None:
                written = sum(chunk.row_count for _, each in self.pieces[table] for chunk in each)
                is_enough = is_enough or written >= int(limit)
        return is_enough

    def add(self, table: int, cookie: int, chunks: list[Chunk]) -> None:
        """Take over chunks that are pinned already."""
        self.pieces[table].append((cookie, chunks))

    def release(self, *, discard: bool) -> None:
        """Let go of all chunks at the end; `discard` those of an operation that published nothing."""
        for table in self.pieces:
            for _, chunks in table:
                self._cluster.state.unpin([chunk.id for chunk in chunks])
                if discard:
                    for chunk in chunks:
                        self._cluster.files.discard(chunk.id)
            table.clear()
