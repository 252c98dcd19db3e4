"""Binary streams read in exact sizes: what the parsers of binary formats need."""

from __future__ import annotations

from typing import BinaryIO

from ytcurate.localcluster.errors import YtError

PIECE_BYTES = 1 << 16
MOST_BYTES = 2 * 1024**3
"""No value is larger; a length beyond is a broken stream."""


class ByteStream:
    """A stream whose `take` gives as many bytes as asked for.

    Args:
        short: what the error says when there are fewer.
    """

    def __init__(self, stream: BinaryIO, short: str = "Premature end of stream") -> None:
        self._stream = stream
        self._short = short
        self._held = b""
        self._at = 0
        self.closed = False

    def at_end(self) -> bool:
        return not self._fill(1)

    def take(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            YtError: there are fewer.
        """
        if size > MOST_BYTES or not self._fill(size):
            raise YtError(self._short)
        self._at += size
        return self._held[self._at - size : self._at]

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end: what Arrow wants of a file."""
        self._fill(size)
        found = self._held[self._at : self._at + size]
        self._at += len(found)
        return found

    def _fill(self, size: int) -> bool:
        """Hold so many bytes; False if there are fewer left."""
        have = len(self._held) - self._at
        if have >= size:
            return True
        pieces = [self._held[self._at :]]
        while have < size and (piece := self._stream.read(max(PIECE_BYTES, size - have))):
            pieces.append(piece)
            have += len(piece)
        self._held, self._at = b"".join(pieces), 0
        return have >= size
