"""Tables in Cypress: create, check, read; stream_rows.py writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ytcurate.config import MIB
from ytcurate.errors import SchemaMismatch, TableExists, TableMissing, UsageError
from ytcurate.tables.rows import Column
from ytcurate.tables.schema import schema_difference, table_schema

_ROW_WEIGHT_STEPS = tuple(MIB << power for power in range(4, 11))
"""16 MiB (the default) to 1 GiB."""

Row = dict[str, Any]


def check_path(path: str) -> None:
    """Raise UsageError unless ``path`` can name a table."""
    if not path.startswith("//") or path.endswith("/") or path == "//":
        raise UsageError(
            f"{path!r} is not the path of a table. A path begins with //, for example //tmp/clips."
        )


def create_table(client: Any, path: str, columns: Sequence[Column], *, replace: bool = False) -> None:
    """Make an empty table, with the directories above it.

    Videos do not compress, so nothing is compressed. Columns are stored apart (``optimize_for=scan``), so
    that reading descriptions does not read videos.
    """
    attributes = {"schema": table_schema(columns), "optimize_for": "scan", "compression_codec": "none"}
    client.create("table", path, recursive=True, force=replace, attributes=attributes)


def prepare_output(
    client: Any,
    path: str,
    columns: Sequence[Column],
    *,
    overwrite: bool,
    append: bool,
    resume: bool = False,
) -> None:
    """Check that a step may write to ``path``; nothing is changed.

    With ``resume`` rows may be there: whether they are the step's own is its affair.

    Raises:
        UsageError: it is no path of a table, or both ``overwrite`` and ``append`` are asked.
        TableExists: rows are there and neither was asked.
        SchemaMismatch: a table with other columns is there.
    """
    check_path(path)
    if overwrite and append:
        raise UsageError("--overwrite and --append exclude each other.")
    if not client.exists(path):
        return
    kind = client.get(f"{path}/@type")
    if kind != "table":
        raise SchemaMismatch(f"{path} is a {kind}, not a table. Choose another path.")
    difference = schema_difference(columns, client.get(f"{path}/@schema"))
    if difference:
        raise SchemaMismatch(
            f"{path}: {difference}. Choose another table, or remove this one (yt remove {path})."
        )
    rows = client.get(f"{path}/@row_count")
    if rows and not overwrite and not append and not resume:
        raise TableExists(
            f"{path} holds {rows} rows already. Use --overwrite to replace them or --append to add."
        )


def require_table(client: Any, path: str, columns: Iterable[str]) -> None:
    """Check that ``path`` is a table with (at least) these columns.

    Raises:
        TableMissing: nothing is there.
        SchemaMismatch: it is not a table, or a column is missing.
    """
    check_path(path)
    if not client.exists(path):
        raise TableMissing(f"{path}: no such table on this cluster.")
    kind = client.get(f"{path}/@type")
    if kind != "table":
        raise SchemaMismatch(f"{path} is a {kind}, not a table.")
    schema = client.get(f"{path}/@schema")
    there = [str(column["name"]) for column in schema]
    missing = [name for name in columns if name not in there]
    if missing and schema.attributes.get("strict", True):
        raise SchemaMismatch(f'{path} has no column "{missing[0]}"; it has {", ".join(there) or "none"}.')


def row_weight(row: Row) -> int:
    """Weight of a row as the cluster counts it, bytes: a little high rather than low."""
    return 1 + sum(_value_weight(value) for value in row.values())


def _value_weight(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    return 4 * len(value) if isinstance(value, str) else 8


def writer_row_weight(heaviest: int) -> int:
    """Choose ``max_row_weight`` for rows of up to this weight: rows must be strictly lighter than it."""
    return next((step for step in _ROW_WEIGHT_STEPS if heaviest < step), heaviest + 1)


def read_rows(client: Any, path: str, columns: Sequence[str]) -> list[Row]:
    """Read some columns of a table; videos should not be among them."""
    import yt.wrapper as yt

    return list(client.read_table(yt.TablePath(path, columns=list(columns), client=client)))
