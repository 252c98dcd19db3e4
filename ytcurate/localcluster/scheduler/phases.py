"""What each type of operation does between taking its locks and publishing its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import merge, output_schema, plan, reduce_jobs
from ytcurate.localcluster.scheduler.journal import Past
from ytcurate.localcluster.scheduler.merge import Rewriter
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import Input, Place
from ytcurate.localcluster.scheduler.shuffle import Shuffle
from ytcurate.localcluster.scheduler.sorted_inputs import check_sorted, check_types
from ytcurate.localcluster.scheduler.user_job import UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.operation import Operation


class Phases:
    """The phases of one operation; `release` ends what lies between them."""

    def __init__(self, operation: Operation, outputs: Outputs, folder: Path) -> None:
        """
        Args:
            folder: for the runs of a sort; there only while one is running.
        """
        self._operation = operation
        self._cluster = operation.cluster
        self._spec = operation.spec
        self._outputs = outputs
        self._folder = folder
        self._shuffle = Shuffle(self._cluster, self._spec, outputs, folder, operation.journal)

    def take_up(self, past: Past) -> None:
        """Go on with what was sorted before a restart."""
        self._shuffle.take_up(past)

    def check_tables(self, inputs: list[Input], targets: list[Target]) -> None:
        """Are the inputs sorted as the operation needs them, and what will its output be?

        Raises:
            YtError: a table does not fit the operation.
        """
        spec = self._spec
        limited = [path for path in spec.outputs if path.attributes.get("row_count_limit") is not None]
        if len(limited) > 1:
            raise YtError("Only one output table with row_count_limit is supported")
        if spec.kind == "erase":
            merge.check_erase(inputs[0])
        if spec.kind in ("reduce", "join_reduce"):
            reduce_jobs.check(spec, inputs)
        elif any(reduce_jobs.is_foreign(each) for each in inputs):
            raise YtError(f'Foreign tables are not supported in "{spec.kind}" operation')
        if spec.merge_mode == "sorted":
            spec.sort_by[:] = check_sorted(inputs, spec.sort_by)
            check_types(inputs, spec.sort_by)
        if spec.kind in ("merge", "sort"):
            output_schema.prepare(spec, inputs, targets[0])

    def run(self, inputs: list[Input], targets: list[Target]) -> list[list[tuple[Place, list[Chunk]]]]:
        """Do the work; returns by table what is to be published, as `Outputs.pieces`."""
        spec, operation, check = self._spec, self._operation, self._operation.check_stopped
        if spec.kind in ("merge", "sort", "erase"):
            operation.set_state("running")
            rewriter = Rewriter(self._cluster, spec, targets[0], self._folder, check)
            written = self._rewritten(rewriter, inputs)
            # Chunks that stay are not the operation's: it must not delete them when it fails.
            self._outputs.add(0, (0,), written.new)
            return [[((0,), written.content)]]
        elif spec.kind in ("reduce", "join_reduce"):
            self._reduce(spec.jobs[0], inputs, targets)
        elif spec.kind == "map_reduce":
            self._map_reduce(inputs, targets)
        else:
            operation.run_jobs(plan.make_jobs(spec, inputs), inputs, targets)
        return self._outputs.pieces

    def _rewritten(self, rewriter: Rewriter, inputs: list[Input]) -> merge.Result:
        if self._spec.kind == "sort":
            return rewriter.sort(inputs)
        return rewriter.merge(inputs) if self._spec.kind == "merge" else rewriter.erase(inputs[0])

    def _map_reduce(self, inputs: list[Input], targets: list[Target]) -> None:
        spec, operation, reducer = self._spec, self._operation, self._spec.jobs[-1]
        if spec.job("partition_map") is not None:
            operation.run_jobs(plan.make_jobs(spec, inputs), inputs, targets)
            inputs = self._shuffle.inputs()
        if operation.is_complete:
            return
        inputs = self._shuffle.sort(inputs, operation.check_stopped)
        if combining := self._shuffle.combiner_jobs(inputs, operation.counts["total"]):
            target = Target("", "", False, self._shuffle.combined_schema())
            operation.run_jobs(combining, inputs, [target, *targets[1:]])
            inputs, reducer = self._shuffle.combined(), reduce_jobs.after_combiner(reducer)
        self._reduce(reducer, inputs, targets)

    def _reduce(self, reducer: UserJob, inputs: list[Input], targets: list[Target]) -> None:
        spec, operation = self._spec, self._operation
        if operation.is_complete:
            return
        first = len(spec.outputs) - len(reducer.outputs)
        jobs = reduce_jobs.make_jobs(spec, reducer, inputs, first, operation.counts["total"])
        operation.run_jobs(jobs, inputs, targets)

    def release(self) -> None:
        """Delete intermediate data. No job may be running."""
        self._shuffle.release()
