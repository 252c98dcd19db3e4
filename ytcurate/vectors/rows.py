"""Rows with vectors, as they come from a cluster: binary YSON → numbers, without a Python object for each.

In binary YSON a list of D doubles is ``[`` and D times a tag, eight bytes and ``;`` and then ``]``: of one
size, so that NumPy takes the doubles of a thousand rows at once. The library splits the stream into rows and
parses what else is in them. A row where the list lies otherwise is parsed whole: slower, never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ytcurate.errors import SchemaMismatch

if TYPE_CHECKING:
    import numpy as np

EMBEDDING = "embedding"
_KEYS = (b"ds_index", b"segment_index", b"clip_id")
_PREFIX = b"\x01\x12embedding=["
_ITEM_BYTES = 10
_DOUBLE = 3
"""The tag of a double."""
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a table that have a vector."""

    rows: np.ndarray
    """int64: their numbers in the table, rising."""
    ds_index: np.ndarray
    """int64."""
    segment_index: np.ndarray
    """int64."""
    clip_id: np.ndarray
    """bytes; empty where the row has none."""
    numbers: np.ndarray
    """float64, one row for each further column; nan for none."""
    vectors: np.ndarray
    """float32, of unit length."""


class RowParser:
    """Makes blocks of a stream of rows, and counts what it leaves out.

    Args:
        columns: further columns, of numbers or booleans.
        dimension: of the vectors; None: that of the first row that has one.
    """

    def __init__(self, columns: Sequence[str], dimension: int | None = None) -> None:
        self.columns = tuple(columns)
        self.dimension = dimension
        self.without = 0
        """Rows left out so far because they have no vector."""
        self.wrong = 0
        """Rows left out so far because their vector has another length, is zero, or is not finite."""
        self._next_row = 0

    def blocks(self, rows: Iterable[bytes]) -> Iterator[Block]:
        """Parse rows, each as binary YSON, in the order of the table.

        Raises:
            SchemaMismatch: a row lacks a key column, or a further column holds something else than numbers.
        """
        rows = iter(rows)
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            yield self._block(some)

    def _block(self, rows: list[bytes]) -> Block:
        import numpy as np

        parsed = [self._parse(row) for row in rows]
        if not _are_doubles(b"".join(body for body, _ in parsed if body)):
            parsed = [self._parse_whole(row) for row in rows]
        self.without += sum(body is None for body, _ in parsed)
        there = [at for at, (body, _) in enumerate(parsed) if body]
        vectors, good = self._unit_vectors([parsed[at][0] or b"" for at in there])
        self.wrong += sum(body is not None for body, _ in parsed) - len(good)
        there = [there[at] for at in good]
        records = [parsed[at][1] for at in there]
        numbers = np.array(there, np.int64) + self._next_row
        self._next_row += len(rows)
        clip_ids = [record.get(b"clip_id") or b"" for record in records]
        return Block(
            rows=numbers,
            ds_index=self._keys(records, b"ds_index"),
            segment_index=self._keys(records, b"segment_index"),
            clip_id=np.array(clip_ids, np.bytes_) if clip_ids else np.empty(0, "S1"),
            numbers=self._numbers(records),
            vectors=vectors,
        )

    def _parse(self, row: bytes) -> tuple[bytes | None, Any]:
        """The items of a row's vector, and what else it has.

        None: it has no vector. Nothing (``b""``): it has one of another length.
        """
        start = row.find(_PREFIX)
        if start >= 0 and self.dimension is not None:
            first = start + len(_PREFIX)
            length = _ITEM_BYTES * self.dimension
            # The last item ends with a semicolon or, from some writers, without.
            for end in (first + length, first + length - 1):
                if row[end : end + 2] == b"];":
                    return row[first:end].ljust(length, b";"), _loads(row[:start] + row[end + 2 :])
        return self._parse_whole(row)

    def _parse_whole(self, row: bytes) -> tuple[bytes | None, Any]:
        record = _loads(row)
        values = record.pop(EMBEDDING.encode(), None)
        if values is None:
            return None, record
        if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
            raise SchemaMismatch(f'column "{EMBEDDING}": a list of numbers is expected, not {values!r:.60}.')
        if self.dimension is None and values:
            self.dimension = len(values)
        return _items(values) if len(values) == self.dimension else b"", record

    def _unit_vectors(self, bodies: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of length 1, and of which bodies they are."""
        import numpy as np

        values = np.frombuffer(b"".join(bodies), _item_type())["value"].reshape(
            len(bodies), self.dimension or 0
        )
        with np.errstate(over="ignore", invalid="ignore"):
            lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
        good = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
        return (values[good] / lengths[good, None]).astype(np.float32), good

    def _keys(self, records: list[Any], name: bytes) -> np.ndarray:
        import numpy as np

        try:
            return np.array([record[name] for record in records], np.int64)
        except (KeyError, TypeError) as error:
            raise SchemaMismatch(
                f'a row with a vector has no "{name.decode()}"; every row must have one.'
            ) from error

    def _numbers(self, records: list[Any]) -> np.ndarray:
        import numpy as np

        found = np.empty((len(self.columns), len(records)))
        for at, name in enumerate(self.columns):
            values = [record.get(name.encode()) for record in records]
            try:
                found[at] = [math.nan if value is None else float(value) for value in values]
            except (TypeError, ValueError) as error:
                raise SchemaMismatch(
                    f'column "{name}": numbers or booleans are expected; {error}.'
                ) from error
        return found


def _are_doubles(items: bytes) -> bool:
    """Whether each item is a double, with its tag in front and a semicolon behind."""
    import numpy as np

    parts = np.frombuffer(items, _item_type())
    return bool((parts["tag"] == _DOUBLE).all() and (parts["end"] == ord(";")).all())


def _item_type() -> Any:
    import numpy as np

    return np.dtype([("tag", "u1"), ("value", "<f8"), ("end", "u1")])


def _items(values: Sequence[float]) -> bytes:
    import numpy as np

    made = np.empty(len(values), _item_type())
    made["tag"], made["value"], made["end"] = _DOUBLE, [float(value) for value in values], ord(";")
    return made.tobytes()


def _loads(row: bytes) -> Any:
    import yt.yson as yson

    return yson.loads(row.rstrip(b";"), encoding=None, always_create_attributes=False)
