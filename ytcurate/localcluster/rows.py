"""Rows on the wire: yson, json and dsv streams, both ways.

Used by table commands and by jobs. Inside, a row is a dict from bytes to YSON values with strings as
bytes; the binary YSON way out skips that and copies cells straight from the chunk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format, from_json, to_json
from ytcurate.localcluster.model.reader import decode_column
from ytcurate.localcluster.model.values import scalar, string_head, unsigned

PIECE_BYTES = 1024 * 1024
HEAVY_CELL_BYTES = 32 * 1024
SUPPORTED = ("yson", "json", "dsv")
_MOST_LINE_BYTES = 2 * 1024**3
"""A row of the largest weight there is, with every byte of it escaped."""


def require_supported(format: Format) -> Format:
    if format.name not in SUPPORTED:
        raise YtError(
            f'Format "{format.name}" is not implemented by the local cluster; it has {", ".join(SUPPORTED)}'
        )
    return format


# ---- in


def parse_rows(stream: BinaryIO, format: Format) -> Iterator[Any]:
    """Rows (dicts) and control entities (`YsonEntity` with attributes) of a stream.

    Raises:
        YtError: the stream is malformed.
    """
    require_supported(format)
    if format.name == "json":
        return _parse_json(stream, bool(format.attributes.get("encode_utf8", True)))
    if format.name == "dsv":
        return _parse_dsv(stream, bool(format.attributes.get("enable_escaping", True)))
    return _parse_yson(stream)


def _parse_yson(stream: BinaryIO) -> Iterator[Any]:
    try:
        yield from yson.load(stream, yson_type="list_fragment", encoding=None, always_create_attributes=False)
    except yson.YsonError as error:
        raise YtError(f"Error parsing YSON: {error}") from error


def _parse_json(stream: BinaryIO, encode_utf8: bool) -> Iterator[Any]:
    for line in _lines(stream):
        if not line.strip():
            continue
        try:
            yield from_json(json.loads(line), encode_utf8)
        except UnicodeEncodeError as error:
            raise YtError(
                "Error parsing JSON: a character beyond U+00FF; by default each character of a JSON string "
                "stands for one byte. Use the format <encode_utf8=%false>json"
            ) from error
        except ValueError as error:
            raise YtError(f"Error parsing JSON: {error}") from error


def _parse_dsv(stream: BinaryIO, escaping: bool) -> Iterator[Any]:
    def plain(text: bytes) -> bytes:
        if not escaping or b"\\" not in text:
            return text
        out, i = bytearray(), 0
        table = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"0": b"\0"}
        while i < len(text):
            if text[i : i + 1] == b"\\" and i + 1 < len(text):
                out += table.get(text[i + 1 : i + 2], text[i + 1 : i + 2])
                i += 2
            else:
                out += text[i : i + 1]
                i += 1
        return bytes(out)

    def split(pair: bytes) -> tuple[bytes, bytes]:
        at = 0
        while at < len(pair) and pair[at : at + 1] != b"=":
            at += 2 if escaping and pair[at : at + 1] == b"\\" else 1
        return plain(pair[:at]), plain(pair[at + 1 :])

    for line in _lines(stream):
        line = line.rstrip(b"\n")
        row: dict[bytes, bytes] = {}
        for pair in line.split(b"\t") if line else []:
            if b"=" in pair:
                key, value = split(pair)
                row[key] = value
        yield row


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends.

    Raises:
        YtError: one is longer than a row may be.
    """
    begun: list[bytes] = []  # of a line whose end has not come; joined once, whatever its length
    size = 0
    while piece := stream.read(1 << 16):
        *lines, rest = piece.split(b"\n")
        if lines:
            begun.append(lines[0])
            yield b"".join(begun) + b"\n"
            yield from (line + b"\n" for line in lines[1:])
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > _MOST_LINE_BYTES:
            raise YtError(f"Error parsing rows: a line is longer than {_MOST_LINE_BYTES} bytes")
    if size:
        yield b"".join(begun)


# ---- out


class RowEncoder:
    """Rows of Arrow batches as bytes in one format.

    A column of the schema shows its nulls; a column known only to a chunk is left out when null, as the
    row never had it.
    """

    def __init__(self, format: Format, schema_columns: Sequence[str]) -> None:
        self.format = require_supported(format)
        self.schema_columns = list(schema_columns)
        self._fast = format.name == "yson" and format.attributes.get("format", "text") == "binary"

    def control(self, **attributes: int) -> bytes:
        """A control entity; nothing in formats that have none."""
        if self.format.name == "yson":
            inner = "".join(f"{name}={value};" for name, value in attributes.items())
            return f"<{inner}>#;".encode()
        if self.format.name == "json":
            text = json.dumps({"$value": None, "$attributes": attributes}, separators=(",", ":"))
            return text.encode() + b"\n"
        return b""

    def encode(self, batch: Any, count: int, columns: list[str] | None) -> Iterator[bytes]:
        """Pieces of about a mebibyte (one row at least)."""
        wanted = self.schema_columns if columns is None else [
            name for name in self.schema_columns if name in columns
        ]  # fmt: skip
        present = set(batch.schema.names)
        absent = [name for name in wanted if name not in present]
        rows = self._yson_rows(batch, count, absent) if self._fast else self._slow_rows(batch, count, absent)
        parts: list[Any] = []
        size = 0
        for row, weight in rows:
            parts.extend(row)
            size += weight
            if size >= PIECE_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            yield b"".join(parts)

    def _yson_rows(self, batch: Any, count: int, absent: list[str]) -> Iterator[tuple[list[Any], int]]:
        shown = set(self.schema_columns)
        columns = []
        for index, field in enumerate(batch.schema):
            name = field.name.encode()
            prefix = string_head(len(name)) + name + b"="
            kind = (field.metadata or {}).get(b"kind")
            values = _cells(batch.column(index))
            null = prefix + b"#;" if field.name in shown else b""
            if kind == b"any":
                mode = 1
            elif "binary" in str(field.type):
                mode = 0
            else:
                mode = 3 if kind == b"unsigned" else 2
            columns.append((prefix, mode, values, null))
        tail = b"".join(string_head(len(n.encode())) + n.encode() + b"=#;" for n in absent) + b"};"
        for row in range(count):
            parts: list[Any] = [b"{"]
            size = len(tail)
            for prefix, mode, values, null in columns:
                value = values[row]
                if value is None:
                    parts.append(null)
                elif mode == 0:
                    length = len(value)
                    parts += (prefix, string_head(length), value, b";")
                    size += length
                elif mode == 1:
                    parts += (prefix, value, b";")
                    size += len(value)
                else:
                    parts += (prefix, unsigned(value) if mode == 3 else scalar(value), b";")
                    size += 12
            parts.append(tail)
            yield parts, size

    def _slow_rows(self, batch: Any, count: int, absent: list[str]) -> Iterator[tuple[list[bytes], int]]:
        shown = set(self.schema_columns)
        columns = [
            (field.name, decode_column(batch.column(index), field), field.name in shown)
            for index, field in enumerate(batch.schema)
        ]
        dump = self._dumper()
        for row in range(count):
            values = {name: cells[row] for name, cells, keep in columns if keep or cells[row] is not None}
            values.update(dict.fromkeys(absent))
            text = dump(values)
            yield [text], len(text)

    def _dumper(self) -> Callable[[dict[str, Any]], bytes]:
        attributes = self.format.attributes
        if self.format.name == "json":
            encode_utf8 = bool(attributes.get("encode_utf8", True))

            def as_json(row: dict[str, Any]) -> bytes:
                text = json.dumps(to_json(row, encode_utf8), ensure_ascii=False, separators=(",", ":"))
                return text.encode("utf-8", "surrogatepass") + b"\n"

            return as_json
        if self.format.name == "dsv":
            return _dump_dsv
        flavour = str(attributes.get("format", "text"))

        def as_yson(row: dict[str, Any]) -> bytes:
            keyed = {name.encode(): value for name, value in row.items()}
            return bytes(yson.dumps(keyed, yson_format=flavour, encoding=None)).rstrip(b"\n") + b";\n"

        return as_yson


def _cells(array: Any) -> Any:
    """Python values of a column; big binary cells as views of the mapped file, not copies."""
    count = len(array)
    if "binary" in str(array.type) and count and array.nbytes // count > HEAVY_CELL_BYTES:
        return [item.as_buffer() if item.is_valid else None for item in array]
    return array.to_pylist()


def _dump_dsv(row: dict[str, Any]) -> bytes:
    def escape(text: bytes, key: bool = False) -> bytes:
        text = text.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n")
        return text.replace(b"=", b"\\=") if key else text

    def show(value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if isinstance(value, bool):
            return b"true" if value else b"false"
        return str(value).encode()

    pairs = [
        escape(name.encode(), True) + b"=" + escape(show(value))
        for name, value in row.items()
        if value is not None
    ]
    return b"\t".join(pairs) + b"\n"


def only_rows(items: Iterable[Any]) -> Iterator[dict[bytes, Any]]:
    """The rows of a stream written to one table.

    Raises:
        YtError: something else than a row or a switch to table 0.
    """
    for item in items:
        if isinstance(item, dict) and not getattr(item, "attributes", None):
            yield item
        elif item is None or isinstance(item, yson.YsonEntity):
            index = (getattr(item, "attributes", None) or {}).get(b"table_index", 0)
            if index != 0:
                raise YtError(f"Invalid table index {index} for a single table")
        else:
            raise YtError(f"Row must be a map, found {type(item).__name__}")
