"""A real server subprocess on a free port, the real client, and a fresh folder in it per test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yt.wrapper as yt
from yt.wrapper import YtClient

from tests.localcluster.raw_http import TABLE

MIB = 1024 * 1024


class Server:
    """One `python -m ytcurate.localcluster` process."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "ytcurate.localcluster",
                "--data-dir", str(data_dir), "--port", "0", "--user", "tester", "--slots", "4", *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert line.startswith("proxy http://"), line
        self.proxy = line.split()[1]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def kill(self) -> None:
        """As a power cut would: no goodbye."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def client(self, **config: object) -> YtClient:
        return make_client(self.proxy, **config)


def make_client(proxy: str, **config: object) -> YtClient:
    client = YtClient(proxy=proxy)
    yt.config.get_config(client)["proxy"]["retries"]["enable"] = False
    settings = yt.config.get_config(client)
    settings["operation_tracker"]["poll_period"] = 200
    settings.update(config)
    return client


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("cluster") / "data")
    yield server.proxy
    server.stop()


@pytest.fixture
def client(proxy: str) -> YtClient:
    return make_client(proxy)


@pytest.fixture
def folder(client: YtClient) -> Iterator[str]:
    """An empty map node, removed afterwards."""
    path = f"//tmp/test-{uuid.uuid4().hex[:12]}"
    client.create("map_node", path)
    yield path
    client.remove(path, recursive=True, force=True)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers of one's own; all are gone at the end of the test."""
    started: list[Server] = []

    def start(*options: str, data_dir: Path | None = None) -> Server:
        server = Server(data_dir or tmp_path / "data", *options)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a module's own, with one table."""
    started = Server(tmp_path_factory.mktemp("own") / "data")
    started.client().write_table(TABLE, [{"x": 1}])
    yield started
    started.stop()


@pytest.fixture
def goes_on(server: Server) -> Iterator[None]:
    """After every test: the server answers, holds little more memory, and the table is as it was."""
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    yield
    client = server.client()
    assert list(client.read_table(TABLE)) == [{"x": 1}]
    assert not client.get(f"{TABLE}/@locks")
    client.write_table("//tmp/other", [{"y": 2}])
    # Freed memory is kept for the next request, and given back after some seconds.
    deadline = time.monotonic() + 30
    while process.memory_info().rss - before > 200 * MIB:
        assert time.monotonic() < deadline, f"{process.memory_info().rss - before} bytes more than before"
        time.sleep(0.1)


def run_module(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m ytcurate.localcluster`."""
    return subprocess.run(
        [sys.executable, "-m", "ytcurate.localcluster", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
