"""Single files to and from the cluster, streamed and hashed on the way."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ytcurate.connection import setting
from ytcurate.describers.weights import FileDigest, digest_file
from ytcurate.errors import UsageError
from ytcurate.models.manifest import FILE_ATTRIBUTE, node_path

_PIECE_BYTES = 4 << 20
_TRANSACTION_MS = 30_000
"""How long the transaction of a process that was killed goes on holding a file."""
_LOCK_WAIT_S = 45.0
_LOCK_PAUSE_S = 2.0
_INCOMPRESSIBLE = (".safetensors", ".bin", ".pt", ".pth")


def hash_local(files: Mapping[str, Path]) -> Iterator[tuple[str, FileDigest]]:
    """Hash local files, several at a time; give each with its name, in order."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from zip(files, pool.map(digest_file, files.values()), strict=True)


def hash_remote(client: Any, path: str, *, on_bytes: Callable[[int], None]) -> FileDigest:
    """Read a file of the cluster in pieces and return what it is."""
    digest, size = hashlib.sha256(), 0
    with setting(client, "proxy", "accept_encoding", "identity"):
        stream = client.read_file(path)
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            on_bytes(len(piece))
    return FileDigest(size, digest.hexdigest())


def write_file(
    client: Any,
    file: Path,
    folder: str,
    name: str,
    *,
    on_bytes: Callable[[int], None],
    on_wait: Callable[[str], None],
) -> FileDigest:
    """Write one file as a node with its hash as an attribute: both or nothing.

    Args:
        client: of the cluster.
        file: the local file.
        folder: the directory of the cluster.
        name: of the file below it, with ``/``.
        on_bytes: called with the bytes of each piece that is sent.
        on_wait: called with a few words when another push holds the file.

    Raises:
        UsageError: another push is writing this file.
    """
    import yt.wrapper as yt

    path = node_path(folder, name)
    if "/" in name:
        client.create(
            "map_node", node_path(folder, name.rpartition("/")[0]), recursive=True, ignore_existing=True
        )
    size = file.stat().st_size
    reading = _Reading(file, on_bytes)
    # A timeout of its own: the client's default would let a killed push hold the file for minutes.
    with yt.Transaction(timeout=_TRANSACTION_MS, attributes={"title": f"push {path}"}, client=client):
        _create(client, path, on_wait)
        with _as_it_is(client):
            client.write_file(path, reading.pieces(), size_hint=size, progress_monitor=_Silent())
        client.set(f"{path}/@{FILE_ATTRIBUTE}", reading.digest.hexdigest())
    return FileDigest(reading.size, reading.digest.hexdigest())


class _Silent:
    """Stands in for the client's own bar, which would be drawn over ours."""

    def start(self) -> None: ...

    def finish(self, status: str = "ok") -> None: ...

    def update(self, size: int) -> None: ...


class _Reading:
    """One pass over a local file."""

    def __init__(self, file: Path, on_bytes: Callable[[int], None]) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._file = file
        self._on_bytes = on_bytes

    def pieces(self) -> Iterator[bytes]:
        with self._file.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                self.digest.update(piece)
                self.size += len(piece)
                yield piece
                self._on_bytes(len(piece))


def _create(client: Any, path: str, on_wait: Callable[[str], None]) -> None:
    """Make the node anew; the one that is there goes with the commit. Waits for a push that was killed."""
    from yt.wrapper.errors import YtCypressTransactionLockConflict

    attributes = {"compression_codec": "none"} if path.endswith(_INCOMPRESSIBLE) else {}
    until = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            client.create("file", path, force=True, attributes=attributes)
        except YtCypressTransactionLockConflict as error:
            if time.monotonic() > until:
                raise UsageError(f"{path}: another push is writing this file; wait for its end.") from error
            on_wait(f"{path} is held by another push, or by one that was stopped a moment ago: waiting")
            time.sleep(_LOCK_PAUSE_S)
        else:
            return


@contextmanager
def _as_it_is(client: Any) -> Iterator[None]:
    """Send files without compressing them.

    Over a loopback wire in one request, too: nothing can break there, and a file that a local cluster keeps
    as one chunk reaches a sandbox as a link, not as a copy.
    """
    with ExitStack() as settings:
        settings.enter_context(setting(client, "proxy", "content_encoding", "identity"))
        if _is_loopback(client.config["proxy"]["url"] or ""):
            settings.enter_context(setting(client, "write_retries", "enable", False))
            settings.enter_context(setting(client, "write_parallel", "enable", False))
        yield


def _is_loopback(url: str) -> bool:
    host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
