"""Little files that ask for much memory or time: a MiB of bytes and gigabytes of pictures."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from functools import cache, partial

import av

from tests.support.corpus.entry import FPS, Entry, either, made, reason
from tests.support.corpus.streams import packed

SIDE = 16000
"""Pixels; FFmpeg takes no picture much larger than this."""


def bombs() -> list[Entry]:
    """All entries of this module."""
    return [
        reason("bomb-png.mov", "PNG pictures of 16000x16000", made(_png_movie), r"over the limit"),
        either("bomb-h264.mp4", "H.264 pictures of 16000x16000, black", made(_h264_movie)),
        either("bomb.h264", "the same without a container", made(_h264)),
        reason("bomb.png.mp4", "one PNG picture of 16000x16000 named .mp4", made(partial(_black_png, SIDE))),
        either(
            "bomb-claim.h264",
            "H.264 that claims 65536x65536 and has no picture",
            made(lambda: _parameters(4096)),
        ),
    ]


def _png_movie() -> bytes:
    return packed([(_black_png(SIDE), True)] * 2, "png", "mov", 128, 96, "rgb24")


@cache
def _black_png(side: int) -> bytes:
    """A PNG whose pixels are all 0, written without ever holding them.

    A block of zeros is compressed once, up to a point where the compressor starts anew, and repeated.
    """
    line = 1 + side * 3  # the filter, and three bytes a pixel
    block_size = line * 64
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(block_size)) + compressor.flush(zlib.Z_FULL_FLUSH)
    total = line * side
    body = b"\x78\x9c" + block * (side // 64) + b"\x03\x00" + struct.pack(">HH", total % 65521, 1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


class _Bits:
    """Bits in the order in which H.264 writes them."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def put(self, value: int, width: int) -> _Bits:
        self.text.append(f"{value:0{width}b}")
        return self

    def golomb(self, *values: int) -> _Bits:
        """Unsigned Exp-Golomb codes."""
        for value in values:
            digits = f"{value + 1:b}"
            self.text.append("0" * (len(digits) - 1) + digits)
        return self

    def unit(self, head: int, middle: bytes = b"") -> bytes:
        """An Annex B unit: a stop bit, and a byte wherever the content would look like a start code."""
        text = "".join(self.text)
        if middle:
            # Whole bytes, shifted by the bits in front of them.
            count = len(middle) * 8
            number = int(text, 2) << count | int.from_bytes(middle, "big")
            width = len(text) + count
        else:
            number, width = int(text, 2), len(text)
        number, width = number << 1 | 1, width + 1
        number, width = number << -width % 8, width + -width % 8
        payload, safe, zeros = number.to_bytes(width // 8, "big"), bytearray(), 0
        for byte in payload:
            if zeros == 2 and byte <= 3:
                safe.append(3)
                zeros = 0
            safe.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([head]) + bytes(safe)


def _parameters(blocks: int) -> bytes:
    """The parameter sets of baseline H.264 whose sides are so many macroblocks of 16 pixels."""
    sequence = _Bits().put(66, 8).put(0, 8).put(62, 8).golomb(0, 0, 2, 1).put(0, 1)
    sequence.golomb(blocks - 1, blocks - 1).put(1, 1).put(1, 1).put(0, 1).put(0, 1)
    pictures = _Bits().golomb(0, 0).put(0, 1).put(0, 1).golomb(0, 0, 0).put(0, 1).put(0, 2)
    pictures.golomb(0, 0, 0).put(0, 1).put(0, 1).put(0, 1)
    return sequence.unit(0x67) + pictures.unit(0x68)


@cache
def _slices(blocks: int) -> tuple[bytes, bytes]:
    """A keyframe of one byte for each macroblock, and a picture of six bytes that repeats it."""
    # First macroblock 0, slice type I, parameters 0, frame 0, IDR 0, two flags, quantiser as it is.
    key = _Bits().golomb(0, 7, 0).put(0, 4).golomb(0).put(0, 2).golomb(0)
    # Intra 16x16 from the mean of the neighbours, chroma too, no change of quantiser, no residual.
    keyframe = key.unit(0x65, b"\x27" * (blocks * blocks))
    again = _Bits().golomb(0, 5, 0).put(1, 4).put(0, 1).put(0, 1).golomb(0).golomb(blocks * blocks)
    return keyframe, again.unit(0x01)


@cache
def _h264() -> bytes:
    blocks = SIDE // 16
    keyframe, again = _slices(blocks)
    return _parameters(blocks) + keyframe + again * 20


def _h264_movie() -> bytes:
    file = io.BytesIO()
    with av.open(io.BytesIO(_h264())) as stream, av.open(file, mode="w", format="mp4") as movie:
        track = movie.add_stream_from_template(stream.streams.video[0])
        for index, packet in enumerate(packet for packet in stream.demux(video=0) if packet.size):
            packet.stream, packet.time_base = track, Fraction(1, FPS)
            packet.pts, packet.dts, packet.duration = index, index, 1
            movie.mux(packet)
    return file.getvalue()
