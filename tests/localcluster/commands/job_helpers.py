"""Running jobs to act on: started, held at a gate, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from yt.wrapper import YtClient
from yt.wrapper.driver import make_request
from yt.wrapper.errors import YtResponseError

PATIENCE_S = 60.0


def wait_until(condition: Callable[[], Any]) -> Any:
    """The first true value of the condition."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s")


def wait_for_jobs(client: YtClient, operation: Any, state: str, count: int = 1) -> list[dict[str, Any]]:
    def there() -> list[dict[str, Any]]:
        jobs = client.list_jobs(operation.id, job_state=state)["jobs"]
        return jobs if len(jobs) >= count else []

    found: list[dict[str, Any]] = wait_until(there)
    return found


def wait_for_stderr(client: YtClient, operation: Any) -> dict[str, Any]:
    """A job that runs and has written to its stderr."""

    def there() -> Any:
        return client.list_jobs(operation.id, job_state="running", with_stderr=True)["jobs"]

    found: dict[str, Any] = wait_until(there)[0]
    return found


def held_at(gate: Path) -> str:
    """A command that says it is there and waits for the file."""
    return f"echo here >&2; while [ ! -e {gate} ]; do sleep 0.05; done"


def request(client: YtClient, command: str, **parameters: Any) -> Any:
    """A command the client has no method for."""
    return make_request(command, parameters, client=client)


def error_of(call: Callable[[], Any]) -> tuple[int, str]:
    """Code and text of the error that a call ends with."""
    try:
        call()
    except YtResponseError as error:
        return error.error["code"], error.error["message"]
    raise AssertionError("no error")
