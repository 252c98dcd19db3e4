"""Lists of videos: ``.txt``, ``.csv``, ``.tsv``, ``.jsonl`` and ``.json`` files, read whole.

They hold names and addresses, not videos, so that they are small.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ytcurate.errors import UsageError
from ytcurate.sources.addresses import scheme_of, shown, suffix_of
from ytcurate.sources.columns import Kind, kind_of_values
from ytcurate.sources.tables import Row

LIST_SUFFIXES = frozenset(".txt .csv .tsv .jsonl .ndjson .json".split())
_ADDRESS = "address"
"""What the only column of a ``.txt`` list is called."""


class ListTable:
    """Rows of list files of the same sort, one file after the other.

    Args:
        files: paths, or addresses that fsspec reads; what sort they are is told by their endings.

    Raises:
        UsageError: one cannot be read.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._rows = [(file, row) for file in files for row in read_list(file)]

    @cached_property
    def columns(self) -> Mapping[str, Kind]:
        """What each column holds."""
        names = dict.fromkeys(key for _, row in self._rows for key in row)
        return {name: kind_of_values(row.get(name) for _, row in self._rows) for name in names}

    @property
    def count(self) -> int:
        """Rows of all files."""
        return len(self._rows)

    def rows(self, columns: Sequence[str], start: int, stop: int | None) -> Iterator[tuple[str, Row]]:
        """Give rows of a range, with all their columns."""
        yield from self._rows[start:stop]


def read_list(file: str) -> list[Row]:
    """Read a list file: a row for each line of text, line of CSV behind the header, or JSON object.

    In ``.txt`` files, empty lines and those that start with # are left out.

    Raises:
        UsageError: it cannot be read, and at which line.
    """
    name = shown(file)
    try:
        text = _read(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name}: a list is text in UTF-8; byte {error.start} of this file is not."
        ) from error
    except OSError as error:
        raise UsageError(
            f"{name}: this list cannot be read: {error.strerror or type(error).__name__}."
        ) from error
    match suffix_of(file):
        case ".txt":
            lines = (line.strip() for line in text.splitlines())
            return [{_ADDRESS: line} for line in lines if line and not line.startswith("#")]
        case ".csv":
            return _read_csv(name, text, ",")
        case ".tsv":
            return _read_csv(name, text, "\t")
    return _read_json(name, text)


def _read(file: str) -> bytes:
    if scheme_of(file) is None:
        return Path(file).read_bytes()
    from ytcurate.sources.download_fsspec import open_filesystem

    filesystem, path = open_filesystem(file)
    return bytes(filesystem.cat_file(path))


def _read_csv(name: str, text: str, delimiter: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise UsageError(f"{name} line {reader.line_num}: this is no CSV: {error}.") from error
    for number, row in enumerate(rows):
        if "" in row and isinstance(row[""], list):
            columns = len(reader.fieldnames or ())
            raise UsageError(
                f"{name}: row {number} has more values than the {columns} columns of the first line. "
                'A value with a comma in it stands in "quotes".'
            )
    return list(rows)


def _read_json(name: str, text: str) -> list[Row]:
    if text.lstrip().startswith("["):
        found = _parsed(name, text, 1)
    else:
        found = [
            _parsed(name, line, number)
            for number, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    for number, row in enumerate(found):
        if not isinstance(row, dict):
            raise UsageError(
                f"{name}: row {number} is {type(row).__name__}; an object with columns is needed."
            )
    return list(found)


def _parsed(name: str, text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        at = line + getattr(error, "lineno", 1) - 1
        raise UsageError(f"{name} line {at}: this is no JSON: {getattr(error, 'msg', error)}.") from error
