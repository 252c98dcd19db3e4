"""What survives a kill: records in SQLite, written in one transaction per command.

The state lives in memory as plain objects; every object that a command changed is written back
before the command answers. If a command breaks half-way, the state is loaded again from here, so
memory never holds what the disk does not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yt.yson as yson

TABLES = ("nodes", "branches", "transactions", "locks", "chunks", "operations", "jobs", "meta")


def dump(value: Any) -> bytes:
    return bytes(yson.dumps(value, yson_format="binary"))


def load(data: bytes) -> Any:
    return yson.loads(data, always_create_attributes=False)


class Store:
    """Key to YSON value, by kind. Not thread-safe: the caller holds the state's lock."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        # FULL: a commit that was answered is on the disk even if the machine loses power.
        self._db.execute("PRAGMA synchronous=FULL")
        for table in TABLES:
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )

    def write(self, changes: dict[tuple[str, str], bytes | None]) -> None:
        """Apply all changes or none; a value of None deletes the record."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for (table, key), value in changes.items():
                if value is None:
                    self._db.execute(f"DELETE FROM {table} WHERE key=?", (key,))
                else:
                    self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

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
