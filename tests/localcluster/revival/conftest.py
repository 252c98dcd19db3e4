"""Operations that are cut off: jobs that wait until they are let go, and servers that end and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from yt.wrapper import YtClient
from yt.wrapper.operation_commands import Operation

from tests.localcluster.conftest import Server

PATIENCE_S = 60


def wait_for(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


class Gate:
    """A file that jobs wait for, and a list of the runs of each job."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "go"
        self.runs_file = folder / "runs"
        self.runs_file.touch()
        self.wait = f"while [ ! -e {self.file} ]; do sleep 0.05; done"
        """Shell: wait."""
        self.note = f"echo $YT_JOB_COOKIE >> {self.runs_file}"
        """Shell: write down that this job has begun."""

    def open(self) -> None:
        self.file.touch()

    @property
    def runs(self) -> list[int]:
        """Cookies, in the order in which the jobs began."""
        return [int(line) for line in self.runs_file.read_text().split()]


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


class Cluster:
    """A server that can be ended and started again on its directory."""

    def __init__(self, start: Callable[..., Server]) -> None:
        self._start = start
        self.server = start()

    @property
    def client(self) -> YtClient:
        return self.server.client()

    def restart(self, how: str = "kill", *options: str) -> YtClient:
        """End the server (`kill` or `stop`), if it still runs, and start it again."""
        if self.server.process.poll() is None:
            (self.server.kill if how == "kill" else self.server.stop)()
        self.server = self._start(*options, data_dir=self.server.data_dir)
        return self.client

    def jobs(self, operation: Operation, state: str) -> list[dict[str, Any]]:
        return list(self.client.list_jobs(operation.id, job_state=state)["jobs"])

    def get(self, operation: Operation, name: str) -> Any:
        return self.client.get_operation(operation.id, attributes=[name])[name]

    def wait_until_over(self, operation: Operation) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            names = ["state", "result", "events", "progress", "suspended"]
            found = self.client.get_operation(operation.id, attributes=names)
            return found if found["state"] in ("completed", "failed", "aborted") else None

        found: dict[str, Any] = wait_for(ended)
        return found


@pytest.fixture
def cluster(start_server: Callable[..., Server]) -> Cluster:
    """With a table of x = 0..9."""
    made = Cluster(start_server)
    made.client.write_table("//tmp/t", [{"x": x} for x in range(10)])
    return made


def sleepers(seconds: int) -> list[int]:
    """Processes `sleep <seconds>`."""
    found = psutil.process_iter(["cmdline"])
    return [each.pid for each in found if each.info["cmdline"] == ["sleep", str(seconds)]]
