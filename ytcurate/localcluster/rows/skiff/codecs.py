"""Values to Skiff bytes and back, one class per shape of the bytes.

`write` appends to a list of parts; `read` takes from a stream. Values are YSON values with bytes for
strings. `path` says in errors which part of a column it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Protocol

import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.values import any_cell, kind_of, load_cell
from ytcurate.localcluster.rows.stream import ByteStream

LAYOUTS = {
    "int8": "<b", "int16": "<h", "int32": "<i", "int64": "<q",
    "uint8": "<B", "uint16": "<H", "uint32": "<I", "uint64": "<Q",
    "double": "<d", "boolean": "<B",
}  # fmt: skip
LENGTH = struct.Struct("<I")
TAG = {"variant8": struct.Struct("<B"), "variant16": struct.Struct("<H")}
END_OF_LIST = b"\xff"
ABSENT, PRESENT = b"\x00", b"\x01"


class Codec(Protocol):
    kind: str
    """Type of the values as `kind_of` names it; "any" for several."""

    def write(self, value: Any, out: list[Any]) -> None: ...
    def read(self, stream: ByteStream) -> Any: ...


def to_skiff_error(path: str, reason: str) -> YtError:
    return YtError(f'Yson to Skiff conversion error while converting "{path}" field', inner=[YtError(reason)])


def to_yson_error(path: str, reason: str) -> YtError:
    return YtError(f'Skiff to Yson conversion error while converting "{path}" field', inner=[YtError(reason)])


def need_list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        found = "entity_value" if value is None else f"{kind_of(value)}_value"
        raise to_skiff_error(path, f'Bad yson token type, expected "begin_list" actual: "{found}"')
    return value


class Number:
    """Integers, doubles and booleans."""

    def __init__(self, wire: str) -> None:
        self._wire = wire
        self._layout = struct.Struct(LAYOUTS[wire])
        self.kind = "uint64" if wire.startswith("uint") else "int64" if wire.startswith("int") else wire

    def write(self, value: Any, out: list[Any]) -> None:
        try:
            out.append(self._layout.pack(value))
        except struct.error:
            raise YtError(
                f'Value {value} is out of range for possible values for skiff type "{self._wire}"'
            ) from None

    def read(self, stream: ByteStream) -> Any:
        (value,) = self._layout.unpack(stream.take(self._layout.size))
        if self.kind == "uint64":
            return yson.YsonUint64(value)
        if self._wire == "boolean":
            if value > 1:
                raise YtError(f'Invalid boolean value "{value}"')
            return bool(value)
        return value


class Nothing:
    kind = "null"

    def write(self, value: Any, out: list[Any]) -> None:
        pass

    def read(self, stream: ByteStream) -> Any:
        return None


class Text:
    kind = "string"

    def write(self, value: Any, out: list[Any]) -> None:
        out += (LENGTH.pack(len(value)), value)

    def read(self, stream: ByteStream) -> bytes:
        (size,) = LENGTH.unpack(stream.take(LENGTH.size))
        return stream.take(size)


class Yson:
    """Any value, as binary YSON."""

    kind = "any"

    def write(self, value: Any, out: list[Any]) -> None:
        self.write_cell(any_cell(value), out)

    def write_cell(self, cell: Any, out: list[Any]) -> None:
        """A value that is binary YSON already."""
        out += (LENGTH.pack(len(cell)), cell)

    def read(self, stream: ByteStream) -> Any:
        (size,) = LENGTH.unpack(stream.take(LENGTH.size))
        try:
            return load_cell(stream.take(size))
        except yson.YsonError as error:
            raise YtError(f"Error parsing YSON: {error}") from error


class Reversed:
    """A decimal or a UUID: strings with the most significant byte first; Skiff has it last."""

    kind = "string"

    def __init__(self, size: int, what: str, *, flips_sign: bool) -> None:
        self._size = size
        self._what = what
        self._flip = 0x80 if flips_sign else 0

    def write(self, value: Any, out: list[Any]) -> None:
        if len(value) != self._size:
            raise YtError(f"Invalid size of {self._what} value: expected {self._size}, actual {len(value)}")
        out.append((bytes([value[0] ^ self._flip]) + value[1:])[::-1])

    def read(self, stream: ByteStream) -> bytes:
        value = stream.take(self._size)[::-1]
        return bytes([value[0] ^ self._flip]) + value[1:]


class Checked:
    """A simple value inside a composite one: its type is checked before it is written."""

    def __init__(self, inner: Codec, path: str) -> None:
        self._inner = inner
        self._path = path
        self.kind = inner.kind

    def write(self, value: Any, out: list[Any]) -> None:
        found = kind_of(value)
        # YSON of clients has signed numbers where the type is unsigned; the range is checked anyway.
        is_number = {found, self.kind} <= {"int64", "uint64"}
        if self.kind != "any" and found != self.kind and not is_number:
            expected, actual = (
                "entity_value" if each == "null" else f"{each}_value" for each in (self.kind, found)
            )
            raise to_skiff_error(self._path, f'Unexpected YSON type: expected "{expected}", got "{actual}"')
        self._inner.write(value, out)

    def read(self, stream: ByteStream) -> Any:
        return self._inner.read(stream)


class Optional:
    """A value that may be null. Where what is inside may be null too, YSON has it in a list of one."""

    kind = "any"

    def __init__(self, inner: Codec, path: str, *, is_nested: bool, has_tag: bool = True) -> None:
        self._inner = inner
        self._path = path
        self._is_nested = is_nested
        self._has_tag = has_tag

    def write(self, value: Any, out: list[Any]) -> None:
        if value is None:
            if not self._has_tag:
                raise to_skiff_error(self._path, '"#" found while value expected to be nonempty')
            out.append(ABSENT)
            return
        if self._is_nested:
            (value,) = need_list(value, self._path)
        if self._has_tag:
            out.append(PRESENT)
        self._inner.write(value, out)

    def read(self, stream: ByteStream) -> Any:
        tag = stream.take(1) if self._has_tag else PRESENT
        if tag == ABSENT:
            return None
        if tag != PRESENT:
            reason = f'Unexpected "variant8" tag: expected 0 or 1, got {tag[0]}'
            raise to_yson_error(self._path, reason)
        value = self._inner.read(stream)
        return [value] if self._is_nested else value


class List:
    kind = "any"

    def __init__(self, item: Codec, path: str) -> None:
        self._item = item
        self._path = path

    def write(self, value: Any, out: list[Any]) -> None:
        for item in need_list(value, self._path):
            out.append(ABSENT)
            self._item.write(item, out)
        out.append(END_OF_LIST)

    def read(self, stream: ByteStream) -> Any:
        found = []
        while (tag := stream.take(1)) != END_OF_LIST:
            if tag != ABSENT:
                reason = f'Unexpected "repeated_variant8" tag: expected 0 or 255, got {tag[0]}'
                raise to_yson_error(self._path, reason)
            found.append(self._item.read(stream))
        return found


class Tuple:
    """A tuple; also the pair of a key and a value in a dict."""

    kind = "any"

    def __init__(self, items: Sequence[Codec], path: str) -> None:
        self._items = items
        self._path = path

    def write(self, value: Any, out: list[Any]) -> None:
        if len(need_list(value, self._path)) != len(self._items):
            raise to_skiff_error(self._path, f"Expected {len(self._items)} elements, found {len(value)}")
        for codec, item in zip(self._items, value, strict=True):
            codec.write(item, out)

    def read(self, stream: ByteStream) -> Any:
        return [codec.read(stream) for codec in self._items]


class Struct:
    """A struct, a map or a list in YSON; what is read becomes a map."""

    kind = "any"

    def __init__(
        self, names: Sequence[bytes], fields: Sequence[tuple[bytes, Codec | None]], path: str
    ) -> None:
        self._names = names
        """In the order of the type."""
        self._fields = fields
        """In the order of the bytes; None for a field the type does not have."""
        self._path = path

    def write(self, value: Any, out: list[Any]) -> None:
        if not isinstance(value, dict):
            value = dict(zip(self._names, need_list(value, self._path), strict=False))
        for name, codec in self._fields:
            if codec is None:
                out.append(ABSENT)
            else:
                codec.write(value.get(name), out)

    def read(self, stream: ByteStream) -> Any:
        found = {name: codec.read(stream) for name, codec in self._fields if codec is not None}
        return {name: found[name] for name in self._names if name in found}


class Variant:
    """One of several types: in YSON a pair of the number (or the name) and the value."""

    kind = "any"

    def __init__(self, wire: str, items: Sequence[Codec], names: Sequence[bytes], path: str) -> None:
        self._wire = wire
        self._items = items
        self._names = names
        """Empty for a variant of numbered types."""
        self._path = path

    def write(self, value: Any, out: list[Any]) -> None:
        pair = need_list(value, self._path)
        if len(pair) != 2:
            raise to_skiff_error(self._path, f"Expected a pair, found {len(pair)} elements")
        tag = self._names.index(pair[0]) if pair[0] in self._names else pair[0]
        if not isinstance(tag, int) or not 0 <= tag < len(self._items):
            count = len(self._items)
            raise to_skiff_error(
                self._path, f"variant tag ({tag}) exceeds {self._wire} children count ({count})"
            )
        out.append(TAG[self._wire].pack(tag))
        self._items[tag].write(pair[1], out)

    def read(self, stream: ByteStream) -> Any:
        layout = TAG[self._wire]
        (tag,) = layout.unpack(stream.take(layout.size))
        if tag >= len(self._items):
            count = len(self._items)
            raise to_yson_error(
                self._path, f"Variant tag ({tag}) exceeds {self._wire} children count ({count})"
            )
        return [self._names[tag] if self._names else tag, self._items[tag].read(stream)]
