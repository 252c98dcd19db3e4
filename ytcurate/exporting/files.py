"""Plain files: each clip as a video, and lists of them as JSON lines and CSV."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from typing import Any

from ytcurate.config import MIB
from ytcurate.exporting.columns import EMBEDDING
from ytcurate.exporting.folder import ExportFile, Folder
from ytcurate.exporting.reader import ExportClip, ExportReader
from ytcurate.exporting.text import json_bytes, text_values

_PIECE_BYTES = MIB


def write_files(reader: ExportReader, folder: Folder) -> None:
    """Write ``clips/<ds_index>/<segment>.mp4``, ``manifest.jsonl`` and ``manifest.csv``.

    Both lists have a line for each clip: ``path`` and ``sha256`` of its video (none if it has none) and what
    is known of it. Embeddings are in the JSON lines only. Names of files are made of numbers.
    """
    names = ["path", "sha256", *(field.name for field in reader.fields if field.is_text)]
    with folder.create("manifest.jsonl") as lines, folder.create("manifest.csv") as table:
        table.write(_csv_line(names))
        for shard in reader.shards:
            for batch in reader.batches(shard):
                for clip in batch:
                    video = _write_video(clip, folder)
                    about: dict[str, Any] = {"path": None, "sha256": None}
                    if video is not None:
                        about = {"path": video[0], "sha256": video[1].sha256}
                    about |= text_values(reader.fields, clip)
                    table.write(_csv_line([_csv_value(about[name]) for name in names]))
                    lines.write(json_bytes(about | {EMBEDDING: clip.values[EMBEDDING]}) + b"\n")


def _write_video(clip: ExportClip, folder: Folder) -> tuple[str, ExportFile] | None:
    if clip.video is None:
        return None
    name = f"clips/{clip.ds_index:08d}/{clip.segment_index:05d}.{clip.video.extension}"
    with closing(clip.video.open()) as video, folder.create(name) as file:
        while piece := video.read(_PIECE_BYTES):
            file.write(piece)
    return name, file


def _csv_line(values: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode()


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return json_bytes(value).decode() if isinstance(value, list | dict) else value
