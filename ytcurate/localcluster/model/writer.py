"""Rows into chunks, with every check a write makes and one batch of rows in memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.chunk_writer import Batch, ChunkWriter
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.columns import arrow_field, pack
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import MAX_COLUMNS, UINT_RANGES, Column, Schema
from ytcurate.localcluster.model.validation import checker
from ytcurate.localcluster.model.values import load_cell, order_key

MIB = 1024 * 1024
BATCH_BYTES = 2 * MIB
BATCH_ROWS = 4096

Row = dict[bytes, Any]


@dataclass(frozen=True)
class WriterLimits:
    max_row_weight: int = 16 * MIB
    max_key_weight: int = 16 * 1024


def parse_limits(config: Any, row_cap: int) -> WriterLimits:
    """Read `table_writer`; a limit outside its bounds refuses the whole request.

    Raises:
        YtError: with the bound in the text.
    """
    config = config or {}
    row, key = WriterLimits.max_row_weight, WriterLimits.max_key_weight
    if config.get("max_row_weight") is not None:
        row = int(config["max_row_weight"])
        if not 5 * MIB <= row <= row_cap:
            raise errors.option_out_of_bounds("table_writer/max_row_weight", row, 5 * MIB, row_cap)
    if config.get("max_key_weight") is not None:
        key = int(config["max_key_weight"])
        if not 0 < key <= 256 * 1024:
            raise errors.option_out_of_bounds("table_writer/max_key_weight", key, 1, 256 * 1024)
    return WriterLimits(row, key)


class RowWriter:
    """Checks rows against a schema and packs them into chunks.

    Rows wait until there is a batch of them. A batch in which nothing is unusual is checked and packed by
    columns; any other row by row, which finds what is wrong and where.

    `close` returns the chunks in row order; until then nothing refers to them. After an error call
    `discard`.
    """

    def __init__(
        self, files: ChunkFiles, schema: Schema, limits: WriterLimits, last_key: list[Any] | None = None
    ) -> None:
        self.schema = schema
        self.limits = limits
        self.row_count = 0
        """Of the rows that were checked."""
        self.data_weight = 0
        self._chunks = ChunkWriter(files)
        self._waiting: list[Row] = []
        self._waiting_bytes = 0
        self._columns: list[Column] = []
        self._index: dict[bytes, int] = {}
        self._check: list[Callable[[Any], tuple[Any, int]]] = []
        for column in schema.columns:
            self._add_column(column)
        self._required = [
            (index, column.name) for index, column in enumerate(schema.columns) if column.required
        ]
        self._keys = range(len(schema.key_columns))
        self._descending = [
            bool(each.sort_order == "descending") for each in schema.columns if each.sort_order
        ]
        self._last = None if last_key is None else self._order(last_key)
        self._last_key = last_key

    def _add_column(self, column: Column) -> int:
        index = len(self._columns)
        if index >= MAX_COLUMNS:
            raise YtError(f"Too many columns: limit {MAX_COLUMNS}", errors.SCHEMA_VIOLATION)
        self._columns.append(column)
        self._index[column.name.encode()] = index
        self._check.append(checker(column))
        return index

    def _new_column(self, name: bytes) -> int:
        """A column the schema does not name: an error in a strict table, else one of type any."""
        text = name.decode("utf-8", "replace")
        if self.schema.strict:
            raise errors.unknown_column(text)
        if not text or text.startswith("@") or len(name) > 256:
            raise YtError(f'Invalid column name "{text}"', errors.SCHEMA_VIOLATION)
        return self._add_column(Column(text, "any", False, {"type_name": "optional", "item": "yson"}))

    # ---- in

    def write(self, rows: Iterable[Row]) -> None:
        """Add rows and check them all; keys and string values are bytes.

        Raises:
            YtError: the first row that breaks a rule; `row_index` among the attributes.
        """
        for row in rows:
            self.write_row(row)
        self.flush()

    def write_row(self, row: Row) -> None:
        """Add a row; it is checked with others, at the latest by `flush`.

        Raises:
            YtError: as `write`, for this row or for one before it.
        """
        size = 0
        for value in row.values():
            kind = type(value)
            if kind is bytes:
                size += len(value)
            elif kind is not int:
                size += _size_of(value)
        self._waiting.append(row)
        self._waiting_bytes += size
        if self._waiting_bytes >= BATCH_BYTES or len(self._waiting) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Check the rows that wait and pack them.

        Raises:
            YtError: as `write`.
        """
        rows, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not rows:
            return
        batch = self._by_columns(rows) or self._row_by_row(rows)
        self._chunks.add(self._columns, batch)
        self.row_count += batch.row_count
        self.data_weight += batch.weight

    def close(self) -> list[Chunk]:
        """
        Raises:
            YtError: as `write`.
        """
        self.flush()
        return self._chunks.finish()

    def discard(self) -> None:
        """Delete everything written."""
        self._waiting = []
        self._chunks.discard()

    # ---- by columns

    def _by_columns(self, rows: list[Row]) -> Batch | None:
        """The batch, or None when a row in it needs a closer look."""
        columns = self._values_by_column(rows)
        if columns is None:
            return None
        packed = []
        for column, values in zip(self._columns, columns, strict=True):
            one = pack(column, values)
            if one is None:
                return None
            packed.append(one)
        # No row is as heavy as the heaviest cells of all columns together.
        if 1 + sum(each.heaviest for each in packed) >= self.limits.max_row_weight:
            return None
        first: list[Any] = []
        if self._keys:
            keys = list(zip(*(columns[index] for index in self._keys), strict=True))
            if not self._are_in_order(keys, [packed[index].heaviest for index in self._keys]):
                return None
            first = self._take_key(keys[0])
            self._take_key(keys[-1])
        weights = [each.weight for each in packed]
        arrays = [each.array for each in packed]
        return Batch(len(rows), len(rows) + sum(weights), arrays, weights, first, self._last_key or [])

    def _values_by_column(self, rows: list[Row]) -> list[Any] | None:
        """The values of each column, one per row; None when a name is not allowed."""
        shapes = set(map(tuple, rows))
        try:
            for name in dict.fromkeys(name for shape in shapes for name in shape):
                if name not in self._index:
                    self._new_column(name)
        except YtError:
            return None
        if len(shapes) > 1:
            return [[row.get(name) for row in rows] for name in self._index]
        there = dict(zip(next(iter(shapes)), zip(*map(dict.values, rows), strict=True), strict=True))
        absent = (None,) * len(rows)
        return [there.get(name, absent) for name in self._index]

    def _are_in_order(self, keys: list[tuple[Any, ...]], heaviest: list[int]) -> bool:
        """Do the keys surely come in order, after those before them, and weigh no more than they may?"""
        if any(self._descending) or sum(heaviest) > self.limits.max_key_weight:
            return False
        # Only of one type and without nulls do Python's own comparisons order them as YT does.
        kinds = [set(map(type, column)) for column in zip(*keys, strict=True)]
        if any(kind not in ({int}, {bytes}, {yson.YsonUint64}) for kind in kinds):
            return False
        before = operator.lt if self.schema.unique_keys else operator.le
        if not all(map(before, keys, keys[1:])):
            return False
        first = self._order(self._key(keys[0]))
        return self._last is None or bool(before(self._last, first))

    def _take_key(self, cells: Iterable[Any]) -> list[Any]:
        self._last_key = self._key(cells)
        self._last = self._order(self._last_key)
        return self._last_key

    def _key(self, cells: Iterable[Any]) -> list[Any]:
        """Cells as they are compared: an unsigned number is never equal to a signed one."""
        unsigned = [self._columns[index].type in UINT_RANGES for index in self._keys]
        return [
            yson.YsonUint64(cell) if made and cell is not None else cell
            for cell, made in zip(cells, unsigned, strict=True)
        ]

    # ---- row by row

    def _row_by_row(self, rows: list[Row]) -> Batch:
        values: list[list[Any]] = [[] for _ in self._columns]
        weights = [0] * len(self._columns)
        first: list[Any] = []
        for number, row in enumerate(rows):
            try:
                cells = self._checked(row)
                while len(values) < len(self._columns):
                    values.append([None] * number)
                    weights.append(0)
                for column in values:
                    column.append(None)
                for index, (cell, weight) in cells.items():
                    values[index][number] = cell
                    weights[index] += weight
                if self._keys:
                    self._check_order([values[index][number] for index in self._keys])
            except YtError as error:
                error.attributes.setdefault("row_index", self.row_count + number)
                raise
            if number == 0:
                first = self._last_key or []
        arrays = [
            pa.array(column, type=arrow_field(each).type)
            for column, each in zip(values, self._columns, strict=True)
        ]
        return Batch(len(rows), len(rows) + sum(weights), arrays, weights, first, self._last_key or [])

    def _checked(self, row: Row) -> dict[int, tuple[Any, int]]:
        """What is stored of a row, and its weight, by the number of the column."""
        cells: dict[int, tuple[Any, int]] = {}
        for name, value in row.items():
            index = self._index.get(name)
            if index is None:
                index = self._new_column(name)
            if value is not None:
                cells[index] = self._check[index](value)
        for index, text in self._required:
            if index not in cells:
                raise errors.required_column(text)
        weight = 1 + sum(size for _, size in cells.values())
        if weight >= self.limits.max_row_weight:
            raise errors.row_too_heavy(weight, self.limits.max_row_weight)
        return cells

    def _order(self, key: list[Any]) -> list[tuple[int, Any]]:
        return [order_key(value) for value in key]

    def _check_order(self, cells: list[Any]) -> None:
        kept = [
            load_cell(cell) if cell is not None and self._columns[index].type == "any" else cell
            for index, cell in zip(self._keys, cells, strict=True)
        ]
        key = self._key(kept)
        if any(isinstance(value, float) and math.isnan(value) for value in key):
            raise YtError("Unexpected NaN value in a key column", errors.INVALID_DOUBLE)
        weight = sum(len(value) if isinstance(value, bytes) else 8 for value in key)
        if weight > self.limits.max_key_weight:
            raise YtError(
                "Key weight is too large",
                errors.ROW_WEIGHT,
                {"key_weight": weight, "key_weight_limit": self.limits.max_key_weight},
            )
        order = self._order(key)
        if self._last is not None:
            for before, after, descending in zip(self._last, order, self._descending, strict=False):
                if before != after:
                    if (before > after) != descending:
                        raise YtError(
                            f"Sort order violation: {_show(self._last_key)} > {_show(key)}",
                            errors.SORT_ORDER_VIOLATION,
                        )
                    break
            else:
                if self.schema.unique_keys:
                    raise YtError(f"Duplicate key {_show(key)}", errors.NON_UNIQUE_KEY)
        self._last, self._last_key = order, key


def _size_of(value: Any) -> int:
    """About the bytes of a value; only to know when a batch is large enough."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return 8 + sum(len(name) + _size_of(each) for name, each in value.items())
    if isinstance(value, list):
        return 8 + sum(map(_size_of, value))
    return 8


def _show(key: list[Any] | None) -> str:
    shown = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in key or []]
    return "[" + ", ".join("#" if value is None else str(value) for value in shown) + "]"
