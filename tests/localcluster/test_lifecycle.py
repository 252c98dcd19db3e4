"""start, status and stop, as a user meets them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest
from yt.wrapper import YtClient

from tests.localcluster.conftest import run_module

pytestmark = pytest.mark.checked_against("nothing")


def test_start_status_stop(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    assert run_module("status", *place).returncode == 1
    first = run_module("start", *place)
    assert first.returncode == 0, first.stderr
    line = first.stdout.splitlines()[0]
    assert line.startswith("proxy http://127.0.0.1:")
    try:
        second = run_module("start", *place)
        assert second.stdout.splitlines() == [line]
        assert "already running" in second.stderr
        shown = run_module("status", *place)
        assert shown.returncode == 0
        assert shown.stdout.splitlines()[0] == line
        assert "pool trees default, cpu, gpu_h100, gpu_h200" in shown.stdout
        assert "running operations none" in shown.stdout
        YtClient(proxy=line.split()[1]).set("//tmp/kept", 1)
    finally:
        assert run_module("stop", *place).returncode == 0
    gone = run_module("status", *place)
    assert gone.returncode == 1
    assert len(gone.stderr.splitlines()) == 1
    again = run_module("start", *place)
    try:
        # The same port as last time, so that a notebook's proxy stays right.
        assert again.stdout.splitlines()[0] == line
        assert YtClient(proxy=line.split()[1]).get("//tmp/kept") == 1
    finally:
        run_module("stop", *place)


def test_stop_ends_jobs_and_operations_go_on_at_the_next_start(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    proxy = run_module("start", *place, "--port", "0").stdout.split()[1]
    client = YtClient(proxy=proxy)
    client.write_table("//tmp/t", [{"x": 1}])
    command = f"cat; [ -e {tmp_path}/again ] || {{ touch {tmp_path}/again; sleep 654; }}"
    operation = client.run_map(command, "//tmp/t", "//tmp/out", format="json", sync=False)
    while not sleepers():
        time.sleep(0.05)
    assert run_module("stop", *place).returncode == 0
    assert sleepers() == []
    proxy = run_module("start", *place, "--port", "0").stdout.split()[1]
    try:
        client = YtClient(proxy=proxy)
        while not client.get_operation_state(operation.id).is_finished():
            time.sleep(0.05)
        assert list(client.read_table("//tmp/out")) == [{"x": 1}]
    finally:
        run_module("stop", *place)


def sleepers() -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "654"]]


def test_a_stale_server_file_is_not_taken_for_a_running_cluster(tmp_path: Path) -> None:
    about = {"pid": 1, "port": 1, "proxy": "http://127.0.0.1:1", "started": 0}
    (tmp_path / "server.json").write_text(json.dumps(about))
    (tmp_path / "lock").touch()
    assert run_module("status", "--data-dir", str(tmp_path)).returncode == 1
    assert run_module("stop", "--data-dir", str(tmp_path)).returncode == 0


def test_a_port_in_use_is_said(tmp_path: Path, proxy: str) -> None:
    port = proxy.rsplit(":", 1)[1]
    done = run_module("start", "--data-dir", str(tmp_path / "data"), "--port", port)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert done.stdout == ""
