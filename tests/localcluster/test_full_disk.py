"""A full disk: what is said, what stays, and that the server goes on."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError
from yt.wrapper.operation_commands import Operation

from tests.localcluster.conftest import Server

pytestmark = pytest.mark.checked_against("nothing")

MIB = 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """24 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.decode().strip()}")
    yield place
    # Lazily: a server that a failed test left behind must not keep it.
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_said_and_nothing_is_harmed(small_disk: Path) -> None:
    server = Server(small_disk / "data")
    try:
        client = server.client()
        client.config["write_retries"]["enable"] = False
        client.write_table("//tmp/t", [{"x": 1}])
        client.write_file("//tmp/f", b"old")
        large = [{"x": 2, "v": b"\xff" * MIB} for _ in range(40)]
        with pytest.raises(YtResponseError, match="cannot write to its data directory: No space left"):
            client.write_table("//tmp/t", large)
        with pytest.raises(YtResponseError, match="cannot write to its data directory: No space left"):
            client.write_file("//tmp/f", b"\xff" * (40 * MIB))
        # What did not fit is gone: there is room again, without a restart.
        assert list((small_disk / "data" / "chunks").glob("*/*.tmp")) == []
        assert client.read_file("//tmp/f").read() == b"old"
        client.write_table("//tmp/t", [{"x": 3}])
        full = fill(small_disk)
        with pytest.raises(YtResponseError, match="cannot write to its data directory"):
            set_many(client)
        names = {name for name in client.get("//tmp/@user_attribute_keys") if name.startswith("full")}
        # By hand: the client reads in a transaction, which would have to be written down.
        parameters = {"path": "//tmp/t", "output_format": "json"}
        read = requests.get(
            f"{server.proxy}/api/v4/read_table",
            headers={"X-YT-Parameters": json.dumps(parameters)},
            timeout=20,
        )
        assert read.json() == {"x": 3}
        full.unlink()
        client.set("//tmp/@after", 1)
        client.write_table("//tmp/u", [{"x": 4}])
        server.kill()
        server = Server(small_disk / "data")
        client = server.client()
        assert list(client.read_table("//tmp/t")) == [{"x": 3}]
        assert list(client.read_table("//tmp/u")) == [{"x": 4}]
        assert client.get("//tmp/@after") == 1
        assert {name for name in client.get("//tmp/@user_attribute_keys") if name.startswith("full")} == names
    finally:
        server.kill()


def fill(disk: Path) -> Path:
    """The file that takes all the room there is."""
    full = disk / "ballast"
    with contextlib.suppress(OSError), full.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    return full


def set_many(client: YtClient) -> None:
    for number in range(2000):
        client.set(f"//tmp/@full{number}", "y" * 10_000)


def set_again(client: YtClient, path: str, size: int) -> None:
    for number in range(2000):
        client.set(path, "y" * size + str(number))


MANY_LARGE_ROWS = """
for i in range(40):
    print('{"v": "' + "y" * 2**20 + '"}')
"""


def test_an_operation_on_a_full_disk_fails_and_publishes_nothing(small_disk: Path) -> None:
    server = Server(small_disk / "data")
    try:
        client = server.client()
        client.write_table("//tmp/t", [{"x": 1}])
        spec: dict[str, Any] = {"max_failed_job_count": 1}
        command = f"cat >/dev/null; python3 -c {shlex.quote(MANY_LARGE_ROWS)}"
        operation = client.run_map(command, "//tmp/t", "//tmp/out", format="json", spec=spec, sync=False)
        deadline = time.monotonic() + 30
        while not operation.get_state().is_finished():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert operation.get_state() == "failed"
        assert client.row_count("//tmp/out") == 0
        client.write_table("//tmp/t", [{"x": 2}])
        assert list(client.read_table("//tmp/t")) == [{"x": 2}]
    finally:
        server.kill()


@pytest.mark.parametrize("end", ["failed", "aborted"])
def test_an_operation_ends_once_its_end_can_be_written(small_disk: Path, tmp_path: Path, end: str) -> None:
    server = Server(small_disk / "data")
    try:
        client = server.client()
        client.write_table("//tmp/t", [{"x": 1}])
        client.create("document", "//tmp/small")
        command = f"cat; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; exit 3"
        operation = client.run_map(
            command, "//tmp/t", "//tmp/out", format="json", spec={"max_failed_job_count": 1}, sync=False
        )
        wait_for_state(operation, "running")
        full = fill(small_disk)
        # The database keeps the room of what it could not write: small values fit in for a while.
        for size in (10_000, 1):
            with pytest.raises(YtResponseError, match="cannot write to its data directory"):
                set_again(client, "//tmp/small", size)
        if end == "aborted":
            with pytest.raises(YtResponseError, match="cannot write to its data directory"):
                operation.abort()
        (tmp_path / "go").touch()
        wait_for_state(operation, {"failed": "failing", "aborted": "aborting"}[end])
        log = server.data_dir / "cluster.log"
        while f"operation {operation.id} could not be ended" not in log.read_text():
            time.sleep(0.1)
        full.unlink()
        wait_for_state(operation, end)
        assert client.get("//tmp/out/@locks") == []
        server.kill()
        server = Server(small_disk / "data")
        client = server.client()
        found = client.get_operation(operation.id, attributes=["state", "result"])
        assert found["state"] == end
        expected = "Operation aborted by user request" if end == "aborted" else "Failed jobs limit exceeded"
        assert found["result"]["error"]["message"] == expected
        assert client.row_count("//tmp/out") == 0
    finally:
        server.kill()


def wait_for_state(operation: Operation, state: str) -> None:
    deadline = time.monotonic() + 30
    while operation.get_state() != state:
        assert time.monotonic() < deadline, operation.get_state()
        time.sleep(0.1)
