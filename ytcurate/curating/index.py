"""Which clips are there and worth a look of the model: read once, when they come, in small columns."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from typing import Any

from ytcurate.config import Thresholds
from ytcurate.curating.judge import QUALITY_COLUMNS, why_not_good

KEY_COLUMNS = ("ds_index", "segment_index", "clip_id")


def key_of(row: Any) -> bytes:
    """What is the same for a clip in all tables of a run: 16 bytes."""
    content = f"{row['ds_index']} {row['segment_index']} {row['clip_id']}"
    return hashlib.blake2b(content.encode(), digest_size=16).digest()


class ClipIndex:
    """The clips that pass the quality filter, in the order of their table.

    Args:
        table: the clips.
        thresholds: of the filter; None: all clips pass, scored or not.
    """

    def __init__(self, table: str, thresholds: Thresholds | None) -> None:
        self._table = table
        self._thresholds = thresholds
        self.rows: array[int] = array("q")
        """Numbers of their rows, ascending."""
        self.keys: list[bytes] = []
        """Of the same clips."""
        self.looked_at = 0
        """Rows of the table that were read."""
        self.failed: Counter[str] = Counter()
        """Clips that do not pass, by the step that they fail."""

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, client: Any) -> list[tuple[int, bytes]]:
        """Read what has come since the last time, and give what is worth a look; ``add`` takes it in."""
        import yt.wrapper as yt

        thresholds = self._thresholds
        columns = list(dict.fromkeys((*KEY_COLUMNS, *(QUALITY_COLUMNS if thresholds else ()))))
        path = yt.TablePath(self._table, columns=columns, start_index=self.looked_at, client=client)
        good = []
        for row in client.read_table(path):
            failed = why_not_good(row, thresholds) if thresholds else None
            if failed is None:
                good.append((self.looked_at, key_of(row)))
            else:
                self.failed[failed.step] += 1
            self.looked_at += 1
        return good

    def add(self, good: list[tuple[int, bytes]]) -> None:
        """Take clips in."""
        self.rows.extend(row for row, _ in good)
        self.keys.extend(key for _, key in good)
