"""All operations: starting them, finding them, ending them with the cluster."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.scheduler import (
    container,
    debug_tables,
    known_options,
    places,
    runtime_parameters,
)
from ytcurate.localcluster.scheduler import spec as specs
from ytcurate.localcluster.scheduler.machine import Machine, find_gpus
from ytcurate.localcluster.scheduler.operation import Operation
from ytcurate.localcluster.scheduler.record import JobRecord, OperationRecord
from ytcurate.localcluster.scheduler.slots import Slots
from ytcurate.localcluster.scheduler.vaults import Vaults
from ytcurate.localcluster.scheduler.watch import Watch

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.user_job import UserJob


ALERT_CONFIG = "//sys/controller_agents/config"


class Scheduler:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.sandboxes = cluster.settings.data_dir / "sandboxes"
        self.sandboxes.mkdir(exist_ok=True)
        machine = Machine(cluster.settings.slots, find_gpus())
        configured = {
            name: machine.part(name, given) for name, given in cluster.settings.tree_resources.items()
        }
        self.slots = Slots(machine, configured)
        self.watch = Watch()
        self.vaults = Vaults(cluster.settings.data_dir / "secure_vaults")
        self.live: dict[str, Operation] = {}
        self._lock = threading.Lock()
        self.records: dict[str, OperationRecord] = {
            key: OperationRecord(**data) for key, data in cluster.state.store.read_all("operations")
        }
        places.remove_leftovers(cluster.settings.data_dir, self.records)

    def unfinished(self) -> list[OperationRecord]:
        return [record for record in list(self.records.values()) if not record.is_over]

    def close(self) -> None:
        """End all jobs and wait for them to be gone. Operations go on when the cluster starts again."""
        operations = list(self.live.values())
        for operation in operations:
            operation.leave()
        for operation in operations:
            operation.thread.join(timeout=20)
        self.watch.close()

    def start(
        self, kind: str, raw: dict[str, Any], transaction_id: str, user: str, mutation_id: str = ""
    ) -> str:
        """Accept an operation; it runs on its own from here.

        Args:
            mutation_id: of the request. One that is sent again, though the server was killed before it could
                answer, does not start a second operation.

        Raises:
            YtError: the spec is refused.
        """
        spec = self.check(kind, raw)
        shown = {key: value for key, value in raw.items() if key != "secure_vault"}
        record = OperationRecord(
            new_id("operation"), kind, "starting", shown, user, now(), transaction_id, spec.pool_trees
        )
        record.mutation_id, record.has_vault = mutation_id, bool(spec.secure_vault)
        record.unrecognized_spec = known_options.unrecognized(kind, shown)
        record.alerts = self._alerts(spec)
        record.task_names = [spec.task_name(job) for job in spec.jobs]
        record.events.append({"time": now(), "state": "starting"})
        record.runtime_parameters = runtime_parameters.initial(raw, spec.pool_trees, user)
        operation = Operation(self.cluster, self, record, spec)
        with self._lock:
            for other in self.records.values():
                if mutation_id and other.mutation_id == mutation_id:
                    return other.id
                if record.alias and other.alias == record.alias and not other.is_over:
                    raise YtError(f'Operation alias "{record.alias}" is used by another running operation')
            self.register(record)
            self.records[record.id] = record
            self.live[record.id] = operation
        try:
            if record.has_vault:
                self.vaults.keep(record.id, spec.secure_vault)
            with self.cluster.state.session():
                self.cluster.state.put("operations", record.id, record)
        except BaseException:
            del self.records[record.id], self.live[record.id]
            self.slots.unregister(record.id)
            self.vaults.forget(record.id)
            raise
        operation.thread.start()
        return record.id

    def register(self, record: OperationRecord, *, is_revived: bool = False) -> None:
        """Let an operation into its pools.

        Args:
            is_revived: it was let in before the server was started again.

        Raises:
            YtError: one of them has as many operations as it may have.
        """
        self.slots.register(
            record.id,
            runtime_parameters.options_of(record.runtime_parameters),
            single_tree=bool(record.spec.get("schedule_in_single_tree")),
            is_revived=is_revived,
        )

    def check(self, kind: str, raw: dict[str, Any]) -> specs.Spec:
        """Read a spec, when the operation is started and again when it is revived.

        Raises:
            YtError: it is refused.
        """
        default, trees = self.slots.default_tree, self.slots.trees
        if raw.get("pool_trees") is None and default not in trees:
            raise errors.no_default_tree()
        debug_tables.check(raw, self.cluster.settings.row_weight_cap)
        known = sorted(trees, key=lambda name: name != default)
        return specs.parse(kind, raw, replace(self.cluster.settings, pool_trees=tuple(known)))

    def _takes_whole_machine(self, spec: specs.Spec, job: UserJob) -> bool:
        return all(self.slots.trees[name].is_over_machine(job) for name in spec.pool_trees)

    def _alerts(self, spec: specs.Spec) -> dict[str, Any]:
        alerts: dict[str, YtError] = {}
        machine = self.slots.machine
        if spec.is_gpu() and machine.simulated:
            machine.tell_once()
            alerts["simulated_gpu"] = YtError(
                "This machine has no GPU: jobs get one simulated device and no CUDA"
            )
        large = [job for job in spec.jobs if self._takes_whole_machine(spec, job)]
        if large:
            alerts["job_takes_whole_machine"] = YtError(
                f"Jobs ask for more than this machine has ({machine.cores} CPUs, {machine.memory} bytes of "
                "memory): each takes all of its slots, so that they run one after another",
                attributes={
                    job.name: {"cpu_limit": job.cpu_limit, "memory_limit": job.memory_limit} for job in large
                },
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
        if spec.raw.get("core_table_path"):
            alerts["no_core_dumps"] = YtError("Core dumps are not collected: the core table stays empty")
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

    def alerts_of(self, record: OperationRecord) -> dict[str, Any]:
        """Those it has and, while it runs, those that follow from what its jobs have used so far."""
        operation = self.live.get(record.id)
        if operation is None:
            return record.alerts
        cypress, found_config = self.cluster.cypress, None
        if cypress.exists(ALERT_CONFIG, ""):
            found_config = cypress.attr(cypress.node(ALERT_CONFIG, ""), attrs.VALUE, "")
        config = found_config.get("alert_manager") if isinstance(found_config, dict) else None
        found = operation.alerts.find(config if isinstance(config, dict) else {})
        return {**record.alerts, **{name: error.to_dict() for name, error in found.items()}}

    def update_parameters(self, operation: Operation, change: Any) -> None:
        """Change pool, weight and limits of a running operation; in effect with the next job.

        Raises:
            YtError: something cannot be changed, or not to this.
        """
        record = operation.record
        parameters = runtime_parameters.updated(record.runtime_parameters, change)
        self.slots.update(record.id, runtime_parameters.options_of(parameters))
        with self.cluster.state.session():
            record.runtime_parameters = parameters
            self.cluster.state.put("operations", record.id, record)

    def operation_of(self, job_id: str) -> OperationRecord | None:
        """The operation of a job, running or over; None if there is no such job."""
        for operation in list(self.live.values()):
            if job_id in operation.jobs:
                return operation.record
        with self.cluster.state.session():
            for record in self.records.values():
                if self.cluster.state.store.read("jobs", f"{record.id}/{job_id}"):
                    return record
        return None

    def has_failed_jobs(self, record: OperationRecord) -> bool:
        return bool((self.progress(record).get("jobs") or {}).get("failed"))

    def jobs(self, record: OperationRecord) -> list[JobRecord]:
        operation = self.live.get(record.id)
        if operation is not None:
            return operation.job_records()
        with self.cluster.state.session():
            stored = self.cluster.state.store.read_prefix("jobs", record.id + "/")
        return sorted((JobRecord(**data) for _, data in stored), key=lambda job: job.index)

    def running(self) -> list[str]:
        return [record.id for record in self.unfinished()]

    def transaction_aborted(self, transaction_id: str) -> None:
        for operation in list(self.live.values()):
            if not operation.record.is_over and operation.uses(transaction_id):
                if transaction_id == operation.record.transaction_id:
                    operation.abort(errors.user_transaction_aborted(transaction_id))
                else:
                    operation.abort(errors.scheduler_transactions_aborted([transaction_id]))
