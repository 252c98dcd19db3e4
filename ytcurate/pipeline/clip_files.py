"""Clips that are kept as files of Cypress: which of them the jobs of a wave are given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ytcurate.mappers.clip_files import file_name
from ytcurate.operations.submit import CypressFile
from ytcurate.pipeline.remaining import Remaining, ranged

MOST_FILE_BYTES = 20 * 10**9
"""Of one wave: each of its jobs is given all of its files."""
MOST_FILES = 1000
"""Of one wave: they are listed in its spec."""
_PATH, _BYTES = "video_path", "bytes"


class ClipFiles:
    """The files of a table of clips; for a table from elsewhere, none.

    Args:
        client: of the cluster.
        table: the clips.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        names = {str(column["name"]) for column in client.get(f"{table}/@schema")}
        self.columns = (_PATH,) if _PATH in names else ()
        """What jobs read besides the columns of every table."""
        self._read = [name for name in (_PATH, _BYTES) if name in names]

    def bounded(self, left: Remaining, rows: int) -> tuple[range, ...]:
        """Take the first so many rows that are left; fewer if their files would be too many or too large."""
        ranges = left.first(rows)
        gathered = count = 0
        for place, (path, size) in enumerate(self._files(ranges)):
            if not path:
                continue
            gathered += size
            count += 1
            if place and (gathered > MOST_FILE_BYTES or count > MOST_FILES):
                return left.first(place)
        return ranges

    def there(self, ranges: Sequence[range]) -> list[CypressFile]:
        """List the files of some rows. What is not there is left out: its clip is a row that says so."""
        paths = dict.fromkeys(path for path, _ in self._files(ranges) if path)
        return [CypressFile(path, file_name(path)) for path in paths if self._client.exists(path)]

    def _files(self, ranges: Sequence[range]) -> Iterator[tuple[str, int]]:
        """Give each row's file, empty if it has none, and its bytes."""
        if not self.columns:
            return
        for row in self._client.read_table(ranged(self._client, self._table, ranges, self._read)):
            path = str(row.get(_PATH) or "")
            yield path, self._size(path, row.get(_BYTES)) if path else 0

    def _size(self, path: str, told: int | None) -> int:
        if told is not None:
            return int(told)
        if not self._client.exists(path):
            return 0
        return int(self._client.get(f"{path}/@uncompressed_data_size"))
