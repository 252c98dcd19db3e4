"""NAL units of H.264 and HEVC between start codes: found, picked out, and renamed.

Sources: ITU-T H.264 and H.265, sections 7.4.1 and annex B.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = re.compile(b"\0\0\1")
_PARAMETER_SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}
"""NAL unit types; the last but one is the sequence parameter set."""
_CRA, _BLA_N_LP = 21, 18


def parameter_sets(codec: str, data: bytes) -> bytes:
    """Pick out the parameter sets, with start codes, in their order; empty if there are none."""
    wanted = _PARAMETER_SETS[codec]
    return b"".join(
        b"\0\0\0\1" + data[begin:end].rstrip(b"\0")
        for begin, end in _units(data)
        if _unit_type(codec, data[begin]) in wanted
    )


def as_broken_link(data: bytes) -> bytes:
    """Say of a CRA picture that what was before it is not what it was made to follow.

    It becomes a BLA picture without leading pictures, which must be left out. The two differ in the unit type
    alone. A decoder then counts afresh and does not go by what another encoder put before it.
    """
    changed = bytearray(data)
    for begin, _ in _units(data):
        if _unit_type("hevc", data[begin]) == _CRA:
            changed[begin] = data[begin] & 0x81 | _BLA_N_LP << 1
    return bytes(changed)


def _units(data: bytes) -> Iterator[tuple[int, int]]:
    """Where NAL units begin and end, start codes left out."""
    begins = [match.end() for match in _START.finditer(data)]
    ends = [begin - 3 for begin in begins[1:]] + [len(data)]
    return ((begin, end) for begin, end in zip(begins, ends, strict=True) if begin < end)


def _unit_type(codec: str, header: int) -> int:
    return header & 31 if codec == "h264" else header >> 1 & 63
