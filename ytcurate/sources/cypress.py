"""Whole videos in the rows of a table of the cluster."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.addresses import clean_text
from ytcurate.sources.base import Source
from ytcurate.sources.columns import Kind
from ytcurate.sources.options import SourceOptions
from ytcurate.sources.places import LocalPlace
from ytcurate.sources.tables import HeldVideos, Row, source_of_table

_VIDEO_COLUMNS = ("video", "mp4", "bytes")
"""Columns of bytes that hold videos by custom, where none is tagged."""
_NAME_COLUMNS = ("source", "file_name", "name", "path")
_TYPES = {"boolean": "boolean", "bool": "boolean", "double": "double", "float": "double", "utf8": "utf8"}


def open_cypress(name: str, options: SourceOptions, client: Any) -> Source:
    """Open ``//path/of/table[#column]``.

    The videos are in the column named, else in the one tagged as video, else in one called video, mp4 or
    bytes. A video is called what ``source``, ``file_name``, ``name`` or ``path`` says (the first of them
    that is there) if that is so for no other row; else the table and its row number stand there, too.

    Raises:
        UsageError: there is no such table or column, or it cannot be read.
    """
    import yt.wrapper as yt

    if client is None:
        raise UsageError(f"{name}: to read a table of the cluster, a client of it is needed.")
    path, _, column = name.partition("#")
    try:
        if not client.exists(path):
            raise UsageError(f"{path}: there is no such table on this cluster.")
        node = client.get(path, attributes=["type", "schema", "row_count", "dynamic"])
        attributes = node.attributes
        if attributes.get("type") != "table" or attributes.get("dynamic"):
            raise UsageError(f"{path}: a static table is needed, this is a {attributes.get('type')}.")
        table = CypressTable(path, attributes, client)
        called = _called(table, path)
    except yt.YtError as error:
        raise UsageError(f"{path}: the table cannot be read: {_reason(error)}.") from error
    if not column and not any(kind.holds == "video" for kind in table.columns.values()):
        usual = (
            key for key in _VIDEO_COLUMNS if key in table.columns and table.columns[key].holds == "bytes"
        )
        column = next(usual, "")
    place = LocalPlace(None, options.download)
    return source_of_table(name, table, place, options, column=column or None, row_name=called)


@dataclass(frozen=True, kw_only=True)
class CypressVideos:
    """Where the videos of a source lie that is a table of the cluster."""

    path: str
    video_column: str
    name_column: str | None
    """That says what each video is called, by custom."""
    title_column: str | None
    """``a.b`` is the field b of a nested column a."""
    columns: tuple[str, ...]
    """That go along with the videos, in order; written like the title's."""
    rows: range
    """That are taken."""
    row_count: int
    """Of the whole table."""


def videos_in_cypress(source: Source) -> CypressVideos | None:
    """Say where a source's videos lie if it is a table of the cluster; None: they are elsewhere."""
    if not isinstance(source, HeldVideos) or not isinstance(source.table, CypressTable):
        return None
    table, options = source.table, source.options
    return CypressVideos(
        path=table.path,
        video_column=source.video_column,
        name_column=table.name_column,
        title_column=".".join(source.title.path) if source.title else None,
        columns=tuple(".".join(each.path) for each in source.carried),
        rows=range(options.start, table.count if options.stop is None else min(options.stop, table.count)),
        row_count=table.count,
    )


class CypressTable:
    """Rows of a static table, streamed."""

    def __init__(self, path: str, attributes: Mapping[str, Any], client: Any) -> None:
        import yt.wrapper as yt
        from yt.wrapper.config import get_config

        self.path = path
        # One of its own: rows are read while the caller's client writes, in another thread.
        self._client = yt.YtClient(config=copy.deepcopy(dict(get_config(client))))
        self.columns: Mapping[str, Kind] = {
            str(column["name"]): _kind(column) for column in attributes.get("schema") or ()
        }
        self.count = int(attributes["row_count"])

    @property
    def name_column(self) -> str | None:
        """The column that says what each video is called, by custom."""
        return next((key for key in _NAME_COLUMNS if _is_name(self.columns.get(key))), None)

    def rows(self, columns: Sequence[str], start: int, stop: int | None) -> Iterator[tuple[str, Row]]:
        """Give rows of a range; one is in memory at a time."""
        import yt.wrapper as yt

        tops = dict.fromkeys(each if each in self.columns else each.partition(".")[0] for each in columns)
        part = yt.TablePath(
            self.path,
            columns=list(tops),
            start_index=start,
            end_index=self.count if stop is None else min(stop, self.count),
            client=self._client,
        )
        number = start
        try:
            # As bytes: a video that happens to be UTF-8 would else come as text.
            for row in self._client.read_table(part, format=yt.YsonFormat(encoding=None)):
                yield "", {key.decode(): self._value(key.decode(), value) for key, value in row.items()}
                number += 1
        except (yt.YtError, OSError) as error:
            raise UnreadableVideo(
                f"{self.path}: reading breaks off at row {number}: {_reason(error)}"
            ) from error

    def _value(self, column: str, value: Any) -> Any:
        if value is None or self.columns[column].holds in ("bytes", "video"):
            return value
        return _as_text(value)


def _kind(column: Mapping[str, Any]) -> Kind:
    """Say what a column of a schema holds, tags included."""
    item, tag = column.get("type_v3") or str(column.get("type")), None
    while isinstance(item, Mapping) and "item" in item and item["type_name"] in ("optional", "tagged"):
        tag = item.get("tag") or tag
        item = item["item"]
    plain = item if isinstance(item, str) else "any"
    words = item if isinstance(item, str) else str(item["type_name"])
    if plain == "string":
        is_video = tag is not None and tag.partition("/")[0] == "video"
        return Kind("string", "video" if is_video else "bytes", words)
    if plain == "utf8":
        return Kind("utf8", "value", words)
    if plain.startswith(("int", "uint")):
        return Kind("uint64" if plain.startswith("u") else "int64", words=words)
    return Kind(_TYPES.get(plain, "any"), words=words)


def _called(table: CypressTable, path: str) -> Any:
    """Find out what each row is called; names are read without the videos."""
    column = table.name_column
    if column is None:
        return lambda number: f"{path} row {number}"
    names = [_name(row.get(column)) for _, row in table.rows([column], 0, None)]
    times = Counter(names)

    def called(number: int) -> str:
        name = names[number] if number < len(names) else ""
        if name and times[name] == 1:
            return name
        return f"{path} row {number}" + (f" ({name})" if name else "")

    return called


def _is_name(kind: Kind | None) -> bool:
    return kind is not None and kind.type in ("utf8", "string") and kind.holds != "video"


def _name(value: Any) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
    return clean_text(text)


def _as_text(value: Any) -> Any:
    """Turn the bytes of a value, with all that is nested in it, into text where they are UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    if isinstance(value, Mapping):
        return {_as_text(key): _as_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(each) for each in value]
    return value


def _reason(error: Exception) -> str:
    lines = str(getattr(error, "message", "") or error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
