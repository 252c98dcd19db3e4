"""Commands that end a running job: abort_job, abandon_job."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.commands.job_lookup import running_job
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.registry import NOTHING, command
from ytcurate.localcluster.scheduler import interruption, options
from ytcurate.localcluster.scheduler.interruption import USER_REQUEST, Interruption


@command("abort_job", detached=True)
def abort_job(call: Call) -> Any:
    """With `interrupt_timeout` (in ms) the job may end well until then."""
    operation, process = running_job(call)
    timeout_ms = options.number(call.params, "interrupt_timeout", 0, 0, 2**62)
    if not timeout_ms:
        process.abort(interruption.aborted_by(call.user))
        return NOTHING
    if not interruption.can_be_interrupted(operation.spec.kind, operation.spec.raw, process.user_job):
        cause = YtError(
            f'Cannot interrupt job {process.id} of type "{operation.spec.job_type(process.user_job)}" '
            'because it does not support interruption or "interruption_signal" is not set'
        )
        what = f"Error interrupting job {process.id} of operation {operation.record.id}"
        raise YtError(what, inner=[cause])
    process.interrupt(Interruption(USER_REQUEST, timeout_ms))
    return NOTHING


@command("abandon_job", detached=True)
def abandon_job(call: Call) -> Any:
    """The job counts as completed; what it wrote is thrown away, what it read is read by nobody."""
    _, process = running_job(call)
    process.abandon()
    return NOTHING
