"""Columns of a source's table: what they hold, which are carried, and their values as plain Python."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.addresses import clean_text
from ytcurate.sources.options import ALL_COLUMNS, SourceOptions

_TITLE = "title"
_USUAL = ("file_name", "url", "video_url", "video", "path", "file", "address")
"""Columns of text that hold file names or addresses by custom."""
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)


@dataclass(frozen=True)
class Kind:
    """What a column of a source holds."""

    type: str
    """The YT type that carries it: see ``Source``."""
    holds: str = "value"
    """``video``; ``bytes`` or ``text``, which may be videos and their names; other ``media``; ``value``."""
    words: str = ""
    """The type in the words of who stores it, for messages."""
    fields: Mapping[str, Kind] = field(default_factory=dict)
    """Of a nested column."""
    labels: Sequence[str] = ()
    """What its whole numbers stand for, from 0."""


@dataclass(frozen=True)
class Carried:
    """A column that goes along with the videos."""

    name: str
    """In the table that is written."""
    path: tuple[str, ...]
    """From the column of the source down to the field."""
    kind: Kind

    @property
    def column(self) -> str:
        """The column of the source."""
        return self.path[0]

    def value(self, row: Mapping[str, Any]) -> Any:
        """Dig the value out of a row; None where it has none.

        Raises:
            UnreadableVideo: it is nested so deeply that it was made to break something.
        """
        value: Any = row
        for part in self.path:
            value = value.get(part) if isinstance(value, Mapping) else None
        labels = self.kind.labels
        if labels:
            value = labels[value] if isinstance(value, int) and value in range(len(labels)) else None
        try:
            return typed(value, self.kind.type)
        except RecursionError as error:
            raise UnreadableVideo(
                f'a value of column "{".".join(self.path)}" is nested too deeply'
            ) from error


def pick_video_column(name: str, columns: Mapping[str, Kind], asked: str | None) -> str:
    """Pick the column that holds the videos: the one asked for, else the only one that is of that type.

    A column of text is taken unasked only by a name that says so, such as ``file_name`` or ``url``.

    Raises:
        UsageError: there is none, or more than one, or its type is another.
    """
    listed = ", ".join(columns) or "unknown"
    if asked is not None:
        if asked not in columns:
            raise UsageError(f'{name}: there is no column "{asked}"; there are {listed}.')
        kind = columns[asked]
        if kind.holds not in ("video", "bytes", "text"):
            raise UsageError(
                f'{name}: column "{asked}" does not hold videos: it is {kind.words or kind.type}; bytes of '
                "videos, file names or addresses are needed."
            )
        return asked
    videos = [key for key, kind in columns.items() if kind.holds == "video"]
    usual = [key for key in _USUAL if key in columns and columns[key].holds == "text"]
    found = videos or usual
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} video columns ({', '.join(found)})" if found else "no video column"
    raise UsageError(
        f"{name}: this data set has {what}; its columns are {listed}. "
        "Name the column that holds the videos: SOURCE#column."
    )


def pick_carried(
    name: str, columns: Mapping[str, Kind], options: SourceOptions, *, video: str | None
) -> tuple[list[Carried], Carried | None]:
    """Find the columns to carry, and the title.

    Args:
        name: of the source, for messages.
        columns: of the source.
        options: which are asked for.
        video: the column that holds the videos; is not carried by ``*``.

    Raises:
        UsageError: one is not there, holds media, or two would have the same name.
    """
    title = None
    if options.title_column is not None:
        title = _carried(name, columns, options.title_column, "title column")
    elif _TITLE in columns and columns[_TITLE].type == "utf8":
        title = Carried(_TITLE, (_TITLE,), columns[_TITLE])
    chosen: dict[str, Carried] = {}
    for asked in _spell_out(options.columns, columns, video, title):
        found = _carried(name, columns, asked, "column")
        if found.name in chosen:
            other = ".".join(chosen[found.name].path)
            raise UsageError(f'{name}: columns {other} and {asked} would both be called "{found.name}".')
        chosen[found.name] = found
    return list(chosen.values()), title


def _spell_out(
    asked: Sequence[str], columns: Mapping[str, Kind], video: str | None, title: Carried | None
) -> Iterable[str]:
    for name in asked:
        if name != ALL_COLUMNS:
            yield name
            continue
        left_out = {video, title.column if title is not None and len(title.path) == 1 else None}
        yield from (
            key
            for key, kind in columns.items()
            if key not in left_out and key not in asked and kind.holds in ("text", "value")
        )


def _carried(name: str, columns: Mapping[str, Kind], asked: str, what: str) -> Carried:
    path = (asked,) if asked in columns else tuple(asked.split("."))
    fields: Mapping[str, Kind] = columns
    for depth, part in enumerate(path):
        if part not in fields:
            place = f' in "{".".join(path[:depth])}"' if depth else ""
            raise UsageError(
                f'{name}: there is no {what} "{asked}"; there are {", ".join(fields) or "none"}{place}.'
            )
        kind = fields[part]
        fields = kind.fields
    if kind.holds in ("video", "media"):
        raise UsageError(f'{name}: {what} "{asked}" is {kind.words}, which cannot be carried along.')
    return Carried(path[-1], path, kind)


def kind_of_values(values: Iterable[Any]) -> Kind:
    """Find the narrowest type that takes all these values, which JSON left without one."""
    given = [value for value in values if value is not None]
    if not given:
        return Kind("utf8", "text", "empty")
    types = {type(value) for value in given}
    if types == {bool}:
        return Kind("boolean", words="true or false")
    if types == {int} and all(value in _INT64 for value in given):
        return Kind("int64", words="whole numbers")
    if types <= {int, float}:
        return Kind("double", words="numbers")
    if types == {str}:
        return Kind("utf8", "text", "text")
    if types == {dict}:
        names = dict.fromkeys(key for value in given for key in value)
        return Kind(
            "any",
            words="objects",
            fields={key: kind_of_values(value.get(key) for value in given) for key in names},
        )
    return Kind("any", words="values of several types" if len(types) > 1 else "lists")


def kind_of_arrow(arrow_type: Any) -> Kind:
    """Say what a column of an Arrow type holds."""
    import pyarrow.types as types

    words = str(arrow_type)
    if types.is_boolean(arrow_type):
        return Kind("boolean", words=words)
    if types.is_unsigned_integer(arrow_type):
        return Kind("uint64", words=words)
    if types.is_integer(arrow_type):
        return Kind("int64", words=words)
    if types.is_floating(arrow_type):
        return Kind("double", words=words)
    if types.is_string(arrow_type) or types.is_large_string(arrow_type):
        return Kind("utf8", "text", words)
    if types.is_binary(arrow_type) or types.is_large_binary(arrow_type):
        return Kind("string", "bytes", words)
    if types.is_dictionary(arrow_type):
        return kind_of_arrow(arrow_type.value_type)
    if types.is_struct(arrow_type):
        fields = {part.name: kind_of_arrow(part.type) for part in arrow_type}
        is_media = set(fields) == {"bytes", "path"} and fields["bytes"].holds == "bytes"
        # Who stored it did not say what it is. What it is named for says that it is a video.
        return Kind("any", "bytes" if is_media else "value", words, fields)
    if types.is_temporal(arrow_type) or types.is_decimal(arrow_type):
        return Kind("utf8", words=words)
    return Kind("any", words=words)


def typed(value: Any, yt_type: str) -> Any:
    """Turn a value into plain Python that a column of this YT type takes; None stays None."""
    value = plain(value)
    if value is None:
        return None
    match yt_type:
        case "utf8":
            if isinstance(value, bytes):
                return value.decode("utf-8", "backslashreplace")
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case "double":
            return float(value)
        case "string":
            return value.encode() if isinstance(value, str) else value
    return value


def plain(value: Any) -> Any:
    """Turn a value, with all that is nested in it, into None, bool, int, float, str, bytes, list and dict."""
    match value:
        case None | bool() | float() | bytes():
            return value
        case int():
            return value if value in _INT64 or value in _UINT64 else str(value)
        case str():
            return clean_text(value)
        case bytearray() | memoryview():
            return bytes(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            return {clean_text(str(key)): plain(each) for key, each in value.items()}
        case list() | tuple() | set():
            return [plain(each) for each in value]
    if hasattr(value, "tolist"):  # a scalar or an array of NumPy
        return plain(value.tolist())
    return clean_text(str(value))
