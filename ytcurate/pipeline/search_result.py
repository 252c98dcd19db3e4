"""What a search found, for a terminal and for a notebook."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

_HEADINGS = {
    "rank": "",
    "score": "score",
    "ds_index": "source",
    "segment_index": "clip",
    "source": "name",
    "start_s": "start",
    "length": "length",
    "description": "description",
}
"""Columns that are shown, in order, if the table has them."""
_TEXT_LIMIT = 60
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


@dataclass(frozen=True)
class SearchResult:
    """The clips that are nearest to a query, the nearest first."""

    table: str
    query: str
    """What was searched, in words."""
    rows: Sequence[Mapping[str, Any]]
    """``rank`` (from 1), ``score`` (the cosine), ``ds_index``, ``segment_index``, ``clip_id``, and of
    ``source``, ``start_s``, ``length`` and ``description`` what the table has."""
    pictures: Sequence[bytes | None]
    """One for each row, if the table has any: JPEG, usually."""
    searched: int
    """Clips with a vector in the table."""

    @property
    def title(self) -> str:
        """What was searched where."""
        return f"{self.table}: {self.query} ({len(self.rows)} of {self.searched} clips)"

    def __str__(self) -> str:
        """A table of text."""
        names = [name for name in _HEADINGS if any(name in row for row in self.rows)]
        lines = [[_HEADINGS[name] for name in names]]
        lines += [[_cell(name, row.get(name)) for name in names] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        shown = [
            "  ".join(
                text.ljust(width) if name in ("source", "description") else text.rjust(width)
                for name, text, width in zip(names, line, widths, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.title, *shown]) if self.rows else self.title

    def _repr_html_(self) -> str:
        """A table with pictures, for a notebook."""
        names = [name for name in _HEADINGS if any(name in row for row in self.rows)]
        with_pictures = any(self.pictures)
        head = "".join(f"<th>{_HEADINGS[name]}</th>" for name in names)
        body = []
        for row, picture in zip(self.rows, self.pictures, strict=True):
            cells = "".join(f"<td>{escape(_cell(name, row.get(name), None))}</td>" for name in names)
            body.append(f"<tr>{_picture_cell(picture) if with_pictures else ''}{cells}</tr>")
        head = f"<tr>{'<th></th>' if with_pictures else ''}{head}</tr>"
        return (
            f"<p>{escape(self.title)}</p><table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
        )


def _cell(name: str, value: Any, limit: int | None = _TEXT_LIMIT) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if name == "score" else f"{value:.2f}"
    text = " ".join(str(value).split())
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def _picture_cell(picture: bytes | None) -> str:
    kind = next((kind for sign, kind in _KINDS.items() if picture and picture.startswith(sign)), None)
    if picture is None or kind is None:
        return "<td></td>"
    data = base64.b64encode(picture).decode()
    return f"<td><img src='data:{kind};base64,{data}' height='90'></td>"
