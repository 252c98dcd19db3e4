"""Watch: one clip of a table, to play in a notebook or to keep as a file."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from ytcurate.connection import client_for
from ytcurate.errors import TableError
from ytcurate.tables import store


@dataclass(frozen=True)
class ClipView:
    """One clip, ready to be played."""

    caption: str
    video: bytes
    file_type: str

    def _repr_html_(self) -> str:
        """Play it in a notebook; the video travels inside the page."""
        source = f"data:video/{escape(self.file_type)};base64,{base64.b64encode(self.video).decode()}"
        return (
            f"<figure><video controls width='480' src='{source}'></video>"
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def save(self, path: str | Path) -> Path:
        """Write the video to a file and return its path."""
        path = Path(path)
        path.write_bytes(self.video)
        return path


def watch(
    table: str,
    ds_index: int = 0,
    segment_index: int = 0,
    *,
    caption: str | None = None,
    proxy: str | None = None,
    client: Any = None,
) -> ClipView:
    """Fetch one clip; only its row is read, whatever the size of the table, or the file that it is kept in.

    Args:
        table: clips, as upload writes them.
        ds_index: which source.
        segment_index: which clip of it.
        caption: shown below the video, for example its description.
        proxy: the cluster; see ``connect``.
        client: a YT client to use instead, or the module ``yt.wrapper``.

    Raises:
        TableMissing, SchemaMismatch: the table is not one of clips.
        TableError: it has no such clip, the clip has no video, or the file that it is kept in is gone.
    """
    import yt.wrapper as yt

    client = client_for(client, proxy)
    store.require_table(client, table, ("ds_index", "segment_index", "video"))
    columns = ["video", "file_type"]
    if any(column["name"] == "video_path" for column in client.get(f"{table}/@schema")):
        columns.append("video_path")
    names = store.read_rows(client, table, ["ds_index", "segment_index"])
    wanted = {"ds_index": ds_index, "segment_index": segment_index}
    if wanted not in names:
        raise TableError(
            f"{table}: no clip {segment_index} of source {ds_index} among its {len(names)} rows."
        )
    at = names.index(wanted)
    path = yt.TablePath(table, columns=columns, start_index=at, end_index=at + 1, client=client)
    (row,) = client.read_table(path, format=yt.YsonFormat(encoding=None))
    video = row.get(b"video")
    if video is None and row.get(b"video_path"):
        video = _read_file(client, row[b"video_path"].decode(), f"{table}: clip {segment_index}")
    if video is None:
        raise TableError(f"{table}: clip {segment_index} of source {ds_index} has no video; see its outcome.")
    return ClipView(
        caption or f"source {ds_index}, clip {segment_index}",
        bytes(video),
        (row.get(b"file_type") or b"mp4").decode(),
    )


def _read_file(client: Any, path: str, what: str) -> bytes:
    import yt.wrapper as yt

    try:
        return bytes(client.read_file(path).read())
    except yt.YtResponseError as error:
        if not error.is_resolve_error():
            raise
        raise TableError(f"{what} is kept in {path}, which is not there any more.") from error
