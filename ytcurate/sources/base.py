"""What a source is and gives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ytcurate.media.probe import VideoLike

_READ_BYTES = 2**20


@dataclass(frozen=True)
class SourceVideo:
    """One video as received."""

    name: str
    """File name, or data set and row number; what reports call it."""
    video: VideoLike
    title: str | None = None
    """What it is called, where the source says so."""

    def digest(self) -> bytes:
        """Hash of all its bytes, 16 bytes long. Equal videos have equal digests wherever they lie.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(self.video, bytes):
            return hashlib.blake2b(self.video, digest_size=16).digest()
        digest = hashlib.blake2b(digest_size=16)
        with Path(self.video).open("rb") as file:
            while block := file.read(_READ_BYTES):
                digest.update(block)
        return digest.digest()


class Source(Protocol):
    """Videos to upload. Iterating again starts over, in the same order."""

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def count(self) -> int | None:
        """How many videos there are; None when that is known only at the end."""
        ...

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the videos in a fixed order."""
        ...
