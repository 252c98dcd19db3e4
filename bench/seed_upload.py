"""The plain way to upload videos, as platform notebooks do it: what ours is measured against.

    python -m bench.seed_upload FOLDER TABLE --proxy URL

The ffmpeg program cuts a file into pieces in a temporary folder, each piece is read, and one generator of
rows goes into one ``write_table`` with the client as it comes; only the row weight is raised. Written by us
after a public notebook's description.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yt.wrapper as yt

SEGMENT_S = 10
MAX_ROW_WEIGHT = 800 * 2**20
SCHEMA = [
    {"name": "ds_index", "type": "int64"},
    {"name": "segment_index", "type": "int64"},
    {"name": "video", "type_v3": {"type_name": "tagged", "tag": "video", "item": "string"}},
    {"name": "file_type", "type": "string"},
]


def main() -> None:
    """Be the program."""
    folder, table, _, proxy = sys.argv[1:]
    client = yt.YtClient(proxy=proxy)
    client.create("table", table, recursive=True, attributes={"schema": SCHEMA})
    client.write_table(table, rows(Path(folder)), table_writer={"max_row_weight": MAX_ROW_WEIGHT})


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """Cut file after file."""
    for ds_index, path in enumerate(sorted(folder.iterdir())):
        with tempfile.TemporaryDirectory() as pieces:
            command = [
                *("ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-f", "segment"),
                *("-segment_time", str(SEGMENT_S), "-c", "copy", "-an", "-reset_timestamps", "1"),
                f"{pieces}/%03d.mp4",
            ]
            subprocess.run(command, check=True)
            for segment_index, piece in enumerate(sorted(Path(pieces).iterdir())):
                yield {
                    "ds_index": ds_index,
                    "segment_index": segment_index,
                    "video": piece.read_bytes(),
                    "file_type": "mp4",
                }


if __name__ == "__main__":
    main()
