"""What survives a kill: records in SQLite, written in one transaction per command.

The state lives in memory as plain objects; every object that a command changed is written back
before the command answers. If a command breaks half-way, the state is loaded again from here, so
memory never holds what the disk does not.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError

VERSION = 2
"""Of what is written here (SQLite's `user_version`; directories from before it was written have 0)."""
DEEPEST = 240
"""Values with fewer brackets cannot be too deep for the YSON library, which reads 256 levels."""
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ROOM_PAUSES_S = (0.0, 0.1, 0.2)
"""Between looks for something to delete: a failed job takes a moment to let go of its files."""
TABLES = (
    "nodes",
    "branches",
    "transactions",
    "locks",
    "chunks",
    "operations",
    "jobs",
    "progress",
    "answers",
    "meta",
)


def dump(value: Any) -> bytes:
    return bytes(yson.dumps(value, yson_format="binary"))


def load(data: bytes) -> Any:
    return yson.loads(data, always_create_attributes=False)


class NoSpace(YtError):
    """The disk with the data directory is full."""


def no_space(reason: str) -> NoSpace:
    return NoSpace(f"The local cluster cannot write to its data directory: {reason}. Nothing was changed")


def _check_depth(value: bytes) -> None:
    """A record that could not be read back would keep the whole directory from opening."""
    if value.count(b"[") + value.count(b"{") + value.count(b"<") < DEEPEST:
        return
    room = 256 - DEEPEST
    try:
        yson.loads(b"[" * room + value + b"]" * room)
    except yson.YsonError:
        raise YtError(f"Value is nested too deeply to be stored: more than about {DEEPEST} levels") from None


class Store:
    """Key to YSON value, by kind. Not thread-safe: the caller holds the state's lock."""

    def __init__(self, path: Path) -> None:
        """Open, or make what is not there.

        Raises:
            YtError: it is no state of a local cluster, a newer version wrote it, or it cannot be written.
        """
        self.make_room: Callable[[], int] = lambda: 0
        """Called when the disk is full; returns how much it found to delete."""
        try:
            _check_version(path)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            # FULL: a commit that was answered is on the disk even if the machine loses power.
            self._db.execute("PRAGMA synchronous=FULL")
            for table in TABLES:
                self._db.execute(
                    f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
                )
            if self._db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                self._db.execute(f"PRAGMA user_version={VERSION}")
        except sqlite3.Error as error:
            raise YtError(f"cannot open the state of the local cluster in {path}: {error}") from None

    def write(self, changes: dict[tuple[str, str], bytes | None]) -> None:
        """Apply all changes or none; a value of None deletes the record."""
        for data in changes.values():
            if data is not None:
                _check_depth(data)
        try:
            self._write(changes)
        except sqlite3.OperationalError as error:
            for pause in ROOM_PAUSES_S:
                time.sleep(pause)
                if self.make_room():
                    break
            try:
                self._write(changes)
            except sqlite3.OperationalError:
                raise no_space(str(error)) from error

    def _write(self, changes: dict[tuple[str, str], bytes | None]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for (table, key), value in changes.items():
                if value is None:
                    self._db.execute(f"DELETE FROM {table} WHERE key=?", (key,))
                else:
                    self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def read_all(self, table: str) -> Iterator[tuple[str, Any]]:
        for key, value in self._db.execute(f"SELECT key, value FROM {table}"):
            yield key, load(value)

    def read_prefix(self, table: str, prefix: str) -> list[tuple[str, Any]]:
        """Records whose key starts with `prefix` (ids only: no wildcard characters)."""
        rows = self._db.execute(
            f"SELECT key, value FROM {table} WHERE key >= ? AND key < ?", (prefix, prefix + "\x7f")
        )
        return [(key, load(value)) for key, value in rows]

    def read(self, table: str, key: str) -> Any:
        row = self._db.execute(f"SELECT value FROM {table} WHERE key=?", (key,)).fetchone()
        return load(row[0]) if row else None

    def close(self) -> None:
        self._db.close()


def _check_version(path: Path) -> None:
    """Look before anything is changed.

    Raises:
        YtError: a newer version wrote it.
    """
    if not path.exists():
        return
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
    finally:
        database.close()
    if found > VERSION:
        raise YtError(
            f"{path.parent} was written by a newer version of the local cluster (format {found}, this one "
            f"knows {VERSION}): use that version, or another data directory"
        )
