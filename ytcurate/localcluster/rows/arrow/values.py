"""Arrow arrays as YSON values."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import yt.yson as yson

types = pa.types


def values_of(array: Any) -> list[Any]:
    """A value for each cell: strings as bytes, times as numbers, structs as maps, maps as lists of pairs."""
    kind = array.type
    if types.is_dictionary(kind):
        return values_of(array.dictionary_decode())
    if types.is_list(kind) or types.is_large_list(kind):
        return _cut(array, values_of(array.values))
    if types.is_map(kind):
        pairs = zip(values_of(array.keys), values_of(array.items), strict=True)
        return _cut(array, [list(pair) for pair in pairs])
    if types.is_struct(kind):
        names = [kind.field(index).name.encode() for index in range(kind.num_fields)]
        fields = [values_of(field) for field in array.flatten()]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*fields, strict=True)]
        return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]
    if types.is_unsigned_integer(kind):
        return [None if value is None else yson.YsonUint64(value) for value in array.to_pylist()]
    if types.is_temporal(kind):
        return list(array.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).to_pylist())
    if types.is_string(kind) or types.is_large_string(kind):
        return list(array.cast(pa.large_binary()).to_pylist())
    return list(array.to_pylist())


def _cut(array: Any, items: list[Any]) -> list[Any]:
    """Lists of a list array, from the values of all of them."""
    ends = array.offsets.to_pylist()
    return [
        items[ends[index] : ends[index + 1]] if valid else None
        for index, valid in enumerate(array.is_valid().to_pylist())
    ]
