"""execute_batch: many light commands in one request, each with its own outcome."""

from __future__ import annotations

import logging
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.registry import COMMANDS, NOTHING, command

log = logging.getLogger(__name__)


@command("execute_batch", volatile=True, detached=True)
def execute_batch(call: Call) -> Any:
    requests = call.items("requests")
    for request in requests:
        if not isinstance(request, dict) or not isinstance(request.get("parameters", {}), dict):
            raise YtError("Error reading parameter /requests: expected maps with command and parameters")
        name = str(request.get("command"))
        if name not in COMMANDS:
            raise errors.not_implemented(name)
        if COMMANDS[name].is_heavy:
            raise YtError(f'Command "{name}" cannot be executed in a batch')
    mutation = str(call.params.get("mutation_id") or "")
    return {
        "results": [
            _one(call, dict(request), f"{mutation}/{number}" if mutation else "")
            for number, request in enumerate(requests)
        ]
    }


def _one(call: Call, request: dict[str, Any], mutation: str) -> dict[str, Any]:
    """
    Args:
        mutation: id of this part's change, made of that of the batch.
    """
    command = COMMANDS[str(request["command"])]
    part = Call(call.cluster, command.name, dict(request.get("parameters") or {}), input=request.get("input"))
    try:
        if command.detached:
            value = command.handler(part)
        else:
            # A session of its own: one part's failure must not undo another's success.
            with call.cluster.state.session():
                value = call.cluster.answers.once(
                    mutation if command.is_volatile else "", lambda: command.handler(part)
                )
    except YtError as error:
        return {"error": error.to_dict()}
    except Exception as error:
        log.exception("bug in command %s", command.name)
        return {"error": errors.bug(command.name, error).to_dict()}
    return {"output": {} if value is NOTHING else value}
