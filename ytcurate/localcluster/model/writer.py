"""Rows into chunks: every check a write makes, row by row, with one batch in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.schema import INT_RANGES, MAX_COLUMNS, UINT_RANGES, Column, Schema
from ytcurate.localcluster.model.validation import checker
from ytcurate.localcluster.model.values import load_cell, order_key

MIB = 1024 * 1024
BATCH_BYTES = 8 * MIB
BATCH_ROWS = 4096
CHUNK_BYTES = 512 * MIB

ANY = {b"kind": b"any"}
UNSIGNED = {b"kind": b"unsigned"}


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


def arrow_type(column: Column) -> tuple[pa.DataType, dict[bytes, bytes] | None]:
    simple = column.type
    if simple in INT_RANGES:
        return pa.int64(), None
    if simple in UINT_RANGES:
        return pa.uint64(), UNSIGNED
    if simple in ("double", "float"):
        return pa.float64(), None
    if simple == "boolean":
        return pa.bool_(), None
    if simple in ("null", "void", "any"):
        return pa.large_binary(), ANY
    return pa.large_binary(), None


class RowWriter:
    """Checks rows against a schema and packs them into chunks.

    `close` returns the chunks in row order; until then nothing refers to them. After an error call
    `discard`.
    """

    def __init__(
        self, files: ChunkFiles, schema: Schema, limits: WriterLimits, last_key: list[Any] | None = None
    ) -> None:
        self.files = files
        self.schema = schema
        self.limits = limits
        self.row_count = 0
        self.data_weight = 0
        self.chunks: list[Chunk] = []
        self._columns: list[Column] = []
        self._index: dict[bytes, int] = {}
        self._check: list[Callable[[Any], tuple[Any, int]]] = []
        self._values: list[list[Any]] = []
        self._weights: list[int] = []
        self._required = []
        for column in schema.columns:
            self._add_column(column)
            if column.required:
                self._required.append((self._index[column.name.encode()], column.name))
        self._keys = list(range(len(schema.key_columns)))
        self._descending = [
            bool(each.sort_order == "descending") for each in schema.columns if each.sort_order
        ]
        self._any = [column.type == "any" for column in self._columns]
        self._unsigned = [column.type in UINT_RANGES for column in self._columns]
        self._last = None if last_key is None else self._order(last_key)
        self._last_key = last_key
        self._first_key: list[Any] = []
        self._batch_rows = 0
        self._batch_bytes = 0
        self._file: Any = None
        self._sink: Any = None
        self._chunk_id = ""
        self._chunk_rows = 0
        self._chunk_weight = 0
        self._chunk_bytes = 0

    def _add_column(self, column: Column) -> int:
        index = len(self._columns)
        if index >= MAX_COLUMNS:
            raise YtError(f"Too many columns: limit {MAX_COLUMNS}", errors.SCHEMA_VIOLATION)
        self._columns.append(column)
        self._index[column.name.encode()] = index
        self._check.append(checker(column))
        self._values.append([None] * getattr(self, "_batch_rows", 0))
        self._weights.append(0)
        return index

    def _new_column(self, name: bytes) -> int:
        """A column the schema does not name: an error in a strict table, else one of type any."""
        text = name.decode("utf-8", "replace")
        if self.schema.strict:
            raise errors.unknown_column(text)
        if not text or text.startswith("@") or len(name) > 256:
            raise YtError(f'Invalid column name "{text}"', errors.SCHEMA_VIOLATION)
        if self._file is not None:
            # An Arrow file has one schema: rows so far go into a chunk without this column.
            self._flush_batch()
            self._finish_chunk()
        column = Column(text, "any", False, {"type_name": "optional", "item": "yson"})
        return self._add_column(column)

    def write(self, rows: Iterable[dict[bytes, Any]]) -> None:
        """Add rows; keys and string values are bytes.

        Raises:
            YtError: the first row that breaks a rule; `row_index` among the attributes.
        """
        try:
            for row in rows:
                self.write_row(row)
        except YtError as error:
            error.attributes.setdefault("row_index", self.row_count)
            raise

    def write_row(self, row: dict[bytes, Any]) -> None:
        index_of, check = self._index, self._check
        cells: list[tuple[int, Any]] = []
        weight = 1
        for name, value in row.items():
            index = index_of.get(name)
            if index is None:
                index = self._new_column(name)
            if value is None:
                continue
            cell, size = check[index](value)
            weight += size
            self._weights[index] += size
            cells.append((index, cell))
        for index, text in self._required:
            if not any(each == index for each, _ in cells):
                raise errors.required_column(text)
        if weight >= self.limits.max_row_weight:
            raise errors.row_too_heavy(weight, self.limits.max_row_weight)
        values = self._values
        at = self._batch_rows
        for index, cell in cells:
            values[index].append(cell)
        self._batch_rows = at + 1
        for column in values:
            if len(column) == at:
                column.append(None)
        if self._keys:
            self._check_order([values[index][at] for index in self._keys])
        self.row_count += 1
        self._chunk_rows += 1
        self.data_weight += weight
        self._chunk_weight += weight
        self._batch_bytes += weight
        if self._batch_bytes >= BATCH_BYTES or self._batch_rows >= BATCH_ROWS:
            self._flush_batch()
            if self._chunk_bytes >= CHUNK_BYTES:
                self._finish_chunk()

    def _order(self, key: list[Any]) -> list[tuple[int, Any]]:
        return [order_key(value) for value in key]

    def _check_order(self, cells: list[Any]) -> None:
        key = [self._key_value(index, cell) for index, cell in zip(self._keys, cells, strict=True)]
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
        if not self._chunk_rows:
            self._first_key = key

    def _key_value(self, index: int, cell: Any) -> Any:
        """A cell as it is compared: an unsigned number is never equal to a signed one."""
        if cell is None:
            return None
        if self._any[index]:
            return load_cell(cell)
        return yson.YsonUint64(cell) if self._unsigned[index] else cell

    def _flush_batch(self) -> None:
        if not self._batch_rows:
            return
        if self._file is None:
            fields = []
            for column in self._columns:
                kind, metadata = arrow_type(column)
                fields.append(pa.field(column.name, kind, metadata=metadata))
            self._arrow = pa.schema(fields)
            self._chunk_id, path = self.files.begin()
            self._sink = pa.OSFile(str(path), "wb")
            self._file = pa.ipc.new_file(self._sink, self._arrow)
        arrays = [
            pa.array(values, type=field.type) for values, field in zip(self._values, self._arrow, strict=True)
        ]
        self._file.write_batch(
            pa.RecordBatch.from_arrays(arrays, schema=self._arrow)
            if arrays
            else pa.RecordBatch.from_struct_array(pa.array([{}] * self._batch_rows, type=pa.struct([])))
        )
        self._chunk_bytes += self._batch_bytes
        self._values = [[] for _ in self._columns]
        self._batch_rows = self._batch_bytes = 0

    def _finish_chunk(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._sink.close()
        self._file = None
        size = self.files.finish(self._chunk_id)
        weights = {column.name: weight for column, weight in zip(self._columns, self._weights, strict=True)}
        self.chunks.append(
            Chunk(
                self._chunk_id,
                "table",
                self._chunk_rows - self._batch_rows,
                self._chunk_weight - self._batch_bytes,
                self._chunk_weight - self._batch_bytes,
                size,
                weights,
                self._first_key,
                list(self._last_key or []) if self._keys else [],
            )
        )
        self._weights = [0] * len(self._columns)
        self._chunk_rows, self._chunk_weight = self._batch_rows, self._batch_bytes
        self._chunk_bytes = 0
        self._chunk_id = ""

    def close(self) -> list[Chunk]:
        self._flush_batch()
        self._finish_chunk()
        return self.chunks

    def discard(self) -> None:
        """Delete everything written."""
        if self._file is not None:
            with suppress(OSError):  # of a full disk
                self._file.close()
            with suppress(OSError):
                self._sink.close()
            self._file = None
            self.files.discard(self._chunk_id)
        for chunk in self.chunks:
            self.files.discard(chunk.id)
        self.chunks = []


def _show(key: list[Any] | None) -> str:
    shown = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in key or []]
    return "[" + ", ".join("#" if value is None else str(value) for value in shown) + "]"
