"""Files that are cut short, flipped in places, or something else than their names say."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from fractions import Fraction
from functools import partial

import av

from tests.support.corpus.boxes import find, table
from tests.support.corpus.entry import (
    LOST,
    PICTURES,
    Entry,
    clips,
    content,
    either,
    faststart,
    good,
    made,
    pictures,
    reason,
    some,
)


def damaged() -> list[Entry]:
    """All entries of this module."""
    return [*_truncated(), *_flipped(), *_misnamed()]


def _truncated() -> list[Entry]:
    entries = []
    for tenth in range(1, 10):
        back = made(partial(_shorten, good, tenth))
        front = made(partial(_shorten, faststart, tenth))
        where = f"MP4 that ends after {tenth}/10"
        entries.append(reason(f"cut-moov-last-{tenth}.mp4", f"{where}; its index was at the end", back))
        begun = -(-tenth * 3 // 10)
        trouble = f"{where}; its index is in front"
        entries.append(some(f"cut-moov-first-{tenth}.mp4", trouble, front, begun, LOST, max_clips=begun))
    trouble = "MP4 that ends between two pictures; its index is in front"
    entries.append(some("cut-between.mp4", trouble, made(_cut_between), 2, LOST))
    entries.append(reason("empty.mp4", "no bytes", content(b""), r"empty \(0 bytes\)"))
    entries.append(reason("one-byte.mp4", "one byte", content(b"\0")))
    return entries


def _shorten(make, tenth: int) -> bytes:
    video = make()
    return video[: len(video) * tenth // 10]


def _cut_between() -> bytes:
    video = faststart()
    count = PICTURES // 2
    sizes = struct.unpack_from(f">{count}I", video, table(video, "stsz") + 12)
    (first,) = struct.unpack_from(">I", video, table(video, "stco") + 8)
    return video[: first + sum(sizes)]


def _flipped() -> list[Entry]:
    places = {
        "header": (lambda video: (0, 40), 2),
        "moov-1": (lambda video: find(video, "moov"), 1),
        "moov-2": (lambda video: find(video, "moov"), 4),
        "moov-3": (lambda video: find(video, "moov"), 40),
        "mdat-1": (lambda video: find(video, "mdat"), 1),
        "mdat-2": (lambda video: find(video, "mdat"), 20),
        "mdat-3": (lambda video: find(video, "mdat"), 500),
        "everywhere": (lambda video: (0, len(video)), 1000),
    }
    return [
        either(f"flip-{name}.mp4", f"{count} bits flipped in its {name}", made(partial(_flip, place, count)))
        for name, (place, count) in places.items()
    ]


def _flip(place, count: int) -> bytes:
    video = bytearray(good())
    start, end = place(bytes(video))
    rng = random.Random(count)
    for _ in range(count):
        video[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
    return bytes(video)


def _misnamed() -> list[Entry]:
    html = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>\n" * 20
    return [
        reason("text.mp4", "a text", content(b"This is a text, not a video.\n" * 50)),
        reason("page.mp4", "an HTML page, as a failed download leaves", content(html)),
        reason("zip.mp4", "a ZIP archive of a video", made(_zip)),
        reason(
            "jpeg.mp4", "a JPEG picture", made(partial(_picture, "mjpeg", "yuvj420p")), r"single pictures"
        ),
        reason("png.mp4", "a PNG picture", made(partial(_picture, "png", "rgb24")), r"single pictures"),
        either("animation.mp4", "an animated GIF", made(_gif)),
        clips("webm-inside.mp4", "a WebM named .mp4", made(partial(good, "webm", "libvpx")), *(20,) * 3),
        clips("mp4-inside.avi", "an MP4 named .avi", made(good)),
        reason("noise.mp4", "64 KiB of noise", content(random.Random(7).randbytes(65536))),
        reason(
            "zeros.mp4", "a MiB of zeros: space that was set aside and never written", content(bytes(2**20))
        ),
        clips("noise-behind.mp4", "64 KiB of noise behind the end", made(_with_tail)),
        reason(
            "half-zeros.mp4",
            "the second half is zeros: a download that stopped",
            made(partial(_half_zeros, good)),
        ),
        either(
            "half-zeros-first.mp4", "the same with its index in front", made(partial(_half_zeros, faststart))
        ),
    ]


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("video.mp4"), good())
    return file.getvalue()


def _picture(codec: str, pix_fmt: str) -> bytes:
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = 128, 96, pix_fmt
    encoder.framerate, encoder.time_base = Fraction(10), Fraction(1, 10)
    frame = next(pictures(1)).reformat(format=pix_fmt)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def _gif() -> bytes:
    return good("gif", "gif", count=20, pix_fmt="rgb8")


def _with_tail() -> bytes:
    return good() + random.Random(8).randbytes(65536)


def _half_zeros(make) -> bytes:
    video = make()
    half = len(video) // 2
    return video[:half] + bytes(len(video) - half)
