"""What a source is and gives: the seam for sources of your own.

A source is anything with a ``name``, a ``count`` and an ``__iter__`` that gives ``SourceVideo`` values in a
fixed order; ``ytcurate.upload`` takes it in the place of a name. Iterate without fetching: a video that is
not at hand is given as a ``Remote``, which the processes that cut fetch side by side. Cameras that are asked
for what they recorded, for example:

>>> @dataclass(frozen=True)
... class Recording:                                     # a Remote: pickled, sent, and fetched there
...     camera: str
...
...     def fetch(self, folder: Path) -> Path:
...         path = folder / "recording.mp4"
...         path.write_bytes(b"what " + self.camera.encode() + b" saw")
...         return path
>>> class Cameras:                                       # a Source
...     name = "cameras of the hall"
...     count = 2
...     columns = {"floor": "int64"}                     # carried into the table, for each clip
...
...     def __iter__(self) -> Iterator[SourceVideo]:
...         for floor, camera in enumerate(["door", "stairs"]):
...             yield SourceVideo(f"{self.name}/{camera}", Recording(camera), extra={"floor": floor})
>>> [video.name for video in Cameras()]
['cameras of the hall/door', 'cameras of the hall/stairs']
>>> isinstance(Recording("door"), Remote)
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ytcurate.media.probe import VideoLike


@runtime_checkable
class Remote(Protocol):
    """A video that must be fetched first. Is sent to another process, so it can be pickled."""

    def fetch(self, folder: Path) -> VideoLike:
        """Fetch the whole video.

        Args:
            folder: to put files in; it is removed afterwards.

        Raises:
            OSError, VideoError: it cannot be had; the message becomes the row's ``detail``.
        """
        ...


@dataclass(frozen=True)
class SourceVideo:
    """One video as received."""

    name: str
    """File name, address, or data set and row number: what reports call it, and what tells a video that was
    uploaded before from a new one. No two of a source are the same."""
    video: VideoLike | Remote
    title: str | None = None
    """What it is called, where the source says so."""
    size: int | None = None
    """Bytes, where they are known without reading it."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Values of the source's ``columns``."""

    def digest(self) -> bytes:
        """SHA-256 of all bytes of a video that is at hand. Equal videos have equal digests wherever they lie.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(self.video, Remote):
            raise TypeError(f"{self.name} is to be fetched first")
        return digest_of(self.video)


def digest_of(video: VideoLike) -> bytes:
    """SHA-256 of a video's bytes, 32 bytes long.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(video, bytes):
        return hashlib.sha256(video).digest()
    with Path(video).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


class Source(Protocol):
    """Videos to upload. Iterating again starts over, in the same order.

    It may also have

    - ``columns``: extra columns that its videos carry into the table, name → YT type (``utf8``, ``int64``,
      ``uint64``, ``double``, ``boolean``, ``string``, ``any``); see ``SourceVideo.extra``;
    - ``total_bytes``: of all videos, where that is known without reading them.
    """

    @property
    def name(self) -> str:
        """What the user called it."""
        ...

    @property
    def count(self) -> int | None:
        """How many videos there are; None when that is known only at the end."""
        ...

    def __iter__(self) -> Iterator[SourceVideo]:
        """Give the videos in a fixed order.

        Raises:
            OSError, YtcurateError: the source itself breaks off, with a reason. A video that cannot be had
                is no reason to: it is given as a ``Remote`` that raises when it is fetched.
        """
        ...
