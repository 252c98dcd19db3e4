"""A Hugging Face hub of data sets, on this machine: what ``datasets`` and the hub's client ask for."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

OWNER = "someone"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_of(folder: Path, *, token: str) -> Iterator[str]:
    """Serve each folder in a folder as a private data set to who has the token; gives the hub's address."""
    sets = {
        f"{OWNER}/{each.name}": {
            str(path.relative_to(each)): path.read_bytes() for path in each.rglob("*") if path.is_file()
        }
        for each in folder.iterdir()
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        @property
        def data_set(self) -> str:
            found = re.search(rf"/({OWNER}/[^/?]+)", unquote(self.path))
            return found[1] if found else ""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            files = sets[self.data_set]
            length = int(self.headers.get("Content-Length") or 0)
            asked = json.loads(self.rfile.read(length) or b"{}").get("paths", [])
            self.answer_json([entry for path in asked for entry in entries(files, str(path), itself=True)])

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            api, files = f"/api/datasets/{self.data_set}", sets.get(self.data_set)
            if self.headers.get("Authorization") != f"Bearer {token}" or files is None:
                self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            elif path.startswith(f"{api}/tree/"):
                below = path.removeprefix(f"{api}/tree/").partition("/")[2]
                self.answer_json(entries(files, below, itself=False))
            elif path.startswith(api):
                siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
                self.answer_json({"id": self.data_set, "sha": COMMIT, "siblings": siblings, "private": True})
            elif (name := path.partition("/resolve/")[2].partition("/")[2]) in files:
                self.answer_range(files[name])
            else:
                self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})

        def answer_range(self, content: bytes) -> None:
            headers = {"ETag": f'"{oid(content)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            wanted = self.headers.get("Range")
            if not wanted:
                self.answer(200, content, headers)
                return
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            part = content[int(start) : int(end) + 1 if end else None]
            span = f"bytes {start}-{int(start) + len(part) - 1}/{len(content)}"
            self.answer(206, part, headers | {"Content-Range": span})

        def answer_json(self, value: object) -> None:
            self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

        def answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def entries(files: dict[str, bytes], below: str, *, itself: bool) -> list[dict[str, object]]:
        """Everything below a folder, however deep; or what a path is."""
        found = {
            name: {"type": "file", "path": name, "size": len(content), "oid": oid(content)}
            for name, content in files.items()
        }
        for name in files:
            for parent in map(str, Path(name).parents):
                found.setdefault(
                    parent, {"type": "directory", "path": parent, "size": 0, "oid": oid(parent.encode())}
                )
        found.pop(".", None)
        if itself:
            return [found[below]] if below in found else []
        return [entry for name, entry in found.items() if not below or name.startswith(f"{below}/")]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def oid(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
