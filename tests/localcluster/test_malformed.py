"""Broken, hostile and half-finished requests: each is refused by name, and the server goes on."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.localcluster.conftest import Server
from tests.localcluster.raw_http import TABLE, answer, chunk, connected, head, put, refused

pytestmark = [pytest.mark.checked_against("documentation"), pytest.mark.usefixtures("goes_on")]

MIB = 1024 * 1024


# ---- values


@pytest.mark.parametrize(
    "text",
    [
        b"{path=",
        b"\x01\xfe\xff\xff\xff\x0f",
        b"[" * 50_000,
        b"<a=" * 50_000,
        b"{path=" + b"[" * 230 + b"]" * 230 + b"}",
        b"[1;2]",
        b'"text"',
        b"\xff\xff",
        b"",
    ],
    ids=["cut off", "length of 2 GiB", "deep lists", "deep attributes", "too deep to keep", "list", "text",
         "noise", "empty"],
)  # fmt: skip
def test_broken_parameters(server: Server, text: bytes) -> None:
    for place in ("header", "body"):
        headers: dict[str, Any] = {"X-YT-Header-Format": "<format=text>yson"}
        if place == "header":
            headers["X-YT-Parameters"] = text
        else:
            # Past the check of the HTTP library for control characters in headers.
            headers["Content-Type"] = "application/x-yt-yson-text"
        if place == "header" and any(byte < 32 for byte in text):
            continue
        send = requests.get if place == "header" else requests.post
        command = "get" if place == "header" else "remove"
        body = None if place == "header" else text
        got = send(f"{server.proxy}/api/v4/{command}", headers=headers, data=body, timeout=20)
        refused(got.status_code, got.content)


@pytest.mark.parametrize("form", ["json", "yson"])
def test_deep_values_are_refused_and_others_survive_a_restart(tmp_path: Path, form: str) -> None:
    server = Server(tmp_path / "data")
    try:

        def put_value(path: str, depth: int) -> requests.Response:
            parameters = json.dumps({"path": path, "input_format": form})
            return requests.put(
                f"{server.proxy}/api/v4/set",
                data="[" * depth + "]" * depth,
                headers={"X-YT-Parameters": parameters},
                timeout=20,
            )

        assert put_value("//tmp/@deep", 190).status_code == 200
        for depth in (201, 250, 300, 900, 100_000):
            got = put_value("//tmp/@deeper", depth)
            message = refused(got.status_code, got.content)
            assert "nested deeper" in message or "Depth limit exceeded" in message
        # A document can be made deeper step by step.
        server.client().create("document", "//tmp/d", attributes={"value": {}})
        path, statuses = "//tmp/d", []
        inner = '{"a":' * 90 + "{}" + "}" * 90
        for _ in range(3):
            parameters = json.dumps({"path": path + "/a", "input_format": "json"})
            got = requests.put(
                f"{server.proxy}/api/v4/set",
                data=inner,
                headers={"X-YT-Parameters": parameters},
                timeout=20,
            )
            statuses.append(got.status_code)
            path += "/a" * 91
        assert statuses == [200, 200, 400]
        server.kill()
        server = Server(tmp_path / "data")
        value = server.client().get("//tmp/@deep")
        depth = 0
        while isinstance(value, list):
            depth, value = depth + 1, value[0] if value else None
        assert depth == 190
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("form", "rows"),
    [
        ("<format=binary>yson", b"{\x01\xfe\xff\xff\xff\x0f"),
        ("<format=binary>yson", b"{x=" + b"[" * 1_000_000),
        ("<format=text>yson", b'{"x"="never closed'),
        ("json", b'{"x":' + b"[" * 1_000_000),
        ("json", b'{"x":1}\n{"x"'),
        ("json", b"\xff\xfe\xfd\n"),
        ("yson", b"\0" * 1000),
        ("yson", b"{x=2};\0{x=3};"),
        ("<broken=", b"{x=1};"),
        ("parquet", b"PAR1"),
    ],
)
def test_broken_rows_write_nothing(server: Server, form: str, rows: bytes) -> None:
    parameters = {"path": TABLE, "input_format": form}
    headers = {"X-YT-Parameters": json.dumps(parameters)}
    got = requests.put(f"{server.proxy}/api/v4/write_table", data=rows, headers=headers, timeout=20)
    assert refused(got.status_code, got.content)


# ---- headers


def test_a_parameter_header_given_twice_is_refused(server: Server) -> None:
    with connected(server) as raw:
        one = 'X-YT-Parameters: {"path":"//tmp"}'
        raw.sendall(head("GET", "/api/v4/list", one, 'X-YT-Parameters: {"path":"//home"}'))
        assert "given more than once" in refused(*answer(raw))


@pytest.mark.parametrize(
    "form", ["<", "<format=", "<a=1>", "xml", "\xff", "#", "[", "<format=text>yson extra"]
)
def test_a_broken_header_format_is_named(server: Server, form: str) -> None:
    with connected(server) as raw:
        raw.sendall(head("GET", "/api/v4/list", f"X-YT-Header-Format: {form}", "X-YT-Parameters: {path=x}"))
        assert refused(*answer(raw))


@pytest.mark.parametrize("size", [65_536, 1_000_000])
def test_large_parameters_pass_and_endless_headers_do_not(server: Server, size: int) -> None:
    path = json.dumps({"path": "//tmp/@" + "n" * size})
    with connected(server) as raw:
        raw.sendall(head("GET", "/api/v4/exists", f"X-YT-Parameters: {path}"))
        status, body = answer(raw)
        assert (status, b"false" in body) == (200, True)


@pytest.mark.parametrize(
    "start",
    [b"GET /", b"GET / HTTP/1.1\r\nX: ", put() + b"1;", put() + b"0\r\nX: "],
    ids=["url", "header", "chunk extension", "trailer"],
)
def test_what_never_ends_is_cut_at_a_bound(server: Server, start: bytes) -> None:
    with connected(server) as raw:
        sent = 0
        status = None
        try:
            raw.sendall(start)
            while sent < 64 * MIB:
                raw.sendall(b"a" * MIB)
                sent += MIB
        except ConnectionError:
            pass
        with contextlib.suppress(ConnectionError, IndexError):
            status, _ = answer(raw)
        assert sent < 16 * MIB
        # The answer may be lost, as bytes still under way reset the connection.
        assert status in (None, 400, 431)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /api/v4/list HTTP/9.9\r\n\r\n",
        head("GET", "/ping", "Content-Length: -1"),
        head("PUT", "/api/v4/set", "Content-Length: 5", "Transfer-Encoding: chunked"),
        head("GET", "/ping", "no colon here"),
        put() + b"zz\r\n",
        put() + b"ffffffffffffffffff\r\n",
        put() + b"5\r\nabcdeXX",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    ],
)  # fmt: skip
def test_what_is_not_http_is_400(server: Server, request_bytes: bytes) -> None:
    with connected(server) as raw:
        raw.sendall(request_bytes)
        status, body = answer(raw)
        assert status == 400
        assert "Invalid HTTP request: " in refused(status, body)


@pytest.mark.parametrize("encoding", ["br2", "z-lz4", "compress", "gzip, gzip", "\xff"])
@pytest.mark.parametrize("command", ["write_table", "write_file", "set"])
def test_unknown_content_encodings_are_415(server: Server, command: str, encoding: str) -> None:
    with connected(server) as raw:
        raw.sendall(put(TABLE, f"Content-Encoding: {encoding}", command=command) + chunk(b"x") + b"0\r\n\r\n")
        status, body = answer(raw)
        assert status == 415
        assert "is not supported" in refused(status, body)
