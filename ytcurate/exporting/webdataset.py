"""WebDataset: tar files that are read front to back, the files of a clip side by side."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from contextlib import closing
from typing import Any, BinaryIO

from ytcurate.exporting.columns import EMBEDDING, KEYFRAME
from ytcurate.exporting.folder import Folder
from ytcurate.exporting.reader import ClipVideo, ExportClip, ExportReader
from ytcurate.exporting.text import json_bytes, text_values


def write_webdataset(reader: ExportReader, folder: Folder, *, provenance: Mapping[str, Any]) -> None:
    """Write ``shard-000000.tar``, ... and ``manifest.json``.

    A clip is ``<key>.mp4`` (or its own extension), ``<key>.jpg`` (the keyframe), ``<key>.npy`` (the
    embedding, float32) and ``<key>.json`` (all the rest, with the SHA-256 of the video). What it has not is
    left out. The same rows give the same bytes.
    """
    shards = []
    for number, shard in enumerate(reader.shards):
        name = f"shard-{number:06d}.tar"
        with folder.create(name) as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:  # type: ignore[call-overload]
                for batch in reader.batches(shard):
                    for clip in batch:
                        _add_clip(tar, clip, reader)
            shards.append({"name": name, "rows": len(shard), "bytes": file.size, "sha256": file.sha256})
    manifest = {"format": "webdataset", "rows": reader.rows, "shards": shards, "provenance": dict(provenance)}
    with folder.create("manifest.json") as file:
        file.write(json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")


def _add_clip(tar: tarfile.TarFile, clip: ExportClip, reader: ExportReader) -> None:
    values = text_values(reader.fields, clip)
    if clip.video is not None:
        values["sha256"] = _add_video(tar, f"{clip.key}.{clip.video.extension}", clip.video)
    picture, vector = clip.values.get(KEYFRAME), clip.values.get(EMBEDDING)
    if picture is not None:
        _add(tar, f"{clip.key}.jpg", picture)
    if vector is not None:
        _add(tar, f"{clip.key}.npy", _npy(vector))
    _add(tar, f"{clip.key}.json", json_bytes(values))


def _add_video(tar: tarfile.TarFile, name: str, video: ClipVideo) -> str:
    info = tarfile.TarInfo(name)
    info.size = video.size
    with closing(video.open()) as file:
        hashed = _Hashed(file)
        tar.addfile(info, hashed)  # type: ignore[arg-type]
    return hashed.digest.hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # of time 0 and nobody
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _npy(vector: list[float]) -> bytes:
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.asarray(vector, np.float32), allow_pickle=False)
    return file.getvalue()


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer only at the end: tarfile takes a short read for it."""
        pieces = []
        while size and (piece := self._file.read(size)):
            self.digest.update(piece)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
