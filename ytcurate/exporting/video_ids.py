"""What the source of a clip is called outside: twelve digits of the SHA-256 of its bytes."""

from __future__ import annotations

from array import array
from typing import Any

_DIGITS = 12


class VideoIds:
    """``ds_index`` → the first twelve hexadecimal digits of the source's SHA-256; 16 bytes for each.

    All bytes count, not the head of the file, so that two videos of one camera do not share a name.

    Args:
        client: of the cluster.
        table: the sources beside the clips; None: nothing is known of them.
    """

    def __init__(self, client: Any, table: str | None) -> None:
        import numpy as np
        import yt.wrapper as yt

        indices, names = array("q"), array("q")
        if table is not None:
            path = yt.TablePath(table, columns=["ds_index", "sha256"], client=client)
            for row in client.read_table(path):
                if row.get("sha256"):
                    indices.append(int(row["ds_index"]))
                    names.append(int(row["sha256"][:_DIGITS], 16))
        order = np.argsort(np.frombuffer(indices, np.int64), kind="stable")
        self._indices = np.frombuffer(indices, np.int64)[order]
        self._names = np.frombuffer(names, np.int64)[order]

    def get(self, ds_index: int, clip_id: str | None) -> str | None:
        """Name a source; by the first twelve digits of the clip's id where it is not known."""
        import numpy as np

        at = int(np.searchsorted(self._indices, ds_index))
        if at < len(self._indices) and int(self._indices[at]) == ds_index:
            return f"{int(self._names[at]):0{_DIGITS}x}"
        return clip_id[:_DIGITS] if clip_id else None
