"""Video files: one, those of a folder, or those that a pattern matches. Only paths and sizes are held."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.sources.addresses import VIDEO_SUFFIXES, scheme_of, shown, suffix_of
from ytcurate.sources.base import SourceVideo
from ytcurate.sources.columns import Carried, pick_carried
from ytcurate.sources.download import RemoteVideo
from ytcurate.sources.lists import ListTable
from ytcurate.sources.options import SourceOptions
from ytcurate.sources.parquet import ParquetTable
from ytcurate.sources.tables import Row, Table

_FILE_NAME = "file_name"
_METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Tables of what is known about the files beside them, by the custom of ``datasets``."""


@dataclass(frozen=True)
class Scan:
    """What a folder holds, hidden files and folders left out."""

    videos: Sequence[tuple[str, int | None]]
    """Path and bytes, in the order of names, folder by folder."""
    others: Sequence[str]
    """Paths of all other files, in the same order."""


class FileSource:
    """Files by path or by address.

    Args:
        name: what the user called them.
        files: path or address, and bytes where they are known.
        options: which of them to take.
        about: what is known about a file, by its path.
        carried: columns of that.
        title: the column of that with titles.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[tuple[str, int | None]],
        options: SourceOptions,
        *,
        about: Mapping[str, Row] | None = None,
        carried: Sequence[Carried] = (),
        title: Carried | None = None,
    ) -> None:
        options.require_some(name, len(files))
        if about is None:
            pick_carried(name, {}, options, video=None)  # refuses what is asked for: there are no columns
        self.name = name
        self.columns = {each.name: each.kind.type for each in carried}
        self._files = files[options.start : options.stop]
        self._options = options
        self._about, self._carried, self._title = about or {}, carried, title

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(self._files)

    @property
    def total_bytes(self) -> int | None:
        """Of all files; None if the size of one is not known."""
        sizes = [size for _, size in self._files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the files in order; none is opened."""
        for path, size in self._files:
            row = self._about.get(path, {})
            title = self._title.value(row) if self._title else None
            yield SourceVideo(
                name=shown(path),
                video=Path(path) if scheme_of(path) is None else RemoteVideo(path, self._options.download),
                title=title if isinstance(title, str) and title else None,
                size=size,
                extra={each.name: each.value(row) for each in self._carried},
            )


def file_source(name: str, path: Path, options: SourceOptions) -> FileSource:
    """Make a source of one file, whatever it is called."""
    return FileSource(name, [(str(path), path.stat().st_size)], options)


def folder_source(name: str, scan: Scan, options: SourceOptions) -> FileSource:
    """Make a source of the videos of a folder.

    What ``metadata.csv``, ``.jsonl`` or ``.parquet`` files in it say of a ``file_name`` goes along. A file
    that is named there and missing is given, too, so that its row says so.

    Raises:
        UsageError: a table cannot be read, or a column is not there.
    """
    tables = [_open_table(path) for path in scan.others if Path(path).name in _METADATA]
    tables = [table for table in tables if _FILE_NAME in table.columns]
    if not tables:
        return FileSource(name, scan.videos, options)
    columns = {key: kind for table in tables for key, kind in table.columns.items() if key != _FILE_NAME}
    carried, title = pick_carried(name, columns, options, video=None)
    about = {path: row for table in tables for path, row in _rows_by_path(table)}
    missing = [(path, None) for path in about.keys() - {path for path, _ in scan.videos}]
    missing = [entry for entry in missing if not Path(entry[0]).is_file()]
    files = sorted([*scan.videos, *missing], key=_by_parts)
    return FileSource(name, files, options, about=about, carried=carried, title=title)


def _open_table(path: str) -> Table:
    return ParquetTable([path]) if path.endswith(".parquet") else ListTable([path])


def _rows_by_path(table: Table) -> Iterator[tuple[str, Row]]:
    for file, row in table.rows(list(table.columns), 0, None):
        text: Any = row.get(_FILE_NAME)
        if isinstance(text, str) and text:
            yield os.path.normpath(Path(file).parent / text), row


def glob_source(name: str, options: SourceOptions) -> FileSource:
    """Make a source of the videos that a pattern matches; ``**`` stands for folders at any depth.

    Raises:
        UsageError: it matches no video.
    """
    found = glob.iglob(os.path.expanduser(name), recursive=True)  # noqa: PTH207, PTH111 - paths as given
    matches = [path for path in found if os.path.isfile(path) or _is_broken_link(path)]  # noqa: PTH113
    videos = [path for path in matches if suffix_of(path) in VIDEO_SUFFIXES]
    if not matches:
        raise UsageError(f"{name}: no file matches this pattern.")
    if not videos:
        raise UsageError(f"{name}: {len(matches)} files match, and none is a video ({_suffixes()}).")
    files = [(path, _size_of(path)) for path in dict.fromkeys(videos)]
    return FileSource(name, sorted(files, key=_by_parts), options)


def scan_folder(folder: Path) -> Scan:
    """List a folder with its subfolders. Links to folders are not followed: they may lead in circles.

    A link that leads nowhere is listed, of 0 bytes: whoever reads it says why it cannot be read. Pipes,
    devices and sockets are left out.

    Raises:
        UsageError: it cannot be read.
    """
    videos: list[tuple[str, int | None]] = []
    others: list[str] = []
    folders = [str(folder)]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_symlink() and _is_broken_link(entry.path):
                        if suffix_of(entry.name) in VIDEO_SUFFIXES:
                            videos.append((entry.path, 0))
                    elif not entry.is_file():
                        continue
                    elif suffix_of(entry.name) in VIDEO_SUFFIXES:
                        videos.append((entry.path, entry.stat().st_size))
                    else:
                        others.append(entry.path)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be read: {error.strerror}.") from error
    return Scan(sorted(videos, key=_by_parts), sorted(others))


def _is_broken_link(path: str) -> bool:
    """Whether this is a link to nothing, or in a circle."""
    return os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114 - many


def _size_of(path: str) -> int:
    return 0 if _is_broken_link(path) else Path(path).stat().st_size


def no_videos(name: str) -> UsageError:
    """Say that a folder holds nothing that can be taken."""
    return UsageError(f"{name}: this folder holds no videos ({_suffixes()}) and no data set.")


def _by_parts(file: tuple[str, int | None]) -> list[str]:
    return file[0].split("/")


def _suffixes() -> str:
    return ", ".join(sorted(VIDEO_SUFFIXES))
