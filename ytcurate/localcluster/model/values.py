"""YSON values as they sit in table cells, and the binary YSON they are sent as."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache, total_ordering
from typing import Any

import yt.yson as yson
from yt.yson.yson_types import YsonStringProxy


def kind_of(value: Any) -> str:
    """The type's name as error messages give it."""
    if value is None or isinstance(value, yson.YsonEntity):
        return "null"
    if isinstance(value, (bool, yson.YsonBoolean)):
        return "boolean"
    if isinstance(value, yson.YsonUint64):
        return "uint64"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "double"
    if isinstance(value, (bytes, str)):
        return "string"
    return "any"


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    return varint((value << 1) ^ (value >> 63) if value < 0 else value << 1)


@lru_cache(maxsize=4096)
def string_head(size: int) -> bytes:
    """What stands before the bytes of a string of this size."""
    return b"\x01" + zigzag(size)


def any_cell(value: Any) -> bytes:
    """Binary YSON of one value. Strings, the heavy case, are written without the bindings' copies."""
    if type(value) is bytes:
        return b"".join((string_head(len(value)), value))
    return bytes(yson.dumps(value, yson_format="binary", encoding=None))


def weight_of(value: Any, cell: bytes) -> int:
    """What a value adds to the weight of its row: its own type decides, also in a column of type any.

    Args:
        cell: the same as binary YSON, by which composite values are weighed.
    """
    kind = type(value)
    if kind is bytes:
        return len(value)
    if isinstance(value, bool | yson.YsonBoolean):
        return 1
    return 8 if isinstance(value, int | float) else len(cell)


def load_cell(cell: bytes) -> Any:
    """The value of a binary YSON cell, strings as bytes."""
    return yson.loads(bytes(cell), encoding=None, always_create_attributes=False)


def scalar(value: Any) -> bytes:
    """Binary YSON of a plain value from a typed column."""
    if value is True:
        return b"\x05"
    if value is False:
        return b"\x04"
    if value is None:
        return b"#"
    if isinstance(value, float):
        return b"\x03" + struct.pack("<d", value)
    return b"\x02" + zigzag(value)


def unsigned(value: int) -> bytes:
    return b"\x06" + varint(value)


def order_key(value: Any) -> tuple[int, Any]:
    """Values of different types in the order YT sorts them, and the ends that limits of keys name."""
    if value is None or isinstance(value, yson.YsonEntity):
        mark = (getattr(value, "attributes", None) or {}).get("type")
        return {"min": -1, "max": 7}.get(str(mark), 0), 0
    if isinstance(value, bool):
        return 4, value
    if isinstance(value, yson.YsonUint64):
        return 2, int(value)
    if isinstance(value, int):
        return 1, value
    if isinstance(value, float):
        return 3, value
    if isinstance(value, str):
        return 5, value.encode()
    if isinstance(value, bytes):
        return 5, value
    if isinstance(value, YsonStringProxy):
        # A string that is no text, as the limit of a path.
        return 5, yson.get_bytes(value)
    return 6, repr(value)


@total_ordering
class Descending:
    """A place in the order, compared the other way round."""

    __slots__ = ("order",)

    def __init__(self, order: tuple[int, Any]) -> None:
        self.order = order

    def __lt__(self, other: Descending) -> bool:
        return other.order < self.order

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descending) and self.order == other.order

    def __hash__(self) -> int:
        return hash(self.order)


def order_keys(values: Iterable[Any], descending: Sequence[bool]) -> list[Any]:
    """Places of the values of a key; `descending` says it of each column, those it leaves out ascend."""
    flags = itertools.chain(descending, itertools.repeat(False))
    return [
        Descending(order_key(value)) if is_descending else order_key(value)
        for value, is_descending in zip(values, flags, strict=False)
    ]
