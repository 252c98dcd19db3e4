"""One cluster for the whole run, and a fresh directory in it for each test.

``proxy`` is a local cluster started as a process of its own, or a real cluster when YT_PROXY is set; no
test knows which.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.videos import make_video as make_video_bytes

ROOT = Path(__file__).parent.parent


_ONE_AT_A_TIME = ("bench", "demo", "describers", "docs")
"""Folders whose tests start engines or measure: two at once would be slower than one after the other."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests together that share what is dear to start, where the suite runs in two processes."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "engines" if file.split("/")[1] in _ONE_AT_A_TIME else file

    return ByFile(config, log)


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("YT_PROXY")
    if given:
        yield given
        return
    yield from local_cluster(tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="session")
def upstream_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local cluster with the row limits of upstream YTsaurus, which are lower than Tracto's."""
    yield from local_cluster(tmp_path_factory.mktemp("upstream"), "--profile", "ytsaurus")


def local_cluster(data_dir: Path, *options: str) -> Iterator[str]:
    """Start a local cluster, give its proxy URL, and stop it."""
    module = [sys.executable, "-m", "ytcurate.localcluster"]
    place = ["--data-dir", str(data_dir)]
    started = subprocess.run(
        [*module, "start", *place, "--port", "0", *options], capture_output=True, text=True
    )
    first = started.stdout.splitlines()[0] if started.stdout else started.stderr
    assert first.startswith("proxy http://127.0.0.1:"), first
    yield first.removeprefix("proxy ")
    subprocess.run([*module, "stop", *place], check=True, capture_output=True)


@pytest.fixture
def client(proxy: str) -> Any:
    from ytcurate import connect

    return connect(proxy)


@pytest.fixture
def workdir(client: Any) -> Iterator[str]:
    path = f"//tmp/ytcurate-tests/{uuid.uuid4().hex}"
    client.create("map_node", path, recursive=True)
    yield path
    client.remove(path, recursive=True, force=True)


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write a video into the test's folder; arguments are those of ``tests.support.videos.make_video``."""

    def make(name: str = "video.mp4", **settings: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_video_bytes(**settings))
        return path

    return make


@pytest.fixture(scope="session")
def sample_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's video: six scenes of ten seconds, of which the truth is known."""
    from ytcurate.demo.sample import write_sample

    return write_sample(tmp_path_factory.mktemp("sample") / "sample.mp4")
