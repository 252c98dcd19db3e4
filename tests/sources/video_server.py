"""An HTTP server on this machine that serves one video well, badly, or not at all; the path says how."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

VIDEO = bytes(range(256)) * 4096
"""A megabyte that stands for a video: what is fetched is not looked into."""


@dataclass
class VideoServer:
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request."""
    etag: str = '"one"'


@contextmanager
def video_server() -> Iterator[VideoServer]:
    state = VideoServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            state.asked.append((path, self.headers.get("Range")))
            tries = sum(asked == path for asked, _ in state.asked)
            kind = path.strip("/").partition(".")[0]
            getattr(self, kind, self.missing)(tries)

        def chunked(self, tries: int) -> None:
            """A body in chunks, of no given length; the first time it breaks off after some."""
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(VIDEO) // (2 if tries == 1 else 1), 65536):
                self.wfile.write(b"10000\r\n" + VIDEO[start : start + 65536] + b"\r\n")
            if tries > 1:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

        def good(self, tries: int) -> None:
            self.answer(VIDEO)

        def breaks(self, tries: int) -> None:
            """The body breaks off after a third of the video, each time but the third."""
            self.answer(VIDEO, only=len(VIDEO) // 3 if tries < 3 else None)

        def changes(self, tries: int) -> None:
            """The body breaks off, and then the video is another one."""
            state.etag = f'"{tries}"'
            self.answer(VIDEO if tries == 1 else VIDEO[::-1], only=1000 if tries == 1 else None)

        def unranged(self, tries: int) -> None:
            """The body breaks off, and the server knows no ranges."""
            self.answer(VIDEO, only=1000 if tries == 1 else None, ranges=False)

        def busy(self, tries: int) -> None:
            if tries <= 2:
                self.refuse(503)
            else:
                self.answer(VIDEO)

        def limited(self, tries: int) -> None:
            if tries == 1:
                self.refuse(429, {"Retry-After": "1"})
            else:
                self.answer(VIDEO)

        def down(self, tries: int) -> None:
            self.refuse(500)

        def forbidden(self, tries: int) -> None:
            self.refuse(403)

        def missing(self, tries: int) -> None:
            self.refuse(404)

        def page(self, tries: int) -> None:
            self.answer(b"<html>sign in</html>", content_type="text/html; charset=utf-8")

        def playlist(self, tries: int) -> None:
            self.answer(b"#EXTM3U", content_type="application/vnd.apple.mpegurl")

        def moved(self, tries: int) -> None:
            self.refuse(302, {"Location": "/good.mp4"})

        def circle(self, tries: int) -> None:
            self.refuse(302, {"Location": "/circle"})

        def endless(self, tries: int) -> None:
            """A body of no given length that does not end."""
            self.pour(lambda: VIDEO[:65536], pause_s=0)

        def drip(self, tries: int) -> None:
            """A byte now and then."""
            self.pour(lambda: b"x", pause_s=0.05)

        def silent(self, tries: int) -> None:
            """Headers, and then nothing."""
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            time.sleep(2)

        def pour(self, piece: Callable[[], bytes], pause_s: float) -> None:
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                for _ in range(10_000):
                    self.wfile.write(piece())
                    time.sleep(pause_s)
            except OSError:
                self.close_connection = True

        def answer(
            self,
            body: bytes,
            *,
            only: int | None = None,
            ranges: bool = True,
            content_type: str = "video/mp4",
        ) -> None:
            start = 0
            wanted, same = self.headers.get("Range"), self.headers.get("If-Range", state.etag) == state.etag
            if wanted and same and ranges:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.send_header("Content-Length", str(len(body) - start))
            self.send_header("Content-Type", content_type)
            self.send_header("ETag", state.etag)
            self.end_headers()
            part = body[start:]
            self.close_connection = only is not None
            try:
                self.wfile.write(part if only is None else part[:only])
            except OSError:  # whoever asked has seen enough
                self.close_connection = True

        def refuse(self, code: int, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": "0", **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *where: object) -> None:
            """Connections that the client closed are part of the game."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
