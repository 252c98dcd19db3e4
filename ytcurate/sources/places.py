"""Where a file name or an address in a table leads: to a file here, to a file of the hub, or to a server."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ytcurate.errors import UsageError
from ytcurate.media.probe import VideoLike
from ytcurate.sources.addresses import first_line, scheme_of, shown
from ytcurate.sources.base import Remote
from ytcurate.sources.download import MissingVideo, RemoteVideo
from ytcurate.sources.download_fsspec import open_filesystem, reading_errors
from ytcurate.sources.options import DownloadLimits

_HERE = frozenset(("file", "local", "memory"))
"""Schemes of files of this machine."""


class Place(Protocol):
    """What names in a table are relative to."""

    def find(self, text: str, table: str) -> str:
        """Make a full path or address of what stands in a row of the table."""
        ...

    def video(self, address: str) -> tuple[VideoLike | Remote, int | None]:
        """Give the video at a full path or address, and its size if that is at hand."""
        ...


class LocalPlace:
    """This machine: names are relative to the folder of their table, the root folder, or the current one."""

    def __init__(self, root: Path | None, limits: DownloadLimits) -> None:
        self._root = root
        self._limits = limits

    def find(self, text: str, table: str) -> str:
        """Take the first of the three where there is such a file; the table's folder if there is none."""
        scheme = scheme_of(text)
        if scheme == "file":
            return text.partition("://")[2]
        if scheme is not None:
            return text
        path = Path(text).expanduser()
        if path.is_absolute():
            return str(path)
        folders = [Path(table).parent] if table else []
        folders += [self._root] if self._root is not None else []
        candidates = [os.path.normpath(folder / path) for folder in [*folders, Path()]]
        return next((each for each in candidates if os.path.exists(each)), candidates[0])  # noqa: PTH110 - many

    def video(self, address: str) -> tuple[VideoLike | Remote, int | None]:
        """Give a path of this machine, or what fetches an address."""
        if scheme_of(address) is not None:
            return RemoteVideo(address, self._limits), None
        path = Path(address)
        try:
            return path, path.stat().st_size
        except OSError:
            return path, None  # whoever reads it says why it cannot be read


class RepositoryPlace:
    """A folder elsewhere, as of a data set on the hub; ``files`` are listed when they are first asked for.

    Names are relative to the folder of their table or to the root. What others wrote may not lead to files
    of this machine.
    """

    def __init__(self, root: str, limits: DownloadLimits) -> None:
        self.root = root
        self._limits = limits

    @cached_property
    def files(self) -> Mapping[str, int | None]:
        """Address and size of each file.

        Raises:
            UsageError: they cannot be listed.
        """
        filesystem, path = open_filesystem(self.root)
        try:
            found = filesystem.find(path, detail=True)
        except reading_errors() as error:
            raise UsageError(
                f"{shown(self.root)}: its files cannot be listed: {first_line(error)}."
            ) from error
        scheme = scheme_of(self.root)
        return {f"{scheme}://{file.lstrip('/')}": info.get("size") for file, info in found.items()}

    def find(self, text: str, table: str) -> str:
        """Take the table's folder or the root, wherever there is such a file."""
        if scheme_of(text) is not None:
            return text
        folders = ([table.rpartition("/")[0]] if table else []) + [self.root]
        candidates = [_joined(folder, text) for folder in folders]
        return next((each for each in candidates if each in self.files), candidates[-1])

    def video(self, address: str) -> tuple[VideoLike | Remote, int | None]:
        """Give what fetches an address."""
        if address in self.files:
            return RemoteVideo(address, self._limits), self.files[address]
        if address.startswith(f"{self.root}/"):
            return MissingVideo(f"there is no such file in {shown(self.root)}"), None
        if scheme_of(address) in (None, *_HERE) or "::" in address:
            return MissingVideo("a data set may not name files of this machine"), None
        return RemoteVideo(address, self._limits), None


def _joined(folder: str, text: str) -> str:
    scheme, _, path = folder.partition("://")
    return f"{scheme}://{posixpath.normpath(f'{path}/{text}').lstrip('/')}"
