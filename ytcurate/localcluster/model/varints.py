"""Many whole numbers as binary YSON at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIGNED, UNSIGNED = 2, 6
"""What stands before a number in binary YSON."""


def zigzags(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Signed numbers as the unsigned ones they are written as: 0, -1, 1, -2, ... as 0, 1, 2, 3, ..."""
    return (values.astype(np.uint64) << np.uint64(1)) ^ (values >> np.int64(63)).astype(np.uint64)


def encode(marker: int, values: npt.NDArray[np.uint64]) -> tuple[bytes, npt.NDArray[np.int64]]:
    """The cells one after another, and where each begins; the last offset is where all end."""
    groups = np.ones(len(values), dtype=np.int64)
    for bits in range(7, 64, 7):
        groups += values >> np.uint64(bits) > 0
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(groups + 1, out=offsets[1:])
    out = np.empty(int(offsets[-1]), dtype=np.uint8)
    starts = offsets[:-1]
    out[starts] = marker
    for group in range(int(groups.max(initial=0))):
        there = groups > group
        seven = values[there] >> np.uint64(7 * group) & np.uint64(0x7F)
        more = np.where(groups[there] > group + 1, 0x80, 0).astype(np.uint64)
        out[starts[there] + 1 + group] = seven | more
    return out.tobytes(), offsets
