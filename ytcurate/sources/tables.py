"""A table whose rows are, or name, videos → a Source. What sort of table it is, is told by its reader.

Rows keep their numbers in the whole table, whatever range of them is taken: with another range, or when
rows were added at the end, a video has the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.media.probe import VideoLike
from ytcurate.sources.addresses import clean_text, scheme_of, shown
from ytcurate.sources.base import Remote, Source, SourceVideo
from ytcurate.sources.columns import Carried, Kind, pick_carried, pick_video_column
from ytcurate.sources.download import MissingVideo
from ytcurate.sources.options import SourceOptions
from ytcurate.sources.places import Place

Row = Mapping[str, Any]


class Table(Protocol):
    """Rows that can be read again and again, in the same order."""

    @property
    def columns(self) -> Mapping[str, Kind]:
        """What each column holds."""
        ...

    @property
    def count(self) -> int | None:
        """Rows of the whole table; None if that is known only at the end."""
        ...

    def rows(self, columns: Sequence[str], start: int, stop: int | None) -> Iterator[tuple[str, Row]]:
        """Give rows ``start`` to ``stop`` (None: to the end), a few in memory at a time.

        Yields:
            The file that the row is from (empty if there is none), and its values of the columns.

        Raises:
            OSError, VideoError: reading breaks off.
        """
        ...


def source_of_table(
    name: str,
    table: Table,
    place: Place,
    options: SourceOptions,
    *,
    column: str | None = None,
    row_name: Callable[[int], str] | None = None,
) -> Source:
    """Make a source of a table.

    Args:
        name: what the user called it.
        table: with videos, or with names or addresses of them.
        place: what the names are relative to.
        options: which rows and columns to take.
        column: that holds the videos. None: the only one.
        row_name: what the video of a row number is called, if the table says so.

    Raises:
        UsageError: there is no such column, or no row in the range.
    """
    video_column = pick_video_column(name, table.columns, column)
    carried, title = pick_carried(name, table.columns, options, video=video_column)
    if table.count is not None:
        options.require_some(name, table.count)
    holds_names = table.columns[video_column].holds == "text"
    kind = NamedVideos if holds_names else HeldVideos
    return kind(name, table, place, options, video_column, carried, title, row_name)


class _TableSource:
    """What both sorts of tables share."""

    def __init__(
        self,
        name: str,
        table: Table,
        place: Place,
        options: SourceOptions,
        video_column: str,
        carried: Sequence[Carried],
        title: Carried | None,
        row_name: Callable[[int], str] | None,
    ) -> None:
        self.name = name
        self.columns = {each.name: each.kind.type for each in carried}
        self.table = table
        self.options = options
        """Which rows and columns are taken."""
        self.video_column = video_column
        self.carried = carried
        """What goes along with each video, besides its title."""
        self.title = title
        """Where a video's title is; None: it has none."""
        self._place, self._row_name = place, row_name

    @property
    def _wanted(self) -> list[str]:
        """Paths of what goes along with the videos, ``a.b`` for a field of a nested column."""
        along = [*self.carried, *([self.title] if self.title else [])]
        return list(dict.fromkeys(".".join(each.path) for each in along))

    def _source_video(self, name: str, video: VideoLike | Remote, size: int | None, row: Row) -> SourceVideo:
        title = self.title.value(row) if self.title else None
        return SourceVideo(
            name=name,
            video=video,
            title=title if isinstance(title, str) and title else None,
            size=size,
            extra={each.name: each.value(row) for each in self.carried},
        )


class HeldVideos(_TableSource):
    """A column with the videos themselves: bytes, or bytes with a path.

    A row with bytes is called by its number, ``SOURCE row 17 (cat.mp4)``: nothing says that paths stored
    with bytes differ. A row with a path only is the file at that path and called by it; a second row of
    the same file is left out.
    """

    @property
    def count(self) -> int | None:
        """Rows that are taken; None while that is unknown."""
        return None if self.table.count is None else self.options.taken(self.table.count)

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the videos in the order of the table."""
        start, number = self.options.start, -1
        files: set[str] = set()
        wanted = [self.video_column, *self._wanted]
        rows = self.table.rows(wanted, start, self.options.stop)
        for number, (table, row) in enumerate(rows, start=start):
            path, data = _parts(row.get(self.video_column))
            if data is None and path:
                address = self._place.find(path, table)
                if address not in files:
                    files.add(address)
                    yield self._source_video(shown(address), *self._place.video(address), row)
                continue
            if self._row_name is not None:
                name = self._row_name(number)
            else:
                name = f"{self.name} row {number}" + (f" ({clean_text(path)})" if path else "")
            video = MissingVideo("this row has no video") if data is None else data
            yield self._source_video(name, video, None if data is None else len(data), row)
        if number < 0 and self.options.rows is not None:
            raise UsageError(f"{self.name}: there is no row {start}; the range of rows is empty.")


class NamedVideos(_TableSource):
    """A column of text with file names or addresses.

    The same address twice is one video: the second row is left out. Addresses that look the same once
    their secrets are masked have their row number added.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._entries: list[tuple[int, str]] = []
        """Row number and full address of each video, of the whole table."""
        masked: dict[str, int] = {}
        known: set[str] = set()
        for number, (table, row) in enumerate(self.table.rows([self.video_column], 0, None)):
            text = str(row.get(self.video_column) or "").strip()
            address = self._place.find(text, table) if text else ""
            if address and address in known:
                continue
            known.add(address)
            self._entries.append((number, address))
            if scheme_of(address) is not None:
                masked[shown(address)] = masked.get(shown(address), 0) + 1
        self._alike = {name for name, count in masked.items() if count > 1}
        rows = self._entries[-1][0] + 1 if self._entries else 0
        if not rows:
            raise UsageError(f"{self.name}: this list is empty.")
        self.options.require_some(self.name, rows)
        stop = self.options.stop
        self._entries = [
            (number, address)
            for number, address in self._entries
            if number >= self.options.start and (stop is None or number < stop)
        ]

    @property
    def count(self) -> int:
        """Different videos in the rows that are taken."""
        return len(self._entries)

    @property
    def addresses(self) -> list[str]:
        """Full paths and addresses of all that are taken."""
        return [address for _, address in self._entries]

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the videos in the order of the table."""
        along = self._along()
        for number, address in self._entries:
            row = next((row for at, row in along if at == number), None)
            if row is None:
                raise UnreadableVideo(f"{self.name}: row {number} was there before and is not any more.")
            if not address:
                empty = MissingVideo("this row names no video")
                yield self._source_video(f"{self.name} row {number}", empty, None, row)
                continue
            name = shown(address)
            if name in self._alike:
                name = f"{name} (row {number})"
            yield self._source_video(name, *self._place.video(address), row)

    def _along(self) -> Iterator[tuple[int, Row]]:
        """Give each row's number and what goes along with its video, without reading when nothing does."""
        if not self._wanted:
            yield from ((number, {}) for number, _ in self._entries)
            return
        rows = self.table.rows(self._wanted, self.options.start, self.options.stop)
        for number, (_, row) in enumerate(rows, start=self.options.start):
            yield number, row


def _parts(value: Any) -> tuple[str | None, bytes | None]:
    """Take a value of a column of videos apart, into path and bytes."""
    if isinstance(value, Mapping):
        path, data = value.get("path"), value.get("bytes")
        return (str(path) if path else None), (None if data is None else bytes(data))
    if isinstance(value, str):
        return value, None
    return None, (None if value is None else bytes(value))
