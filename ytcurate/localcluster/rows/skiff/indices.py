"""Row and range numbers of a Skiff stream, sent only where they do not follow from the row before."""

from __future__ import annotations

import struct

from ytcurate.localcluster.errors import YtError

INT64 = struct.Struct("<q")
UNKNOWN = -2
SAME, GIVEN, MISSING = b"\x00", b"\x01", b"\x02"


class Indices:
    """Remembers where the stream is."""

    def __init__(self) -> None:
        self._table = self._range = self._row = UNKNOWN

    def enter(self, table: int, range_index: int | None, *, tells_range: bool) -> None:
        """Rows of this table and range follow; a range of None is not known."""
        if table != self._table:
            self._table, self._range, self._row = table, UNKNOWN, UNKNOWN
        if range_index is None and not tells_range:
            return
        if range_index != self._range:
            self._range = self._row = UNKNOWN

    def row(self, index: int | None, *, may_miss: bool) -> bytes:
        """The field of one row's number.

        Raises:
            YtError: the number is not known and the schema has no way to say so.
        """
        if index is None:
            self._row = UNKNOWN
            return _missing("Row", may_miss)
        follows, self._row = index == self._row + 1, index
        return SAME if follows else GIVEN + INT64.pack(index)

    def range(self, index: int | None, *, may_miss: bool) -> bytes:
        """The field of one row's range.

        Raises:
            YtError: as `row`.
        """
        if index is None:
            return _missing("Range", may_miss)
        is_same, self._range = index == self._range, index
        return SAME if is_same else GIVEN + INT64.pack(index)


def _missing(what: str, may_miss: bool) -> bytes:
    if not may_miss:
        raise YtError(f"{what} index requested but reader did not return it")
    return MISSING
