"""A table of whole videos as the input of map operations: its columns, its names, and which rows are left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ytcurate.mappers.cut import CutMapper
from ytcurate.sources.base import Source
from ytcurate.sources.cypress import videos_in_cypress
from ytcurate.tables.ledger import Taken, name_key
from ytcurate.uploading.plan import UploadPlan

FileOfRow = tuple[str, int]
"""Cypress path and bytes."""


@dataclass(frozen=True, kw_only=True)
class VideoTable:
    """A table of the cluster with a whole video in each row."""

    path: str
    video_column: str
    name_column: str | None
    title_column: str | None
    columns: tuple[str, ...]
    """That its videos carry; ``a.b`` is a field of a nested column."""
    start: int
    """The first row to take."""
    stop: int
    """The first row that is no longer taken."""
    row_words: str
    """In front of a row's number where that is part of a name."""
    shared_names: frozenset[str] = frozenset()
    """What more than one row is called."""
    is_staged: bool = False
    """Whether an upload wrote it: rows may hold a reason or the path of a file in the place of a video."""

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Columns that jobs read."""
        along = [self.name_column, self.title_column, *(name.partition(".")[0] for name in self.columns)]
        staged = ["video_path", "outcome", "detail", "sha256", "source_bytes"] if self.is_staged else []
        return tuple(dict.fromkeys(name for name in [self.video_column, *along, *staged] if name))

    def mapper(self, plan: UploadPlan, **settings: Any) -> CutMapper:
        """The mapper that cuts this table's videos; ``settings`` are its own."""
        return CutMapper(
            plan.segmenting,
            preview=plan.preview,
            video_column=self.video_column,
            name_column=self.name_column,
            title_column=self.title_column,
            columns=self.columns,
            row_words=self.row_words,
            shared_names=self.shared_names,
            limits=plan.options.limits,
            scoring=plan.scoring,
            **settings,
        )

    def names(self, client: Any) -> Iterator[tuple[int, str]]:
        """Give each row's number and what its video is called; videos are not read."""
        if self.name_column is None:
            yield from ((row, f"{self.row_words}{row}") for row in range(self.start, self.stop))
            return
        for row, name in enumerate(_column(client, self.path, self.name_column, self.start, self.stop)):
            at = self.start + row
            if name and name not in self.shared_names:
                yield at, name
            else:
                yield at, f"{self.row_words}{at}" + (f" ({name})" if name else "")

    def rows_left(self, client: Any, taken: Taken, *, last_only: bool = False) -> list[range]:
        """Find the rows whose videos were not taken yet.

        With ``last_only`` only the last row of each name: the earlier ones are of tries that ended badly.
        """
        if not len(taken.names) and not last_only:
            return [range(self.start, self.stop)] if self.stop > self.start else []
        left = ((row, name) for row, name in self.names(client) if name_key(name) not in taken.names)
        if last_only:
            return ranges_of(sorted({name: row for row, name in left}.values()))
        return ranges_of(row for row, _ in left)

    def files(self, client: Any, *, start: int = 0) -> dict[int, FileOfRow]:
        """Find the rows from ``start`` on whose videos are files in Cypress."""
        import yt.wrapper as yt

        if not self.is_staged:
            return {}
        path = yt.TablePath(
            self.path, columns=["video_path", "source_bytes"], start_index=start, client=client
        )
        return {
            at: (str(row["video_path"]), int(row["source_bytes"] or 0))
            for at, row in enumerate(client.read_table(path), start)
            if row["video_path"]
        }


def table_of_source(client: Any, source: Source) -> VideoTable | None:
    """Say where a source's videos lie if they are in a table of the cluster; None: they are elsewhere."""
    found = videos_in_cypress(source)
    if found is None:
        return None
    shared: frozenset[str] = frozenset()
    if found.name_column is not None:
        times = Counter(_column(client, found.path, found.name_column, 0, found.row_count))
        shared = frozenset(name for name, count in times.items() if count > 1)
    return VideoTable(
        path=found.path,
        video_column=found.video_column,
        name_column=found.name_column,
        title_column=found.title_column,
        columns=found.columns,
        start=found.rows.start,
        stop=found.rows.stop,
        row_words=f"{found.path} row ",
        shared_names=shared,
    )


def ranges_of(rows: Iterable[int]) -> list[range]:
    """Put ascending numbers together into ranges."""
    found: list[range] = []
    for row in rows:
        if found and found[-1].stop == row:
            found[-1] = range(found[-1].start, row + 1)
        else:
            found.append(range(row, row + 1))
    return found


def _column(client: Any, path: str, column: str, start: int, stop: int) -> Iterator[str]:
    import yt.wrapper as yt

    part = yt.TablePath(path, columns=[column], start_index=start, end_index=stop, client=client)
    for row in client.read_table(part, format=yt.YsonFormat(encoding=None)):
        value = row.get(column.encode())
        yield value.decode("utf-8", "backslashreplace") if value is not None else ""
