"""A YT proxy that stores nothing: what the client alone can write and read.

``write_table`` throws its body away and ``read_table`` answers from memory; every other command goes on to a
local cluster, so that the client finds what it looks for.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

PIECE = 1 << 20
DROPPED = frozenset(
    {"host", "connection", "transfer-encoding", "content-length", "trailer", "date", "server"}
)
"""Headers of one connection, not of the message."""
Answer = tuple[int, list[tuple[str, str]], bytes]


class Handler(BaseHTTPRequestHandler):
    """One connection of the client."""

    protocol_version = "HTTP/1.1"
    # Answers leave in one piece and at once: small ones would wait for acknowledgements otherwise.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    cluster = ""
    """Host and port of the cluster that answers the rest."""
    link: HTTPConnection | None = None
    """To the cluster, for as long as the client's connection lives."""
    read: dict[str, Answer] = {}  # noqa: RUF012  shared on purpose: answers of earlier reads by their parameters

    def do_GET(self) -> None:
        """Read a table from memory (from the cluster the first time), or ask the cluster."""
        if self.path.endswith("/read_table"):
            # Every read is in a transaction of its own; the rows are the same.
            key = str(self.headers["X-YT-Parameters"]).partition('"path"')[2][:200]
            if key not in self.read:
                self.read[key] = self.ask(None)
            self.answer(self.read[key])
        else:
            self.answer(self.ask(None))

    def do_POST(self) -> None:
        """Ask the cluster."""
        self.answer(self.ask(self.rfile.read(int(self.headers.get("Content-Length", 0)))))

    def do_PUT(self) -> None:
        """Throw rows away; values go to the cluster."""
        if self.path.endswith("/write_table"):
            drain(self.rfile)
            self.answer((200, [("Content-Type", "application/json")], b"{}"))
        else:
            self.do_POST()

    def ask(self, body: bytes | None) -> Answer:
        """What the cluster answers to this request."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
        self.link = self.link or HTTPConnection(self.cluster)
        self.link.request(self.command, self.path, body, headers)
        found = self.link.getresponse()
        kept = [(name, value) for name, value in found.getheaders() if name.lower() not in DROPPED]
        return found.status, kept, found.read()

    def answer(self, answer: Answer) -> None:
        """Send it."""
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def drain(stream: BufferedIOBase) -> None:
    """Read a body in chunks to its end."""
    while size := int(stream.readline(), 16):
        left = size + 2
        while left:
            left -= len(stream.read(min(left, PIECE)))
    stream.readline()


if __name__ == "__main__":
    Handler.cluster = sys.argv[1].removeprefix("http://")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
