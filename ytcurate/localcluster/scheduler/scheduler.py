"""All operations: starting them, finding them, ending them with the cluster."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.scheduler import container, known_options, sandbox
from ytcurate.localcluster.scheduler import spec as specs
from ytcurate.localcluster.scheduler.operation import Operation
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.slots import Slots, find_gpus
from ytcurate.localcluster.scheduler.watch import Watch

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster


class Scheduler:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.sandboxes = cluster.settings.data_dir / "sandboxes"
        self.sandboxes.mkdir(exist_ok=True)
        self.slots = Slots(cluster.settings.slots, find_gpus())
        self.watch = Watch()
        self.live: dict[str, Operation] = {}
        self._lock = threading.Lock()
        self.records: dict[str, OperationRecord] = {
            key: OperationRecord(**data) for key, data in cluster.state.store.read_all("operations")
        }

    def stderr_path(self, operation_id: str, job_id: str) -> Path:
        return self.cluster.settings.data_dir / "stderr" / operation_id / job_id

    def recover(self) -> None:
        """After a start: end what the last process left running. Outputs were never published."""
        for folder in self.sandboxes.iterdir():
            sandbox.kill_all(folder.name, None)
            sandbox.remove(folder)
        error = YtError("Operation was interrupted: the local cluster stopped while it was running")
        with self.cluster.state.session():
            for record in self.records.values():
                if not record.is_over:
                    record.state, record.error, record.finish_time = "failed", error.to_dict(), now()
                    record.events.append({"time": now(), "state": "failed"})
                    self.cluster.state.put("operations", record.id, record)

    def close(self) -> None:
        """Abort everything that runs and wait for the jobs to be gone."""
        operations = list(self.live.values())
        for operation in operations:
            operation.abort(YtError("Operation was aborted: the local cluster is being stopped"))
        for operation in operations:
            operation.thread.join(timeout=20)
        self.watch.close()

    def start(self, kind: str, raw: dict[str, Any], transaction_id: str, user: str) -> str:
        """Accept an operation; it runs on its own from here.

        Raises:
            YtError: the spec is refused.
        """
        spec = specs.parse(kind, raw, self.cluster.settings)
        shown = {key: value for key, value in raw.items() if key != "secure_vault"}
        record = OperationRecord(
            new_id("operation"), kind, "starting", shown, user, now(), transaction_id, spec.pool_trees
        )
        record.unrecognized_spec = known_options.unrecognized(kind, shown)
        record.alerts = self._alerts(spec)
        record.events.append({"time": now(), "state": "starting"})
        self._check_gpus(spec)
        operation = Operation(self.cluster, self, record, spec)
        with self._lock:
            if record.alias and any(
                other.alias == record.alias and not other.is_over for other in self.records.values()
            ):
                raise YtError(f'Operation alias "{record.alias}" is used by another running operation')
            self.records[record.id] = record
            self.live[record.id] = operation
        self.cluster.state.put("operations", record.id, record)
        operation.thread.start()
        return record.id

    def _check_gpus(self, spec: specs.Spec) -> None:
        most = max((job.gpu_limit for job in spec.jobs), default=0)
        if not self.slots.simulated and most > self.slots.gpu_count:
            raise YtError(
                f'"gpu_limit" {most} is more than the {self.slots.gpu_count} GPUs of this machine',
                attributes={"gpu_limit": most, "gpus": self.slots.gpu_count},
            )

    def _alerts(self, spec: specs.Spec) -> dict[str, Any]:
        alerts: dict[str, YtError] = {}
        if spec.is_gpu() and self.slots.simulated:
            self.slots.tell_once()
            alerts["simulated_gpu"] = YtError(
                "This machine has no GPU: jobs get one simulated device and no CUDA"
            )
        ignored = [option for option in known_options.WITHOUT_EFFECT if spec.raw.get(option)]
        for job in spec.jobs:
            ignored += [option for option in known_options.WITHOUT_EFFECT if job.raw.get(option)]
            for option in ("docker_image", "layer_paths"):
                if job.raw.get(option):
                    alerts[f"{option}_ignored"] = YtError(
                        f'"{option}" is ignored: jobs of the local cluster run in its own Python environment'
                        + ("" if container.is_possible() else f"; this machine allows no {container.INSIDE}")
                    )
        if ignored:
            listed = ", ".join(sorted(set(ignored)))
            alerts["options_without_effect"] = YtError(f"Without effect on the local cluster: {listed}")
        return {name: alert.to_dict() for name, alert in alerts.items()}

    def find(self, operation_id: Any, alias: Any = None) -> OperationRecord:
        """By id, or the latest by alias.

        Raises:
            YtError: code 1915.
        """
        if alias is not None:
            found = [each for each in self.records.values() if each.alias == str(alias)]
            if not found:
                raise errors.no_operation(str(alias))
            return max(found, key=lambda each: each.start_time)
        record = self.records.get(str(operation_id))
        if record is None:
            raise errors.no_operation(str(operation_id))
        return record

    def operation(self, operation_id: Any, alias: Any = None) -> Operation:
        """A running one.

        Raises:
            YtError: code 1915 for an unknown one, 200 for one that is over.
        """
        record = self.find(operation_id, alias)
        if record.is_over or record.id not in self.live:
            raise YtError(f"No such operation {record.id}", errors.NO_SUCH_OPERATION_IN_SCHEDULER)
        return self.live[record.id]

    def progress(self, record: OperationRecord) -> dict[str, Any]:
        operation = self.live.get(record.id)
        return operation.progress() if operation is not None else record.progress

    def jobs(self, record: OperationRecord) -> list[JobRecord]:
        operation = self.live.get(record.id)
        if operation is not None:
            with operation.lock:
                return list(operation.jobs.values())
        with self.cluster.state.session():
            stored = self.cluster.state.store.read_prefix("jobs", record.id + "/")
        return sorted((JobRecord(**data) for _, data in stored), key=lambda job: job.index)

    def running(self) -> list[str]:
        return [record.id for record in list(self.records.values()) if not record.is_over]

    def transaction_aborted(self, transaction_id: str) -> None:
        for operation in list(self.live.values()):
            if not operation.record.is_over and operation.uses(transaction_id):
                operation.abort(YtError(f"Operation transaction {transaction_id} was aborted"))
