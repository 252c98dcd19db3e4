"""A Hugging Face hub of one model, on this machine: what the hub's client asks for, and no more."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

MODEL = "someone/Tiny-VL-4M"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_of(files: dict[str, bytes], *, token: str) -> Iterator[str]:
    """Serve a private model of these files to who has the token; gives the hub's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if self.headers.get("Authorization") != f"Bearer {token}" or MODEL not in path:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif path.startswith(f"/api/models/{MODEL}/tree/"):
                tree = [
                    {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
                    for name, content in files.items()
                ]
                self._answer(200, json.dumps(tree).encode(), {})
            elif path.startswith(f"/api/models/{MODEL}"):
                if "/revision/" in path and path.rpartition("/")[2] not in ("main", "v1", COMMIT):
                    self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                    return
                siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
                info = {"id": MODEL, "modelId": MODEL, "sha": COMMIT, "siblings": siblings, "private": True}
                self._answer(200, json.dumps(info).encode(), {})
            else:
                name = path.partition(f"/resolve/{COMMIT}/")[2]
                content = files[name]
                self._answer(200, content, {"ETag": f'"{_etag(content)}"', "X-Repo-Commit": COMMIT})

        def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def files_of(folder: Path) -> dict[str, bytes]:
    """Read a directory as ``hub_of`` takes it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _etag(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
