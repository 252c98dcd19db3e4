"""Text streams cut into records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from ytcurate.localcluster.errors import YtError

_MOST_LINE_BYTES = 2 * 1024**3
"""A row of the largest weight there is, with every byte of it escaped."""


def lines(stream: BinaryIO, separator: bytes = b"\n") -> Iterator[bytes]:
    """Records with their ends; the last one may have none.

    Raises:
        YtError: one is longer than a row may be.
    """
    begun: list[bytes] = []  # of a line whose end has not come; joined once, whatever its length
    size = 0
    while piece := stream.read(1 << 16):
        *whole, rest = piece.split(separator)
        if whole:
            begun.append(whole[0])
            yield b"".join(begun) + separator
            yield from (line + separator for line in whole[1:])
            begun, size = [], 0
        begun.append(rest)
        size += len(rest)
        if size > _MOST_LINE_BYTES:
            raise YtError(f"Error parsing rows: a line is longer than {_MOST_LINE_BYTES} bytes")
    if size:
        yield b"".join(begun)
