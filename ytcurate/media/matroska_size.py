"""How long a Matroska file says it is: FFmpeg takes the end of the file for the end of the video.

Source: RFC 8794, sections 4 and 6 (numbers of variable length, unknown sizes); RFC 9559, section 5.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer

_HEAD_BYTES = 1024
_SEGMENT = b"\x18\x53\x80\x67"
"""What follows the head of the file, and holds everything else."""


def missing_bytes(container: InputContainer) -> int:
    """By how much a Matroska or WebM file is shorter than it says; else 0."""
    if "matroska" not in container.format.name:
        return 0
    head = _head_of(container)
    at = head.find(_SEGMENT) + len(_SEGMENT)
    if at < len(_SEGMENT) or at + 8 > len(head) or not head[at]:
        return 0
    width = 9 - head[at].bit_length()
    unknown = (1 << 7 * width) - 1
    claimed = int.from_bytes(head[at : at + width], "big") & unknown
    if claimed == unknown:
        return 0
    return max(0, at + width + claimed - container.size)


def _head_of(container: InputContainer) -> bytes:
    if container.file is None:
        with Path(container.name).open("rb") as file:
            return file.read(_HEAD_BYTES)
    source = container.file.file
    place = source.tell()
    source.seek(0)
    head: bytes = source.read(_HEAD_BYTES)
    source.seek(place)
    return head
