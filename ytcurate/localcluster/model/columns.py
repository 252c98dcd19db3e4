"""Whole columns of a batch at once: the quick way for values that plainly fit their column.

It never says what is wrong. A column with anything unusual in it is left to the checks of single values
(`validation.checker`), which know the words, and which this must never be laxer than.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as compute
import yt.yson as yson

from ytcurate.localcluster.model import varints
from ytcurate.localcluster.model.schema import INT_RANGES, UINT_RANGES, Column, optional
from ytcurate.localcluster.model.values import scalar, string_head, unsigned

UNSIGNED = {b"kind": b"unsigned"}
ANY = {b"kind": b"any"}


@dataclass(frozen=True, slots=True)
class Packed:
    """A column of a batch, ready to be written."""

    array: pa.Array
    weight: int
    """Of all its cells."""
    heaviest: int
    """The weight of its heaviest cell."""


def arrow_field(column: Column) -> pa.Field:
    """How a column is kept in a chunk."""
    simple = column.type
    kind, metadata = pa.large_binary(), None
    if simple in INT_RANGES:
        kind = pa.int64()
    elif simple in UINT_RANGES:
        kind, metadata = pa.uint64(), UNSIGNED
    elif simple in ("double", "float"):
        kind = pa.float64()
    elif simple == "boolean":
        kind = pa.bool_()
    elif simple in ("null", "void", "any"):
        metadata = ANY
    return pa.field(column.name, kind, metadata=metadata)


def pack(column: Column, values: Sequence[Any]) -> Packed | None:
    """A column's values as they are stored, or None when single values have to be looked at.

    Args:
        values: one per row, strings as bytes, None for a value that is not there.
    """
    kinds = set(map(type, values))
    if column.required and NoneType in kinds:
        return None
    kinds.discard(NoneType)
    simple = column.type
    if simple in INT_RANGES:
        return _integers(values, INT_RANGES[simple], pa.int64()) if kinds <= {int} else None
    if simple in UINT_RANGES:
        fits = kinds <= {int, yson.YsonUint64}
        return _integers(values, UINT_RANGES[simple], pa.uint64()) if fits else None
    if simple in ("double", "float"):
        return _numbers(values, pa.float64(), 8) if kinds <= {float} else None
    if simple == "boolean":
        return _numbers(values, pa.bool_(), 1) if kinds <= {bool} else None
    if simple in ("string", "uuid"):
        return _strings(values) if kinds <= {bytes} else None
    if simple in ("utf8", "json"):
        return _strings(values) if kinds <= {bytes} and _are_utf8(values) else None
    if simple == "any" and column.type_v3 in ("yson", optional("yson")):
        return _any_integers(values) if kinds == {int} and None not in values else _any(values)
    return None


def _integers(values: Sequence[Any], limits: tuple[int, int], kind: pa.DataType) -> Packed | None:
    try:
        packed = _numbers(values, kind, 8)
    except (OverflowError, pa.ArrowInvalid):
        return None
    found = compute.min_max(packed.array).as_py()
    if found["min"] is not None and not (limits[0] <= found["min"] and found["max"] <= limits[1]):
        return None
    return packed


def _numbers(values: Sequence[Any], kind: pa.DataType, weight: int) -> Packed:
    array = pa.array(values, type=kind)
    return Packed(array, weight * (len(values) - array.null_count), weight)


def _are_utf8(values: Sequence[bytes | None]) -> bool:
    try:
        for value in values:
            if value is not None:
                value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _strings(values: Sequence[bytes | None]) -> Packed:
    if None in values:
        return _binary([b"" if value is None else value for value in values], list(map(_size, values)))
    return _binary(values, list(map(len, values)))  # type: ignore[arg-type]


def _size(value: bytes | None) -> int:
    return -1 if value is None else len(value)


def _binary(parts: Sequence[bytes | None], sizes: list[int]) -> Packed:
    """Cells whose bytes are `parts` in a row, cut by `sizes`; -1 for a cell that is null.

    The bytes are copied once; Arrow's own conversion would grow a buffer as it goes.
    """
    lengths = np.array(sizes, dtype=np.int64)
    null = lengths < 0
    validity = None
    if null.any():
        lengths[null] = 0
        validity = pa.py_buffer(np.packbits(~null, bitorder="little"))
    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    # A batch of one cell, which may be large, is not copied at all.
    data = parts[0] if len(parts) == 1 else b"".join(parts)  # type: ignore[arg-type]
    array = _array(validity, offsets, data or b"")
    return Packed(array, int(offsets[-1]), int(lengths.max(initial=0)))


def _array(validity: pa.Buffer | None, offsets: npt.NDArray[np.int64], data: bytes) -> pa.Array:
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _any_integers(values: Sequence[int]) -> Packed | None:
    try:
        whole = np.array(values, dtype=np.int64)
    except OverflowError:
        return None
    cells, offsets = varints.encode(varints.SIGNED, varints.zigzags(whole))
    return Packed(_array(None, offsets, cells), 8 * len(values), 8)


def _any(values: Sequence[Any]) -> Packed | None:
    """Values of type any: each as binary YSON."""
    parts: list[bytes] = []
    sizes: list[int] = []
    weights = [0]
    for value in values:
        kind = type(value)
        if kind is bytes:
            head = string_head(len(value))
            parts += (head, value)
            sizes.append(len(head) + len(value))
            weights.append(len(value))
        elif value is None:
            sizes.append(-1)
        elif kind is yson.YsonUint64 and not value.attributes:
            parts.append(unsigned(value))
            sizes.append(len(parts[-1]))
            weights.append(8)
        elif kind is int or kind is float or kind is bool:
            parts.append(scalar(value))
            sizes.append(len(parts[-1]))
            weights.append(1 if kind is bool else 8)
        else:
            return None
    return Packed(_binary(parts, sizes).array, sum(weights), max(weights))
