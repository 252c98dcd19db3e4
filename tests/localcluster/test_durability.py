"""What survives: a second server, another version, a damaged or a moved directory, a large tree."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yt.wrapper as yt
from yt.wrapper.errors import YtResponseError

from tests.localcluster.conftest import Server
from ytcurate.localcluster.model.ids import new_id, now
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import VERSION, Store

pytestmark = pytest.mark.checked_against("nothing")

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
    server = Server(data)
    try:
        # Time of the processor and not of the clock: the machine may be busy.
        assert cpu_s(server) < 10
        client = server.client()
        assert client.get("//tmp/n99999/@number") == 99_999
        assert client.get("//tmp/@count") == 100_000
        begun = cpu_s(server)
        for number in range(20):
            client.set(f"//tmp/n{number}/@number", -1)
        assert (cpu_s(server) - begun) / 20 < 0.1
        # A refused command must not cost a look at all the others.
        begun = cpu_s(server)
        for _ in range(5):
            with pytest.raises(YtResponseError):
                client.create("document", "//tmp/n1")
        assert (cpu_s(server) - begun) / 5 < 0.3
    finally:
        server.kill()


def cpu_s(server: Server) -> float:
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


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


def test_keys_that_are_no_text_keep_their_order_over_a_restart(start_server: Callable[..., Server]) -> None:
    server = start_server()
    path = "<sorted_by=[k]>//tmp/t"
    server.client().write_table(path, [{"k": key} for key in (b"\xff\x01", b"\xff\x03")], format="yson")
    server.kill()
    client = start_server(data_dir=server.data_dir).client()
    with pytest.raises(YtResponseError) as refused:
        client.write_table("<append=%true;sorted_by=[k]>//tmp/t", [{"k": b"\xff\x02"}])
    assert refused.value.contains_code(301)
    client.write_table("<append=%true;sorted_by=[k]>//tmp/t", [{"k": b"\xff\x04"}])
    keys = [yt.yson.get_bytes(row["k"]) for row in client.read_table('//tmp/t["\\xff\\x03":"\\xff\\x04"]')]
    assert keys == [b"\xff\x03"]
