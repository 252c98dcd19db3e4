"""Clips that are too heavy for a row: in a job they are files of the sandbox, named as in Cypress."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yt.yson import get_bytes


def file_name(video_path: str) -> str:
    """What the file of a clip is called in a job's sandbox."""
    return video_path.rpartition("/")[2]


def clip_file(row: Mapping[str, Any]) -> Path | None:
    """Where a row's clip lies if it is a file; whether it is there is another question."""
    path = row.get("video_path")
    if row.get("video") is not None or not path:
        return None
    text = path if isinstance(path, str) else get_bytes(path).decode()
    return Path(file_name(text)).absolute()


def name_of_bytes(video: bytes | Path) -> str:
    """Name a clip without an id after its bytes: 32 hexadecimal digits."""
    if isinstance(video, bytes):
        return hashlib.blake2b(video, digest_size=16).hexdigest()
    with video.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
