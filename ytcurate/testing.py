"""Fixtures for projects that test against YTsaurus: a local cluster, a client, a directory.

    def test_word_count(yt_client, yt_directory):
        yt_client.write_table(f"{yt_directory}/lines", [{"text": "a b"}])
        ...

pytest finds them once ytcurate is installed; without its entry points (`-p no:ytcurate.testing` turns them
off) say `pytest_plugins = ["ytcurate.testing"]` in the top-level `conftest.py`. Nothing is started, and
the YT client is not imported, before a test asks for a fixture. With pytest-xdist each worker has a
cluster of its own.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

POLL_PERIOD_MS = 200
"""How often the client asks for an operation's state; its own default of 5 s is for long operations."""
COMMAND_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class YtCluster:
    """A running local cluster."""

    proxy: str
    """Its URL, for `YtClient(proxy=...)` or `YT_PROXY`."""
    data_dir: Path
    """Where its tables, logs and sandboxes are."""

    def preempt_job(self, operation_id: str, job_id: str, *, timeout_ms: int = 0) -> None:
        """Take the place of a running job from it, as a cluster does for a more important one.

        The job is aborted (`abort_reason` is `preemption`) and run again; it does not count as failed.

        Args:
            timeout_ms: give a job that can be interrupted so long to end well with what it has read.

        Raises:
            RuntimeError: the job does not run.
        """
        self._tell(job_id, "preempt", {"operation_id": operation_id, "timeout": timeout_ms})

    def lose_job(self, operation_id: str, job_id: str) -> None:
        """Lose a job, as with the node it was on; it is run again and does not count as failed.

        A running job is aborted (`abort_reason` is `node_offline`). The output of a completed one is
        gone: the operation's progress counts it as lost.

        Raises:
            RuntimeError: the operation is over, or has used what the job wrote.
        """
        self._tell(job_id, "lose", {"operation_id": operation_id})

    def _tell(self, job_id: str, what: str, body: dict[str, Any]) -> None:
        import http.client
        import json
        import urllib.parse

        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.proxy).netloc, timeout=COMMAND_TIMEOUT_S
        )
        try:
            place = f"/local/jobs/{urllib.parse.quote(job_id, safe='')}/{what}"
            connection.request("POST", place, json.dumps(body))
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{what} job {job_id}: {json.loads(said)['message']}")


def _run(action: str, data_dir: Path, *options: str) -> str:
    command = [sys.executable, "-m", "ytcurate.localcluster", action, "--data-dir", str(data_dir), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
    if done.returncode:
        # Not `check=True`: its error leaves out what the process said.
        raise RuntimeError(f"`{' '.join(command[1:])}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@pytest.fixture(scope="session")
def yt_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YtCluster]:
    """A local cluster on a free port with its data in a temporary directory; stopped after the last test.

    Raises:
        RuntimeError: it did not start; the message ends with what it said.
    """
    data_dir = tmp_path_factory.mktemp("yt") / "data"
    said = _run("start", data_dir, "--port", "0")
    try:
        yield YtCluster(said.split()[1], data_dir)
    finally:
        _run("stop", data_dir)


@pytest.fixture
def yt_client(yt_cluster: YtCluster) -> Any:
    """A `yt.wrapper.YtClient` of the local cluster; each test gets its own."""
    from yt.wrapper import YtClient

    # A token in the environment or in ~/.yt is for another cluster.
    config = {"enable_token": False, "operation_tracker": {"poll_period": POLL_PERIOD_MS}}
    return YtClient(proxy=yt_cluster.proxy, config=config)


@pytest.fixture
def yt_directory(yt_client: Any) -> Iterator[str]:
    """The path of an empty map node, removed with all below it after the test."""
    path = f"//tmp/test-{uuid.uuid4().hex}"
    yt_client.create("map_node", path)
    yield path
    yt_client.remove(path, recursive=True, force=True)
