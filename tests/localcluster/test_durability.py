"""What survives: kills at any moment, a full disk, a second server, another version, a large tree."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtError, YtResponseError

from tests.localcluster.conftest import Server
from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import VERSION, Store

pytestmark = pytest.mark.checked_against("nothing")

KILLS = 4
MIB = 1024 * 1024


# ---- kills


class Workload:
    """Writes until the server is gone; knows what was acknowledged, and what at most was asked for."""

    def __init__(self, server: Server, number: int) -> None:
        self.server, self.number = server, number
        self.acknowledged: dict[str, int] = {}
        """Table to rows; an append adds up."""
        self.asked: dict[str, int] = {}
        self.committed: set[str] = set()
        self.maybe_committed: set[str] = set()
        self.aborted: set[str] = set()
        self.operations: dict[str, str] = {}
        """Operation to its output."""
        self.completed: set[str] = set()

    def run(self, work: Callable[[YtClient], None]) -> threading.Thread:
        def until_it_is_gone() -> None:
            client = self.server.client(ping_failed_mode="pass")
            # The server is gone for good: who asks again waits for minutes.
            for kind in ("write", "read", "start_operation", "get_operation", "batch_requests"):
                client.config[f"{kind}_retries"]["enable"] = False
            with contextlib.suppress(YtError, OSError, requests.RequestException):
                while True:
                    work(client)

        thread = threading.Thread(target=until_it_is_gone, daemon=True)
        thread.start()
        return thread

    def append(self, client: YtClient) -> None:
        path = f"//tmp/append-{self.number}"
        self.asked[path] = self.asked.get(path, 0) + 100
        client.write_table(yt.TablePath(path, append=True), [{"x": x, "pad": "y" * 500} for x in range(100)])
        self.acknowledged[path] = self.acknowledged.get(path, 0) + 100

    def transact(self, client: YtClient) -> None:
        name = f"//tmp/tx-{self.number}-{len(self.maybe_committed) + len(self.aborted)}"
        keep = random.random() < 0.7
        (self.maybe_committed if keep else self.aborted).add(name)
        transaction = client.start_transaction(timeout=60_000)
        with client.Transaction(transaction_id=transaction, ping=False):
            client.create("map_node", name)
            client.set(f"{name}/@whole", True)
            client.write_table(f"{name}/table", [{"x": 1}, {"x": 2}])
        if keep:
            client.commit_transaction(transaction)
            self.committed.add(name)
        else:
            client.abort_transaction(transaction)

    def operate(self, client: YtClient) -> None:
        output = f"//tmp/out-{self.number}-{len(self.operations)}"
        operation = client.run_map("cat; sleep 0.2", "//tmp/source", output, format="json", sync=False)
        self.operations[operation.id] = output
        # By hand: the client would ask a server that is gone for ten minutes.
        parameters = json.dumps({"operation_id": operation.id, "output_format": "json"})
        state = ""
        while state not in ("completed", "failed", "aborted"):
            time.sleep(0.05)
            answer = requests.get(
                f"{self.server.proxy}/api/v4/get_operation",
                headers={"X-YT-Parameters": parameters},
                timeout=20,
            )
            state = answer.json()["state"]
        if state == "completed":
            self.completed.add(operation.id)


def test_nothing_acknowledged_is_lost_and_nothing_uncommitted_is_seen(
    start_server: Callable[..., Server],
) -> None:
    random.seed(20)
    server = start_server()
    server.client().write_table("//tmp/source", [{"x": x} for x in range(10)])
    past: list[Workload] = []
    for number in range(KILLS):
        load = Workload(server, number)
        threads = [load.run(load.append), load.run(load.transact), load.run(load.operate)]
        time.sleep(0.3 + random.random() * 1.2)
        server.kill()
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        past.append(load)
        server = start_server(data_dir=server.data_dir)
        for each in past:
            check(server.client(), each)
    assert sum(len(each.acknowledged) for each in past) >= KILLS // 2
    assert sum(len(each.committed) for each in past) >= KILLS // 2
    assert sum(len(each.completed) for each in past) >= 1
    referenced = set()
    client = server.client()
    for path in client.search("//tmp", node_type="table"):
        referenced |= set(client.get(f"{path}/@chunk_ids"))
    files = {path.name for path in (server.data_dir / "chunks").glob("*/*")}
    assert referenced <= files
    assert list((server.data_dir / "sandboxes").iterdir()) == []


def check(client: YtClient, load: Workload) -> None:
    for path, rows in load.asked.items():
        found = list(client.read_table(path)) if client.exists(path) else []
        acknowledged = load.acknowledged.get(path, 0)
        # The one append that was under way may have arrived: whole, or not at all.
        assert len(found) in (acknowledged, rows)
        assert [row["x"] for row in found] == list(range(100)) * (len(found) // 100)
    for name in load.maybe_committed:
        if client.exists(name):
            assert client.get(f"{name}/@whole")
            assert [row["x"] for row in client.read_table(f"{name}/table")] == [1, 2]
        else:
            assert name not in load.committed
    for name in load.aborted:
        assert not client.exists(name)
    for operation, output in load.operations.items():
        state = client.get_operation(operation, attributes=["state"])["state"]
        rows = client.row_count(output) if client.exists(output) else 0
        assert state in ("completed", "failed")
        assert rows == (10 if state == "completed" else 0)
        if operation in load.completed:
            assert state == "completed"


# ---- a large tree


def test_a_hundred_thousand_nodes_open_in_seconds(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = Server(data)
    first.stop()
    state = State(Store(data / "state.sqlite"))
    with state.session():
        parent = next(node for node in state.nodes.values() if node.key == "tmp" and node.parent_id == "root")
        at = now()
        for number in range(100_000):
            node = Node(
                new_id("document"), "document", parent.id, f"n{number}", "", at, at, at, 1, 1, "tester"
            )
            node.base.attrs["number"] = number
            state.nodes[node.id] = node
            state.put("nodes", node.id, node)
    state.store.close()
    begun = time.monotonic()
    server = Server(data)
    opened = time.monotonic() - begun
    try:
        client = server.client()
        assert client.get("//tmp/n99999/@number") == 99_999
        assert client.get("//tmp/@count") == 100_000
        begun = time.monotonic()
        for number in range(20):
            client.set(f"//tmp/n{number}/@number", -1)
        assert (time.monotonic() - begun) / 20 < 0.2
        # A refused command must not cost a look at all the others.
        begun = time.monotonic()
        for _ in range(5):
            with pytest.raises(YtResponseError):
                client.create("document", "//tmp/n1")
        assert (time.monotonic() - begun) / 5 < 0.5
    finally:
        server.kill()
    assert opened < 10


# ---- who may open a directory


def serve(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ytcurate.localcluster", "serve", "--data-dir", str(data), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_second_server_on_a_directory_is_refused(start_server: Callable[..., Server]) -> None:
    server = start_server()
    before = (server.data_dir / "server.json").read_text()
    done = serve(server.data_dir)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"{server.data_dir} is in use by another local cluster"]
    assert done.stdout == ""
    assert (server.data_dir / "server.json").read_text() == before
    server.client().set("//tmp/@still", 1)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_directory_of_a_newer_version_is_refused_and_stays_as_it_is(
    start_server: Callable[..., Server], end: str
) -> None:
    server = start_server()
    server.client().write_table("//tmp/t", [{"x": 1}])
    server.stop()
    database = sqlite3.connect(server.data_dir / "state.sqlite")
    assert database.execute("PRAGMA user_version").fetchone()[0] == VERSION
    database.execute(f"PRAGMA user_version={VERSION + 1}")
    database.close()
    if end == "kill":
        # As a killed server leaves it: what was written last is in the log beside the database.
        script = (
            "import os, sqlite3, sys; d = sqlite3.connect(sys.argv[1]);"
            "d.execute('CREATE TABLE later (x)'); d.commit(); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", script, server.data_dir / "state.sqlite"], check=True)
        assert (server.data_dir / "state.sqlite-wal").stat().st_size
    before = contents(server.data_dir)
    done = serve(server.data_dir)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "was written by a newer version" in done.stderr
    assert contents(server.data_dir) == before


def contents(data: Path) -> dict[str, bytes]:
    files = [*data.glob("chunks/*/*"), data / "state.sqlite", *data.glob("state.sqlite-wal")]
    return {str(path): path.read_bytes() for path in files if path.stat().st_size}


def test_a_directory_from_before_versions_were_written_opens(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.client().set("//tmp/@old", 1)
    server.stop()
    database = sqlite3.connect(server.data_dir / "state.sqlite")
    database.execute("PRAGMA user_version=0")
    database.close()
    assert start_server(data_dir=server.data_dir).client().get("//tmp/@old") == 1


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\1" * 4000])
def test_a_damaged_state_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.sqlite").write_bytes(content)
    done = serve(tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot open the state of the local cluster" in done.stderr
    assert (tmp_path / "state.sqlite").read_bytes() == content


def test_a_directory_that_cannot_be_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = serve(tmp_path / "file")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"cannot use the data directory {tmp_path / 'file'}: File exists"]


def test_the_data_directory_may_be_moved(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server()
    server.client().write_table("//tmp/t", [{"x": 1}])
    server.kill()
    shutil.move(server.data_dir, tmp_path / "elsewhere")
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]
    client = start_server(data_dir=tmp_path / "elsewhere").client()
    assert list(client.read_table("//tmp/t")) == [{"x": 1}]
