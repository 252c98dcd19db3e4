"""What a test may do to jobs that no client can: routes outside the YT API.

POST /local/jobs/<id>/preempt    {"operation_id": ..., "timeout": ms}
POST /local/jobs/<id>/lose       {"operation_id": ...}
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ytcurate.localcluster import wire
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.scheduler import interruption, options
from ytcurate.localcluster.scheduler.interruption import PREEMPTION, Interruption

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.operation import Operation


def routes(cluster: Cluster) -> list[Route]:
    return [
        Route("/local/jobs/{job_id}/preempt", _endpoint(cluster, preempt), methods=["POST"]),
        Route("/local/jobs/{job_id}/lose", _endpoint(cluster, lose), methods=["POST"]),
    ]


Action = Callable[["Cluster", str, dict[str, Any]], None]


def _endpoint(cluster: Cluster, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            given = _parameters(await wire.whole_body(request))
            await to_thread.run_sync(action, cluster, request.path_params["job_id"], given)
        except YtError as error:
            return wire.error_response(error)
        return JSONResponse({})

    return answer


def _parameters(body: bytes) -> dict[str, Any]:
    """
    Raises:
        YtError: it is no JSON object.
    """
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise YtError(f"Error parsing JSON in the body: {error}") from error
    if not isinstance(given, dict):
        raise YtError(f"The body must be a JSON object, found {type(given).__name__}")
    return given


def _operation(cluster: Cluster, given: dict[str, Any]) -> Operation:
    """
    Raises:
        YtError: none is named, or the one named does not run.
    """
    if given.get("operation_id") is None:
        raise YtError('Expected "operation_id" in the body, found none')
    return cluster.scheduler.operation(given["operation_id"])


def preempt(cluster: Cluster, job_id: str, given: dict[str, Any]) -> None:
    """Take a running job's place from it: at once, or (`timeout`, in ms) with time to end well.

    Raises:
        YtError: the operation or the job does not run.
    """
    operation = _operation(cluster, given)
    process = operation.running_job(job_id)
    if process is None:
        raise YtError(f"Job {job_id} of operation {operation.record.id} is not running")
    timeout_ms = options.number(given, "timeout", 0, 0, 2**62)
    spec, asked = operation.spec, Interruption(PREEMPTION, timeout_ms)
    if timeout_ms and interruption.can_be_interrupted(spec.kind, spec.raw, process.user_job):
        process.interrupt(asked)
    else:
        process.abort(interruption.preempted(), asked)


def lose(cluster: Cluster, job_id: str, given: dict[str, Any]) -> None:
    """Lose a job with its node: a running one is aborted, of a completed one the output is gone.

    Raises:
        YtError: there is no such operation or job, or nothing of it can be lost any more.
    """
    operation = _operation(cluster, given)
    process = operation.running_job(job_id)
    if process is not None:
        process.abort(interruption.node_offline())
    elif job_id in operation.jobs:
        operation.lose_job(job_id)
    else:
        raise YtError(f"No such job {job_id} in operation {operation.record.id}")
