"""Show: look at a table in a terminal or a notebook, without its videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ytcurate.connection import client_for
from ytcurate.tables import store

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]

_SORTED_UP_TO_ROWS = 10_000
"""Tables up to this size are read whole and sorted; of larger ones the first rows are shown as they lie."""
_ORDER = ("ds_index", "segment_index")
_TEXT_LIMIT = 400
_VIEWS = (
    # curated tables
    (*_ORDER, "start_s", "length", "kept", "reason", "category", "is_safe", "description"),
    (*_ORDER, "start_s", "length", "kept", "reason"),
    # description tables
    (*_ORDER, "outcome", "description", "detail", "output_tokens"),
    # clip tables
    (*_ORDER, "start_s", "length", "width", "height", "codec", "bytes", "outcome", "detail"),
)
"""Columns worth showing, by kind of table; of other tables all are shown that are not videos."""
_ONLY_IF_SAID = ("detail", "reason", "category", "is_safe")
"""Columns that are left out where no row has anything there."""
_DESCRIBED = frozenset({*_ORDER, "outcome", "output_tokens"})
"""What a table of answers has, whatever was asked."""
_BOOKKEEPING = ("clip_id", "model", "reply", "finish_reason", "prompt_id", "prompt_tokens", "file_type")
"""Ends of the names of columns that are there for programs; fields and texts are for people."""
_HEADINGS = {
    "ds_index": "source",
    "segment_index": "clip",
    "start_s": "start",
    "output_tokens": "tokens",
}


@dataclass(frozen=True)
class TableView:
    """Some rows of a table, ready to look at."""

    path: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    row_count: int
    """Rows of the whole table."""

    @property
    def title(self) -> str:
        """The path and how many rows there are."""
        shown = "" if len(self.rows) == self.row_count else f", {len(self.rows)} shown"
        return f"{self.path}: {self.row_count} rows{shown}"

    def __rich__(self) -> Table:
        """Draw the table for a terminal."""
        from rich import box
        from rich.table import Table

        table = Table(title=self.title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for name in self.columns:
            numbers = all(isinstance(row.get(name), int | float | None) for row in self.rows)
            table.add_column(
                _HEADINGS.get(name, name), overflow="fold", justify="right" if numbers else "left"
            )
        for row in self.rows:
            table.add_row(*(_cell(row.get(name)) for name in self.columns))
        return table

    def _repr_html_(self) -> str:
        """Draw the table for a notebook."""
        head = "".join(_html_cell("th", name, _HEADINGS.get(name, name)) for name in self.columns)
        rows = (
            "".join(_html_cell("td", row.get(name), _cell(row.get(name))) for name in self.columns)
            for row in self.rows
        )
        body = "".join(f"<tr>{cells}</tr>" for cells in rows)
        title = f"<p>{escape(self.title)}</p>"
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show(table: str, *, limit: int = 20, proxy: str | None = None, client: Any = None) -> TableView:
    """Read the first rows of a table, in the order of source and time; videos are not read.

    Args:
        table: path of any table.
        limit: rows at most.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.

    Raises:
        TableMissing, SchemaMismatch: there is no table of that name.
    """
    import yt.wrapper as yt

    client = client_for(client, proxy)
    store.require_table(client, table, ())
    columns = _columns_worth_showing(client.get(f"{table}/@schema"))
    row_count = int(client.get(f"{table}/@row_count"))
    ordered = set(_ORDER) <= set(columns) and row_count <= _SORTED_UP_TO_ROWS
    path = yt.TablePath(
        table, columns=list(columns) or None, end_index=None if ordered else limit, client=client
    )
    rows = list(client.read_table(path))
    if ordered:
        rows.sort(key=lambda row: tuple(row[name] for name in _ORDER))
    rows = rows[:limit]
    if not columns:  # a table without a schema: what its rows have
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
    empty = {name for name in _ONLY_IF_SAID if all(row.get(name) in (None, "") for row in rows)}
    columns = tuple(name for name in columns if name not in empty)
    return TableView(table, columns, rows, row_count)


def _columns_worth_showing(schema: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    there = {str(column["name"]): column for column in schema}
    for view in _VIEWS:
        if set(view) <= set(there):
            return view
    if set(there) >= _DESCRIBED:
        there = {name: column for name, column in there.items() if not name.endswith(_BOOKKEEPING)}
    return tuple(name for name, column in there.items() if "tagged" not in str(column.get("type_v3")))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}..."


def _html_cell(element: str, value: Any, text: str) -> str:
    side = "right" if isinstance(value, int | float) else "left"
    return f"<{element} style='text-align:{side}'>{escape(text)}</{element}>"
