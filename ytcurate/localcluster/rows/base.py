"""What every format of rows shares: the rows to send, the control attributes between them, the encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema

PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Source:
    """A table that rows come from."""

    schema: Schema
    columns: list[str] | None = None
    """Those that were asked for; None for all."""

    @property
    def shown(self) -> list[str]:
        """Columns of the schema that every row shows, if only as null."""
        names = [column.name for column in self.schema.columns]
        return names if self.columns is None else [name for name in names if name in self.columns]


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows of one table, and where they are in it."""

    batch: Any
    """An Arrow record batch."""
    count: int
    table_index: int = 0
    range_index: int = 0
    row_index: int = 0
    new_key: bool = False
    """Does the key of the first differ from the key of the row before? For reducers only."""


@dataclass(frozen=True)
class Control:
    """Control attributes: what the reader is told between rows."""

    enable_table_index: bool = False
    enable_row_index: bool = False
    enable_range_index: bool = False
    enable_key_switch: bool = False
    enable_end_of_stream: bool = False
    enable_tablet_index: bool = False
    """Static tables have no tablets, so nothing is ever told."""


NO_CONTROL = Control()


def parse_control(value: Any, **defaults: bool) -> Control:
    """Read a map of control attributes.

    Raises:
        YtError: one is not known, or needs another one.
    """
    asked = {str(name): _flag(each) for name, each in dict(value or {}).items()}
    known = {each.name for each in fields(Control)}
    for name in asked.keys() - known:
        if asked[name]:
            raise YtError(f'Control attribute "{name}" is not implemented by the local cluster')
    control = Control(**{**defaults, **{name: each for name, each in asked.items() if name in known}})
    if control.enable_range_index and not control.enable_row_index:
        raise YtError('"enable_range_index" requires "enable_row_index"')
    return control


def _flag(value: Any) -> bool:
    return str(value).lower() == "true" if isinstance(value, str) else bool(value)


class Encoder(Protocol):
    """Turns the rows of one stream into bytes; remembers where it is, so a stream needs its own."""

    def encode(self, rows: Rows) -> Iterator[bytes]:
        """The next rows, in pieces of about a mebibyte (one row at least)."""

    def end(self) -> bytes:
        """What follows the last row."""


class Switches:
    """Which control attributes stand before the next rows."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._table = self._range = -1
        self._next_row = -1

    def before(self, rows: Rows) -> Iterator[tuple[str, int | bool]]:
        """Names and values, in the order a real cluster writes them."""
        control = self._control
        if control.enable_key_switch and rows.new_key:
            yield "key_switch", True
        moved = rows.row_index != self._next_row
        if control.enable_table_index and rows.table_index != self._table:
            yield "table_index", rows.table_index
            self._table, moved = rows.table_index, True
        if control.enable_range_index and rows.range_index != self._range:
            yield "range_index", rows.range_index
            self._range, moved = rows.range_index, True
        if control.enable_row_index and moved:
            yield "row_index", rows.row_index
        self._next_row = rows.row_index + rows.count


def in_pieces(parts: Iterator[tuple[list[Any], int]]) -> Iterator[bytes]:
    """Join the parts of rows, each with its size, to pieces of about a mebibyte."""
    held: list[Any] = []
    size = 0
    for row, weight in parts:
        held.extend(row)
        size += weight
        if size >= PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def invalid_format(name: str, reason: YtError | str) -> YtError:
    """The format of a stream cannot be used as it is asked for; in a job that ends the operation."""
    inner = reason if isinstance(reason, YtError) else YtError(reason)
    return YtError(f"Failed to parse config for {name} format", errors.INVALID_FORMAT, inner=[inner])


def require_only(format: Format, only: dict[str, Any]) -> None:
    """Refuse attributes of a format that change the result and are not implemented.

    Args:
        only: name of an attribute to the one value that may be given.

    Raises:
        YtError: with the name.
    """
    for name, value in format.attributes.items():
        if str(name) in only and not _same(value, only[str(name)]):
            raise YtError(
                f'Attribute "{name}" of format "{format.name}" with the value {str(value)[:100]!r} '
                "is not implemented by the local cluster"
            )


def _same(value: Any, allowed: Any) -> bool:
    return _flag(value) == allowed if isinstance(allowed, bool) else bool(value == allowed)


def flag(format: Format, name: str, default: bool) -> bool:
    value = format.attributes.get(name)
    return default if value is None else _flag(value)


def character(format: Format, name: str, default: bytes) -> bytes:
    """An attribute that is one character.

    Raises:
        YtError: it is something else.
    """
    value = format.attributes.get(name)
    if value is None:
        return default
    text = value if isinstance(value, bytes) else str(value).encode()
    if len(text) != 1:
        raise YtError(f'Attribute "{name}" of format "{format.name}" must be one character, found {value!r}')
    return text
