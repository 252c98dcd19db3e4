"""Rows of Parquet files, a few in memory at a time.

Read with ``pyarrow.parquet`` rather than by ``datasets``: the scanner that it reads with fetches a whole
row group ahead, and one of videos may have hundreds of MB. Here it is a page at a time. A page holds one
video in files that ``datasets`` 5 wrote, and a whole row group in some others; that page is then in memory
twice, packed and unpacked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.addresses import first_line, scheme_of, shown
from ytcurate.sources.columns import Kind, kind_of_arrow
from ytcurate.sources.tables import Row

_BUFFER_BYTES = 8 * 2**20
_SMALL_ROWS = 1000
"""Rows read at once where none is a video."""
_LARGE_VALUES = ("video", "bytes", "media")


class ParquetTable:
    """Files of the same columns, one after the other.

    Args:
        files: paths, or addresses that fsspec reads.
        columns: what each column holds, where that is known better than from the first file.
        count: rows in all, where that is known. None: files of this machine are asked.
    """

    def __init__(
        self, files: Sequence[str], *, columns: Mapping[str, Kind] | None = None, count: int | None = None
    ) -> None:
        self._files = list(files)
        self._columns = columns
        self._count = count

    @cached_property
    def columns(self) -> Mapping[str, Kind]:
        """What each column holds."""
        if self._columns is not None:
            return self._columns
        with _opened(self._files[0], UsageError) as file:
            return kinds_of_schema(file.schema_arrow)

    @cached_property
    def count(self) -> int | None:
        """Rows of all files; None if they are elsewhere, where asking each takes long."""
        if self._count is not None or any(scheme_of(file) for file in self._files):
            return self._count
        return sum(self._rows_of(file) for file in self._files)

    def rows(self, columns: Sequence[str], start: int, stop: int | None) -> Iterator[tuple[str, Row]]:
        """Give rows of a range; files and row groups in front of it are not read."""
        tops = (each if each in self.columns else each.partition(".")[0] for each in columns)
        is_large = any(self.columns[top].holds in _LARGE_VALUES for top in tops)
        at_once = 1 if is_large else _SMALL_ROWS
        first = 0
        for name in self._files:
            if stop is not None and first >= stop:
                return
            with _opened(name, UnreadableVideo) as file:
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if first + rows > start and (stop is None or first < stop):
                        batches = file.iter_batches(
                            batch_size=at_once, row_groups=[group], columns=list(columns), use_threads=False
                        )
                        until = rows if stop is None else min(rows, stop - first)
                        for row in _between(batches, max(0, start - first), until):
                            yield name, row
                    first += rows

    def _rows_of(self, name: str) -> int:
        with _opened(name, UsageError) as file:
            return int(file.metadata.num_rows)


def _between(batches: Iterator[Any], start: int, stop: int) -> Iterator[Row]:
    at = 0
    for batch in batches:
        wanted = batch.slice(max(0, start - at), max(0, stop - max(at, start)))
        at += batch.num_rows
        yield from wanted.to_pylist()
        if at >= stop:
            return


def kinds_of_schema(schema: Any) -> dict[str, Kind]:
    """Say what the columns of an Arrow schema hold, with what ``datasets`` wrote down about them."""
    kinds = {part.name: kind_of_arrow(part.type) for part in schema}
    try:
        noted = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return kinds
    for name, feature in noted.items():
        sort = feature.get("_type") if isinstance(feature, dict) else None
        if name in kinds and sort in ("Video", "Image", "Audio", "Pdf", "Nifti", "Mesh"):
            holds = "video" if sort == "Video" else "media"
            kinds[name] = Kind("any", holds, sort, kinds[name].fields)
        elif name in kinds and sort == "ClassLabel":
            kinds[name] = Kind("utf8", words=sort, labels=tuple(feature.get("names") or ()))
    return kinds


@contextmanager
def _opened(name: str, raised: Callable[[str], Exception]) -> Iterator[Any]:
    """Open a file; what goes wrong with it is raised in one sentence."""
    import pyarrow.parquet as pq

    from ytcurate.sources.download_fsspec import open_filesystem, reading_errors

    try:
        if scheme_of(name) is None:
            with pq.ParquetFile(name, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
                yield file
        else:
            filesystem, path = open_filesystem(name)
            with (
                # Without a cache: what is read ahead here would be held twice, and a page may be large.
                filesystem.open(path, "rb", cache_type="none") as remote,
                pq.ParquetFile(remote, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
            ):
                yield file
    except reading_errors() as error:
        raise raised(f"{shown(name)}: this Parquet file cannot be read: {first_line(error)}") from error
