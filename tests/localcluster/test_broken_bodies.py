"""Bombs, bodies that break off, readers that leave, senders that dawdle: the server goes on."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator

import psutil
import pytest
import yt.yson as yson
from yt.wrapper import YtClient

from tests.localcluster.conftest import Server, make_client
from tests.localcluster.raw_http import TABLE, answer, chunk, connected, head, put, refused

pytestmark = [pytest.mark.checked_against("documentation"), pytest.mark.usefixtures("goes_on")]

MIB = 1024 * 1024


def test_a_gzip_bomb_for_a_file_is_streamed(server: Server) -> None:
    client = server.client()
    client.create("file", "//tmp/bomb", ignore_existing=True)
    size = 512 * MIB
    deflate = zlib.compressobj(9)
    bomb = b"".join(deflate.compress(bytes(MIB)) for _ in range(size // MIB)) + deflate.flush()
    assert len(bomb) < MIB
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with connected(server) as raw:
        raw.sendall(put("//tmp/bomb", "Content-Encoding: gzip", command="write_file"))
        raw.sendall(chunk(bomb) + b"0\r\n\r\n")
        raw.settimeout(0.05)
        peak = 0
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            peak = max(peak, process.memory_info().rss)
            with contextlib.suppress(TimeoutError):
                assert raw.recv(12) == b"HTTP/1.1 200"
                break
    assert peak - before < 64 * MIB
    assert client.get("//tmp/bomb/@uncompressed_data_size") == size
    client.remove("//tmp/bomb")


@pytest.mark.parametrize("command", ["set", "create"])
def test_a_gzip_bomb_for_a_value_is_refused(server: Server, command: str) -> None:
    deflate = zlib.compressobj(9)
    bomb = b"".join(deflate.compress(b"[" * MIB) for _ in range(300)) + deflate.flush()
    method = "PUT" if command == "set" else "POST"
    parameters = json.dumps({"path": "//tmp/@x", "input_format": "json"})
    lines = (f"X-YT-Parameters: {parameters}", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}")
    with connected(server) as raw:
        raw.sendall(head(method, f"/api/v4/{command}", *lines) + bomb)
        status, body = answer(raw)
    assert status == 413
    assert "larger than" in refused(status, body)


def test_many_empty_gzip_members_are_read(server: Server) -> None:
    rows = gzip.compress(b"") * 20_000 + gzip.compress(b'{"y":1}\n')
    with connected(server) as raw:
        raw.sendall(put("//tmp/other", "Content-Encoding: gzip") + chunk(rows) + b"0\r\n\r\n")
        assert answer(raw)[0] == 200
    assert list(server.client().read_table("//tmp/other")) == [{"y": 1}]


def test_a_body_larger_than_its_command_takes_is_413(server: Server) -> None:
    with connected(server) as raw:
        raw.sendall(put(TABLE, command="set"))
        with contextlib.suppress(ConnectionError):
            for _ in range(66):
                raw.sendall(chunk(b"[" * MIB))
        assert answer(raw)[0] == 413


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("end", ["close", "half-close", "reset"])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_write_that_breaks_off_publishes_nothing(
    server: Server, encoding: str, end: str, framing: str
) -> None:
    rows = b'{"x":2}\n' * 100_000
    body = rows if encoding == "identity" else zlib.compress(rows) * 1
    parameters = json.dumps({"path": TABLE, "input_format": "json"})
    lines = [f"X-YT-Parameters: {parameters}", f"Content-Encoding: {encoding}"]
    with connected(server) as raw:
        if framing == "chunked":
            raw.sendall(
                head("PUT", "/api/v4/write_table", *lines, "Transfer-Encoding: chunked") + chunk(body)
            )
        else:
            length = f"Content-Length: {len(body) + 1}"
            raw.sendall(head("PUT", "/api/v4/write_table", *lines, length) + body)
        time.sleep(0.1)
        if end == "half-close":
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(10)
            with contextlib.suppress(ConnectionError):
                while raw.recv(65536):
                    pass
        elif end == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    _until_unlocked(server.client())
    assert list((server.data_dir / "chunks").glob("*/*.tmp")) == []


def _until_unlocked(client: YtClient) -> None:
    deadline = time.monotonic() + 10
    while client.get(f"{TABLE}/@locks"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_readers_that_go_away_leave_nothing_behind(server: Server) -> None:
    client = server.client()
    client.write_table("//tmp/large", [{"v": b"\xff" * MIB} for _ in range(64)])
    parameters = json.dumps({"path": "//tmp/large", "output_format": "<format=binary>yson"})
    process = psutil.Process(server.process.pid)
    before, descriptors = process.memory_info().rss, process.num_fds()
    threads = process.num_threads()
    held = []
    for number in range(30):
        host, port = server.proxy.removeprefix("http://").split(":")
        raw = socket.create_connection((host, int(port)), timeout=20)
        raw.sendall(head("GET", "/api/v4/read_table", f"X-YT-Parameters: {parameters}"))
        raw.recv(1000 + number)
        held.append(raw)
    # They read no further, but are still there: each may cost a few pieces, not the table.
    assert process.memory_info().rss - before < 400 * MIB
    for raw in held:
        raw.close()
    client.remove("//tmp/large")
    deadline = time.monotonic() + 40
    while process.num_fds() > descriptors + 1:
        assert time.monotonic() < deadline, [each.path for each in process.open_files()]
        time.sleep(0.1)
    assert process.num_threads() <= threads + 32


# ---- time


IMPATIENT = """
import sys
from ytcurate.localcluster import protocol, wire
protocol.HEAD_PATIENCE_S = wire.PATIENCE_S = 1.0
from ytcurate.localcluster.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits only a second."""
    started = Server.__new__(Server)
    started.data_dir = tmp_path_factory.mktemp("impatient") / "data"
    started.process = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, "serve", "--data-dir", str(started.data_dir), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert started.process.stdout is not None
    started.proxy = started.process.stdout.readline().decode().split()[1]
    make_client(started.proxy).write_table(TABLE, [{"x": 1}])
    yield started
    started.stop()


@pytest.mark.parametrize("start", [b"", b"GET /pi", head("GET", "/ping")[:-2], head("GET", "/ping")])
def test_a_connection_that_says_nothing_is_closed(impatient: Server, start: bytes) -> None:
    with connected(impatient) as raw:
        raw.sendall(start)
        if start.endswith(b"\r\n\r\n"):
            # Between requests it may rest: the client keeps its connections.
            assert answer(raw)[0] == 200
            time.sleep(1.5)
            raw.sendall(start)
            assert answer(raw)[0] == 200
            return
        begun = time.monotonic()
        data = raw.recv(65536)
        assert time.monotonic() - begun < 5
        assert data.startswith(b"HTTP/1.1 408") == bool(start)


def test_slow_senders_do_not_keep_others_out(impatient: Server) -> None:
    """As many as there are threads for writing."""
    host, port = impatient.proxy.removeprefix("http://").split(":")
    held = []
    for _ in range(256):
        raw = socket.create_connection((host, int(port)), timeout=20)
        raw.sendall(put("<append=%true>" + TABLE) + chunk(b'{"x":2}\n'))
        held.append(raw)
    begun = time.monotonic()
    client = make_client(impatient.proxy)
    assert list(client.read_table(TABLE)) == [{"x": 1}]
    assert time.monotonic() - begun < 10
    status, body = answer(held[0])
    assert "nothing came for 1 seconds" in refused(status, body)
    for raw in held:
        raw.close()
    _until_unlocked(client)
    assert list(client.read_table(TABLE)) == [{"x": 1}]


def test_yson_of_an_answer_is_yson(server: Server) -> None:
    """The raw sockets above really speak to what the client speaks to."""
    with connected(server) as raw:
        asked = f'X-YT-Parameters: {{"path":"{TABLE}/@type"}}'
        raw.sendall(head("GET", "/api/v4/get", asked, "Accept: application/x-yt-yson-text"))
        status, body = answer(raw)
        assert (status, yson.loads(body)) == (200, {"value": "table"})
