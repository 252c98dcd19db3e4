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
