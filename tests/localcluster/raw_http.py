"""Requests by hand over a socket, for what no HTTP library would send."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.localcluster.conftest import Server

TABLE = "//tmp/kept"
"""What no broken request may change."""


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    host, port = server.proxy.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        yield raw


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")


def put(path: str = TABLE, *lines: str, command: str = "write_table") -> bytes:
    """The head of a write of JSON rows, its body in chunks."""
    parameters = json.dumps({"path": path, "input_format": "json"})
    return head(
        "PUT", f"/api/v4/{command}", f"X-YT-Parameters: {parameters}", "Transfer-Encoding: chunked", *lines
    )


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(raw: socket.socket) -> tuple[int, bytes]:
    """The first answer on a connection: status and body, as far as they come."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while b"\r\n\r\n" not in data and (piece := raw.recv(65536)):
            data += piece
        start, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in start.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length and (piece := raw.recv(65536)):
            body += piece
    return int(start.split()[1]), body


def refused(status: int, body: bytes) -> str:
    """The message of an error."""
    assert 400 <= status < 500, (status, body)
    message = str(json.loads(body)["message"])
    assert "Internal error" not in message
    return message
