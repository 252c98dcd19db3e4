"""What each type of operation does between taking its locks and publishing its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler import keys, merge, plan, reduce
from ytcurate.localcluster.scheduler.outputs import Outputs
from ytcurate.localcluster.scheduler.plan import Input, Place
from ytcurate.localcluster.scheduler.shuffle import Shuffle

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
        self._shuffle = Shuffle(self._cluster, self._spec, outputs, folder)

    def check_tables(self, inputs: list[Input], targets: list[Target]) -> None:
        """Are the inputs sorted as the operation needs them, and what will its output be?

        Raises:
            YtError: a table does not fit the operation.
        """
        spec = self._spec
        if spec.kind == "erase":
            merge.check_erase(inputs[0])
        if spec.kind == "reduce" or spec.merge_mode == "sorted":
            spec.sort_by[:] = keys.check_sorted(inputs, spec.sort_by)
        if spec.kind == "sort" or spec.merge_mode == "sorted":
            keys.prepare_output(spec.kind, spec.inference_mode, inputs, targets[0], spec.sort_by)

    def run(self, inputs: list[Input], targets: list[Target]) -> list[list[tuple[Place, list[Chunk]]]]:
        """Do the work; returns by table what is to be published, as `Outputs.pieces`."""
        spec, operation, check = self._spec, self._operation, self._operation.check_stopped
        if spec.kind in ("merge", "sort"):
            operation.set_state("running")
            chunks = merge.run(self._cluster, spec, inputs, targets[0], self._folder, check)
            self._outputs.add(0, (0,), chunks)
        elif spec.kind == "erase":
            operation.set_state("running")
            content, new = merge.erase(self._cluster, spec, inputs[0], targets[0], check)
            # Chunks that stay are not the operation's: it must not delete them when it fails.
            self._outputs.add(0, (0,), new)
            return [[((0,), content)]]
        elif spec.kind == "reduce":
            operation.run_jobs(reduce.make_jobs(spec, spec.jobs[0], inputs, 0, 0), inputs, targets)
        elif spec.kind == "map_reduce":
            self._map_reduce(inputs, targets)
        else:
            operation.run_jobs(plan.make_jobs(spec, inputs), inputs, targets)
        return self._outputs.pieces

    def _map_reduce(self, inputs: list[Input], targets: list[Target]) -> None:
        spec, operation, reducer = self._spec, self._operation, self._spec.jobs[-1]
        if spec.streams:
            operation.run_jobs(plan.make_jobs(spec, inputs), inputs, targets)
            inputs = self._shuffle.inputs()
        if operation.is_complete:
            return
        inputs = self._shuffle.sort(inputs, operation.check_stopped)
        first = len(spec.outputs) - len(reducer.outputs)
        jobs = reduce.make_jobs(spec, reducer, inputs, first, operation.counts["total"])
        operation.run_jobs(jobs, inputs, targets)

    def release(self) -> None:
        """Delete intermediate data. No job may be running."""
        self._shuffle.release()
