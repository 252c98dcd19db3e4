"""MP4 boxes: find, replace and patch them, as a hostile or careless program would."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PARENTS = frozenset({"moov", "trak", "mdia", "minf", "dinf", "stbl", "edts", "udta", "moof", "traf", "mvex"})


def children(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[str, int, int]]:
    """Kind, first and last byte (exclusive) of each box, header included."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind.decode("latin1"), start, start + size
        start += size


def find(data: bytes, *path: str) -> tuple[int, int]:
    """First and last byte (exclusive) of the first box at this path, header included."""
    start, end = 0, len(data)
    for depth, wanted in enumerate(path):
        inside = start + 8 if depth else 0
        start, end = next((a, b) for kind, a, b in children(data, inside, end) if kind == wanted)
    return start, end


def table(data: bytes, name: str) -> int:
    """Where the payload of a box of the first track's sample table begins."""
    return find(data, "moov", "trak", "mdia", "minf", "stbl", name)[0] + 8


def patch(data: bytes, at: int, layout: str, *values: int) -> bytes:
    """Overwrite numbers in place (big-endian); nothing moves."""
    changed = bytearray(data)
    struct.pack_into(f">{layout}", changed, at, *values)
    return bytes(changed)


def rename(data: bytes, kind: str, *path: str) -> bytes:
    """Give a box another kind, such as ``free``: to readers it is gone."""
    at = find(data, *path)[0] + 4
    return data[:at] + kind.encode("latin1") + data[at + 4 :]


def replace(data: bytes, new: bytes, *path: str) -> bytes:
    """Put other bytes in the place of a box, and correct the sizes of the boxes around it.

    What lies behind moves: with the moov at the end, the sample offsets stay right.
    """
    start, end = find(data, *path)
    changed = bytearray(data[:start] + new + data[end:])
    for depth in range(1, len(path)):
        at, old_end = find(data, *path[:depth])
        struct.pack_into(">I", changed, at, old_end - at + len(new) - (end - start))
    return bytes(changed)


def box(kind: str, payload: bytes) -> bytes:
    """A box with its header."""
    return struct.pack(">I4s", len(payload) + 8, kind.encode("latin1")) + payload


def edit_list(*edits: tuple[int, int]) -> bytes:
    """An ``edts`` of (length in the movie's time scale, start in the track's; -1: nothing is shown)."""
    entries = b"".join(struct.pack(">Iihh", length, start, 1, 0) for length, start in edits)
    return box("edts", box("elst", struct.pack(">II", 0, len(edits)) + entries))


def alias(path: str) -> bytes:
    """A Macintosh alias record inside an ``alis`` box: says that samples lie in another file."""
    name = path.rpartition("/")[2].encode()[:63]
    record = bytearray(150)
    struct.pack_into(">HH", record, 4, 150, 2)
    record[10] = 4
    record[11:15] = b"disk"
    record[50] = len(name)
    record[51 : 51 + len(name)] = name
    words = path.encode()
    padded = words + b"\0" * (len(words) % 2)
    record += struct.pack(">HH", 2, len(words)) + padded + struct.pack(">HH", 18, len(words)) + padded
    record += struct.pack(">HH", 0xFFFF, 0)
    return box("alis", struct.pack(">I", 0) + bytes(record))
