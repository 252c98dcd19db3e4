"""Where exported files go: a folder of this machine, or a directory of Cypress. Whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

from ytcurate.config import MIB
from ytcurate.connection import setting
from ytcurate.errors import UsageError
from ytcurate.tables.owners import abort_left_behind

_OURS = re.compile(
    r"part-\d+\.parquet|shard-\d+\.tar|manifest\.(json|jsonl|csv)|README\.md|data|clips", re.ASCII
)
"""What an export puts at the top of a folder. Anything else there was put by somebody else."""
_SEND_BYTES = 64 * MIB
"""Sent again if a request fails, and in memory until then."""


class ExportFile:
    """One file being written, front to back. Enough of a file for tarfile, csv and pyarrow."""

    def __init__(self, file: IO[bytes], on_close: Callable[[ExportFile], None]) -> None:
        self._file = file
        self._on_close = on_close
        self._digest = hashlib.sha256()
        self.size = 0
        """Bytes written so far."""
        self.closed = False

    @property
    def sha256(self) -> str:
        """Of what is written so far, hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Append bytes."""
        view = memoryview(data)
        self._digest.update(view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Files are flushed when they are closed."""

    def readable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Hand the whole file over."""
        if not self.closed:
            self.closed = True
            with self._file:
                self._on_close(self)

    def __enter__(self) -> ExportFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:  # what is half written is handed to nobody
            self.closed = True
            self._file.close()


class Folder(Protocol):
    """Takes files by name; ``/`` in a name makes folders."""

    files: int
    """How many are complete."""
    bytes: int
    """Of those files."""

    def create(self, name: str) -> ExportFile:
        """Begin a file; several may be open at once."""
        ...


class _LocalFolder:
    def __init__(self, place: Path) -> None:
        self.files = self.bytes = 0
        self._place = place

    def create(self, name: str) -> ExportFile:
        path = self._place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return ExportFile(path.open("xb"), self._close)

    def _close(self, file: ExportFile) -> None:
        self.files += 1
        self.bytes += file.size


@contextmanager
def local_folder(path: str | Path, *, overwrite: bool) -> Iterator[Folder]:
    """Fill a folder of this machine.

    Files go to ``<path>.partial``, which is renamed when all are there. What an export that was killed left
    in it is removed first; after an error it is removed at once.

    Args:
        path: of the folder; those above it are made.
        overwrite: replace the export that is there.

    Raises:
        UsageError: something is there that is not to be replaced, or another export is writing there.
    """
    place = Path(path).expanduser().resolve()
    if not place.name:
        raise UsageError(f"{path}: a folder of its own is needed for an export, for example {place}data.")
    if place.exists() and not place.is_dir():
        raise UsageError(f"{place} is a file. An export goes into a folder: choose another path.")
    if place.exists():
        _require_replaceable(str(place), (each.name for each in place.iterdir()), overwrite)
    partial = place.with_name(f"{place.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    with _held(partial):
        _require_replaceable(str(partial), (each.name for each in partial.iterdir()), True)
        _clear(partial)
        folder = _LocalFolder(partial)
        try:
            yield folder
            _put_in_place(partial, place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    """Keep other exports out; a process that is killed lets go."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"{partial}: another export is writing there. Wait for its end.") from error
        yield
    finally:
        os.close(descriptor)


def _clear(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _put_in_place(partial: Path, place: Path) -> None:
    old = place.with_name(f"{place.name}.replaced-{os.getpid()}")
    is_there = place.exists()
    if is_there:
        place.rename(old)
    try:
        partial.rename(place)
    except OSError:
        if is_there:
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _require_replaceable(path: str, names: Iterable[str], overwrite: bool) -> None:
    there = sorted(names)
    foreign = [name for name in there if not _OURS.fullmatch(name)]
    if foreign:
        raise UsageError(
            f"{path} holds {foreign[0]!r}, which no export writes, so nothing there is replaced. Choose "
            f"another path, or empty it yourself."
        )
    if there and not overwrite:
        raise UsageError(f"{path} holds an export already ({there[0]}, ...). Use --overwrite to replace it.")


class _Silent:
    """Stands in for the client's own bar, drawn over ours. Switched off, it breaks requests."""

    def start(self) -> None: ...

    def finish(self, status: str = "ok") -> None: ...

    def update(self, size: int) -> None: ...


class _CypressFolder:
    def __init__(self, client: Any, path: str) -> None:
        self.files = self.bytes = 0
        self._client = client
        self._path = path
        self._folders = {""}

    def create(self, name: str) -> ExportFile:
        above = name.rpartition("/")[0]
        if above not in self._folders:
            self._client.create("map_node", f"{self._path}/{above}", recursive=True)
            self._folders.add(above)
        # Kept here until it is whole: sizes are known then, and a request that fails can be sent again.
        spool = tempfile.TemporaryFile(prefix="ytcurate-export-")  # noqa: SIM115 closed with the file
        return ExportFile(spool, lambda file: self._send(spool, f"{self._path}/{name}", file))

    def _send(self, spool: IO[bytes], path: str, file: ExportFile) -> None:
        spool.seek(0)
        self._client.create("file", path, attributes={"compression_codec": "none"})
        with ExitStack() as changes:
            changes.enter_context(setting(self._client, "proxy", "content_encoding", "identity"))
            changes.enter_context(setting(self._client, "write_retries", "chunk_size", _SEND_BYTES))
            changes.enter_context(setting(self._client, "write_parallel", "enable", False))
            self._client.write_file(path, spool, size_hint=file.size, progress_monitor=_Silent())
        self.files += 1
        self.bytes += file.size


@contextmanager
def cypress_folder(path: str, *, overwrite: bool, client: Any) -> Iterator[Folder]:
    """Fill a directory of Cypress, in the transaction that the client is in: until that is committed nobody
    sees any of it, and what was there stays.

    Args:
        path: of the directory; those above it are made.
        overwrite: replace the export that is there.
        client: inside a transaction.

    Raises:
        UsageError: something is there that is not to be replaced, or another export is writing there.
    """
    from yt.wrapper.errors import YtCypressTransactionLockConflict

    if path.endswith("/") or path == "//":
        raise UsageError(f"{path}: a directory of its own is needed for an export, for example //tmp/export.")
    if client.exists(path):
        kind = client.get(f"{path}/@type")
        if kind != "map_node":
            raise UsageError(f"{path} is a {kind}. An export goes into a directory: choose another path.")
        _require_replaceable(path, (str(name) for name in client.list(path)), overwrite)
    try:
        try:
            _make_anew(client, path)
        except YtCypressTransactionLockConflict:
            _forget_killed(client, path)
            _make_anew(client, path)
    except YtCypressTransactionLockConflict as error:
        raise UsageError(
            f"{path}: another export is writing there, or one that was killed less than a minute ago. Wait "
            f"for its end."
        ) from error
    yield _CypressFolder(client, path)


def _make_anew(client: Any, path: str) -> None:
    with _suppress_missing():
        client.remove(path, recursive=True)
    client.create("map_node", path, recursive=True)


def _forget_killed(client: Any, path: str) -> None:
    """End what an export into the same place holds that was killed on this machine."""
    there = path
    while not client.exists(there):
        there = there.rpartition("/")[0]
    for node in dict.fromkeys((there, there.rpartition("/")[0])):
        if node.startswith("//"):
            abort_left_behind(client, node)


@contextmanager
def _suppress_missing() -> Iterator[None]:
    """Let pass that a node is not there."""
    import yt.wrapper as yt

    try:
        yield
    except yt.YtResponseError as error:
        if not error.is_resolve_error():
            raise
