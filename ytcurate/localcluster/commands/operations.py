"""Commands on operations."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.registry import NOTHING, command
from ytcurate.localcluster.scheduler import orchid
from ytcurate.localcluster.scheduler.operation import Operation
from ytcurate.localcluster.scheduler.progress import brief
from ytcurate.localcluster.scheduler.record import OperationRecord

ABORT_WAIT_S = 10.0
"""The client asks again after 20 s."""


@command("start_operation", volatile=True, detached=True)
def start_operation(call: Call) -> Any:
    kind, spec = str(call.need("operation_type")), dict(call.need("spec"))
    mutation_id = str(call.params.get("mutation_id") or "")
    return {"operation_id": call.cluster.scheduler.start(kind, spec, call.tx, call.user, mutation_id)}


def attributes_of(call: Call, record: OperationRecord) -> dict[str, Any]:
    """Everything `get_operation` may show."""
    progress = call.cluster.scheduler.progress(record)
    jobs = brief(progress.get("jobs") or {})
    scheduling = orchid.of_operation(call.cluster.scheduler.slots, record.id)
    paths = {
        name: list(record.spec.get(name) or [])[:1] for name in ("input_table_paths", "output_table_paths")
    }
    shown: dict[str, Any] = {
        "id": record.id,
        "type": record.type,
        "operation_type": record.type,
        "state": record.state,
        "suspended": record.suspended,
        "authenticated_user": record.user,
        "start_time": record.start_time,
        "spec": record.spec,
        "provided_spec": record.spec,
        "full_spec": record.spec,
        "experiment_assignments": [],
        "brief_spec": {
            **{key: record.spec[key] for key in ("title", "alias", "pool") if record.spec.get(key)},
            **{key: value for key, value in paths.items() if value},
        },
        "unrecognized_spec": record.unrecognized_spec,
        "brief_progress": {
            "jobs": jobs,
            "state": record.state,
            "build_time": progress.get("build_time", record.finish_time),
        },
        "progress": {**progress, "scheduling_info_per_pool_tree": scheduling},
        "result": {"error": record.error or {"code": 0, "message": "", "attributes": {}, "inner_errors": []}},
        "alerts": call.cluster.scheduler.alerts_of(record),
        "events": record.events,
        "runtime_parameters": {
            "acl": record.spec.get("acl") or [],
            "annotations": record.spec.get("annotations") or {},
            **record.runtime_parameters,
        },
        "slot_index_per_pool_tree": dict.fromkeys(record.pool_trees, 0),
        "task_names": record.task_names,
    }
    if record.finish_time:
        shown["finish_time"] = record.finish_time
    if record.alias:
        shown["alias"] = record.alias
    return shown


def _asked(call: Call, record: OperationRecord) -> dict[str, Any]:
    names = call.params.get("attributes")
    shown = attributes_of(call, record)
    if names is None:
        return shown
    return {str(name): shown[str(name)] for name in names if str(name) in shown}


@command("get_operation")
def get_operation(call: Call) -> Any:
    record = call.cluster.scheduler.find(call.params.get("operation_id"), call.params.get("operation_alias"))
    return _asked(call, record)


@command("list_operations")
def list_operations(call: Call) -> Any:
    records = sorted(
        call.cluster.scheduler.records.values(), key=lambda record: record.start_time, reverse=True
    )
    params = call.params
    for key in ("user", "state", "type"):
        if params.get(key) is not None:
            records = [record for record in records if getattr(record, key) == str(params[key])]
    if params.get("pool") is not None:
        records = [record for record in records if str(params["pool"]) in record.pools]
    if params.get("pool_tree") is not None:
        records = [record for record in records if str(params["pool_tree"]) in record.pool_trees]
    if params.get("filter"):
        text = str(params["filter"]).lower()
        records = [each for each in records if text in f"{each.id} {each.spec} {each.type}".lower()]
    if params.get("from_time"):
        records = [record for record in records if record.start_time >= str(params["from_time"])]
    if params.get("to_time"):
        records = [record for record in records if record.start_time <= str(params["to_time"])]
    if params.get("cursor_time"):
        # Newest first: the next page is what started before the cursor.
        before = str(params.get("cursor_direction", "past")) == "past"
        cursor = str(params["cursor_time"])
        records = [each for each in records if (each.start_time < cursor) == before]
    failed = {each.id for each in records if call.cluster.scheduler.has_failed_jobs(each)}
    if params.get("with_failed_jobs") is not None:
        wanted = call.flag("with_failed_jobs")
        records = [each for each in records if (each.id in failed) == wanted]
    limit = call.number("limit") or 100
    answer: dict[str, Any] = {
        "operations": [_asked(call, record) for record in records[:limit]],
        "incomplete": len(records) > limit,
    }
    if params.get("include_counters", True):
        answer |= {
            "user_counts": dict(Counter(record.user for record in records)),
            "state_counts": dict(Counter(record.state for record in records)),
            "type_counts": dict(Counter(record.type for record in records)),
            "pool_counts": dict(Counter(pool for each in records for pool in each.pools)),
            "pool_tree_counts": dict(Counter(tree for each in records for tree in each.pool_trees)),
            "failed_jobs_count": len(failed),
        }
    return answer


def _live(call: Call) -> Operation:
    return call.cluster.scheduler.operation(
        call.params.get("operation_id"), call.params.get("operation_alias")
    )


@command("abort_operation", volatile=True, detached=True)
def abort_operation(call: Call) -> Any:
    """Answers once the jobs are gone and the locks released, if that does not take long."""
    message = str(call.params.get("abort_message") or f"aborted by user {call.user}")
    operation = _live(call)
    operation.abort(YtError("Operation aborted by user request", inner=[YtError(message)]))
    operation.thread.join(ABORT_WAIT_S)
    return NOTHING


@command("complete_operation", volatile=True)
def complete_operation(call: Call) -> Any:
    _live(call).complete()
    return NOTHING


@command("suspend_operation", volatile=True)
def suspend_operation(call: Call) -> Any:
    _live(call).suspend(True, abort_jobs=call.flag("abort_running_jobs"))
    return NOTHING


@command("resume_operation", volatile=True)
def resume_operation(call: Call) -> Any:
    operation = _live(call)
    if not operation.record.suspended:
        raise YtError("Operation is not suspended", errors.INVALID_OPERATION_STATE)
    operation.suspend(False)
    return NOTHING


@command("update_operation_parameters", volatile=True)
def update_operation_parameters(call: Call) -> Any:
    operation, change = _live(call), call.need("parameters")
    if not isinstance(change, dict):
        raise YtError("Error reading parameter /parameters", inner=[YtError("Expected a map")])
    shown = {name: change[name] for name in ("acl", "annotations") if change.get(name) is not None}
    for name, kind in (("acl", list), ("annotations", dict)):
        if not isinstance(shown.get(name, kind()), kind):
            raise YtError(f"Error reading parameter /{name}", inner=[YtError(f"Expected a {kind.__name__}")])
    rest = {name: value for name, value in change.items() if name not in ("acl", "annotations")}
    call.cluster.scheduler.update_parameters(operation, rest)
    operation.record.runtime_parameters |= shown
    call.cluster.state.put("operations", operation.record.id, operation.record)
    return NOTHING
