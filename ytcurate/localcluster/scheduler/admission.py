"""How an operation is let into its pools: the wait before it may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.operation import Operation

WAIT_S = 0.5
ALERT = "operation_pending"


def wait_for_pool(operation: Operation) -> None:
    """Keep an operation pending while its pools have as many running ones as they may have.

    Raises:
        Stopped, YtError: it ends while it waits.
    """
    slots, record = operation.scheduler.slots, operation.record
    try:
        while not operation.is_complete:
            seen = slots.version
            reason = slots.activate(record.id)
            if reason is None:
                return
            operation.check_stopped()
            record.alerts[ALERT] = reason.to_dict()
            if record.state != "pending":
                operation.set_state("pending")
            slots.wait(seen, WAIT_S)
    finally:
        record.alerts.pop(ALERT, None)
