"""Secure vaults of operations that run: kept for their jobs after a restart, and shown to nobody."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.store import dump, load

FOLDER_MODE, FILE_MODE = 0o700, 0o600


class Vaults:
    """One file for each operation that has secrets, readable by the owner of the data directory only.

    A file of its own and not a record: what is deleted from a database stays in it for a while.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)

    def keep(self, operation_id: str, vault: dict[str, Any]) -> None:
        """Write it to the disk, before the operation is."""
        descriptor = os.open(self._folder / operation_id, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(dump(vault))
            file.flush()
            os.fsync(file.fileno())

    def read(self, operation_id: str) -> dict[str, Any]:
        """
        Raises:
            YtError: its file is gone or broken.
        """
        try:
            return dict(load((self._folder / operation_id).read_bytes()))
        except OSError as error:
            reason = str(error.strerror)
        except yson.YsonError:
            # Its own text would show what is in there.
            reason = "its file is damaged"
        raise YtError(f"Secure vault of operation {operation_id} cannot be read: {reason}")

    def forget(self, operation_id: str) -> None:
        (self._folder / operation_id).unlink(missing_ok=True)

    def forget_all_but(self, operation_ids: Collection[str]) -> None:
        for path in self._folder.iterdir():
            if path.name not in operation_ids:
                path.unlink()
