"""The table of sources beside a table of clips: what was taken, so that nothing is taken twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

GOOD_OUTCOMES = frozenset({"ok", "duplicate"})
"""Of a source that need not be tried again."""


def sources_table(table: str) -> str:
    """Path of the table of sources that belongs to a table of clips."""
    return f"{table}_sources"


class KeyIndex:
    """Keys of 16 bytes or more → numbers, for tens of millions of them: 24 bytes each, not a few hundred.

    What is loaded at the start lies in sorted arrays; what is added afterwards in a dictionary. Only the
    first 16 bytes of a key count.
    """

    def __init__(self, keys: bytes = b"", numbers: list[int] | None = None) -> None:
        """Load.

        Args:
            keys: 16 bytes for each, one after the other.
            numbers: of each key. Of equal keys the first counts.
        """
        import numpy as np

        halves = np.frombuffer(keys or b"", ">u8").astype(np.uint64).reshape(-1, 2)
        order = np.lexsort((np.arange(len(halves)), halves[:, 1], halves[:, 0]))
        self._high: np.ndarray[Any, Any] = halves[order, 0]
        self._low: np.ndarray[Any, Any] = halves[order, 1]
        self._numbers: np.ndarray[Any, Any] = np.asarray(numbers or [], np.int64)[order]
        self._added: dict[bytes, int] = {}

    def __setitem__(self, key: bytes, number: int) -> None:
        self._added[key[:16]] = number

    def get(self, key: bytes) -> int | None:
        """The number of a key; None if it is not there."""
        import numpy as np

        added = self._added.get(key[:16])
        if added is not None:
            return added
        high, low = (int.from_bytes(part, "big") for part in (key[:8], key[8:16]))
        place = int(np.searchsorted(self._high, np.uint64(high)))
        while place < len(self._high) and int(self._high[place]) == high:
            if int(self._low[place]) == low:
                return int(self._numbers[place])
            place += 1
        return None

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def __len__(self) -> int:
        return len(self._high) + len(self._added)


def name_key(name: str) -> bytes:
    """The key of a source's name."""
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()


@dataclass
class Taken:
    """What earlier uploads into a table took."""

    names: KeyIndex = field(default_factory=KeyIndex)
    """Name → ds_index, of sources that need not be tried again."""
    digests: KeyIndex = field(default_factory=KeyIndex)
    """Digest → ds_index, of sources that are no duplicates."""


def read_taken(client: Any, path: str, *, first_index: int = 0, again: bool = False) -> Taken:
    """Read the table of sources.

    Args:
        client: of the cluster.
        path: of the table of sources.
        first_index: names of sources before this ``ds_index`` do not count.
        again: sources that ended badly do not count, so that they are tried again.
    """
    import yt.wrapper as yt

    names, name_numbers = bytearray(), []
    digests, digest_numbers = bytearray(), []
    columns = ["ds_index", "source", "sha256", "outcome"]
    for row in client.read_table(yt.TablePath(path, columns=columns, client=client)):
        number, is_good = int(row["ds_index"]), row["outcome"] in GOOD_OUTCOMES
        if number >= first_index and (is_good or not again):
            names += name_key(row["source"])
            name_numbers.append(number)
        if row["sha256"] and row["outcome"] != "duplicate" and (is_good or not again):
            digests += bytes.fromhex(row["sha256"])[:16]
            digest_numbers.append(number)
    return Taken(KeyIndex(bytes(names), name_numbers), KeyIndex(bytes(digests), digest_numbers))
