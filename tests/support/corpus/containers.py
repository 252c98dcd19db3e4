"""Transport streams, Matroska, AVI and FLV, damaged where each of them can be."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from functools import cache, partial

from tests.support.corpus.entry import LOST, PICTURES, Entry, clips, either, good, made, reason, some

PACKET = 188
"""Bytes of a packet of a transport stream."""
CLUSTER, SIMPLE_BLOCK, SIMPLE_TAG = b"\x1f\x43\xb6\x75", 0xA3, b"\x67\xc8"
CLUSTER_FIELDS = (0xE7, 0xA7, 0xAB, 0xEC, 0xBF)
"""Time, position, previous size, void, checksum."""


def wrong_containers() -> list[Entry]:
    """All entries of this module."""
    return [*_transport_streams(), *_matroska(), *_avi(), *_flv()]


def on(change: Callable[[bytes], bytes], *kind: str, **more: object) -> Callable:
    """A maker of a good video of another container that was changed."""
    return made(lambda: change(good(*kind, **more)))


def _transport_streams() -> list[Entry]:
    wrap = (("output_ts_offset", "95440"),)
    return [
        clips("good.ts", "nothing: a transport stream", made(partial(good, "mpegts"))),
        either("loss.ts", "every 50th packet of 188 bytes is lost", on(_lose, "mpegts"), min_clips=2),
        either("loss-bytes.ts", "100 bytes are lost in the middle", on(_lose_bytes, "mpegts"), min_clips=2),
        clips("wrap.ts", "its pts pass 2^33 and begin again at 0", made(partial(good, "mpegts", muxer=wrap))),
        either("pid.ts", "its video goes on under another PID", made(_change_pid), min_clips=3, whole=True),
        either(
            "twice.ts", "the same file twice, so its times begin again", on(lambda video: video * 2, "mpegts")
        ),
        either("late.ts", "begins inside a GOP: its first keyframe is lost", on(_without_start, "mpegts")),
        either("half.ts", "ends in the middle", on(_half, "mpegts"), min_clips=1),
        either("sizes.ts", "its pictures grow in the middle", made(_two_sizes), min_clips=3),
        reason(
            "header.ts",
            "the first of its headers, which FFmpeg copies into every clip, is damaged",
            on(_break_header, "mpegts"),
            r"the header of this h264 stream is damaged",
        ),
        either("no-tables.ts", "its tables, which say what is in it, are missing", on(_no_tables, "mpegts")),
    ]


def _lose(video: bytes) -> bytes:
    packets = [video[at : at + PACKET] for at in range(0, len(video), PACKET)]
    return b"".join(packet for index, packet in enumerate(packets) if index % 50 != 49)


def _lose_bytes(video: bytes) -> bytes:
    half = len(video) // 2
    return video[:half] + video[half + 100 :]


def _change_pid() -> bytes:
    other = good("mpegts", muxer=(("mpegts_start_pid", "512"), ("output_ts_offset", "6")))
    return good("mpegts") + other


def _break_header(video: bytes) -> bytes:
    parameters = video.index(b"\0\0\0\1\x68") + 3
    return video[:parameters] + b"\x10" + video[parameters + 1 :]


def _without_start(video: bytes) -> bytes:
    return video[: 3 * PACKET] + video[len(video) // 20 // PACKET * PACKET :]


def _half(video: bytes) -> bytes:
    return video[: len(video) // 2]


def _two_sizes() -> bytes:
    larger = good("mpegts", width=160, height=120, muxer=(("output_ts_offset", "6"),))
    return good("mpegts") + larger


def _no_tables(video: bytes) -> bytes:
    packets = [video[at : at + PACKET] for at in range(0, len(video), PACKET)]
    return b"".join(packet for packet in packets if packet[1] & 0x1F)


def _matroska() -> list[Entry]:
    live = (("live", "1"),)
    blocks = list(range(PICTURES))
    rng = random.Random(3)
    shuffled = [rng.randrange(-30_000, 30_000) for _ in blocks]
    return [
        clips("good.mkv", "nothing: Matroska", made(partial(good, "matroska"))),
        clips(
            "live.mkv",
            "its clusters do not say how long they are",
            made(partial(good, "matroska", muxer=live)),
        ),
        either(
            "cluster-long.mkv",
            "its first cluster claims 2^56 - 2 bytes",
            on(partial(_resize, 2**56 - 2), "matroska"),
        ),
        either(
            "cluster-short.mkv", "its first cluster claims 100 bytes", on(partial(_resize, 100), "matroska")
        ),
        either("cluster-0.mkv", "its first cluster claims 0 bytes", on(partial(_resize, 0), "matroska")),
        some("half.mkv", "ends in the middle", on(_half, "matroska"), 2, LOST, max_clips=2),
        either("lacing.mkv", "each block claims 256 frames of EBML lacing", on(_lace, "matroska")),
        either("nested.mkv", "20,000 tags inside each other", on(_nest, "matroska"), whole=True),
        either(
            "times-same.mkv",
            "all pictures of a cluster have one pts",
            on(partial(_retime, [0] * PICTURES), "matroska"),
        ),
        either(
            "times-random.mkv",
            "the pts of its pictures are random",
            on(partial(_retime, shuffled), "matroska"),
        ),
        either(
            "void.mkv", "200,000 empty elements", on(lambda video: video + b"\xec\x80" * 200_000, "matroska")
        ),
    ]


def _resize(size: int, video: bytes) -> bytes:
    at = video.index(CLUSTER) + 4
    width = 9 - (video[at].bit_length())
    return video[:at] + (0x01 << 56 | size).to_bytes(8, "big") + video[at + width :]


def _lace(video: bytes) -> bytes:
    changed = bytearray(video)
    for at in _blocks(video):
        # Track, two bytes of time, flags: EBML lacing; then the count, less one, and the sizes.
        changed[at + 3] |= 0x06
        changed[at + 4] = 0xFF
    return bytes(changed)


def _retime(times: list[int], video: bytes) -> bytes:
    changed = bytearray(video)
    for at, time in zip(_blocks(video), times, strict=False):
        struct.pack_into(">h", changed, at + 1, time)
    return bytes(changed)


def _blocks(video: bytes) -> Iterator[int]:
    """Where the payload of each simple block begins."""
    at = video.index(CLUSTER) + 4
    at += 9 - video[at].bit_length()
    while at < len(video):
        if video[at : at + 4] == CLUSTER:
            at += 4
            at += 9 - video[at].bit_length()
            continue
        kind, width = video[at], 9 - video[at + 1].bit_length()
        size = int.from_bytes(video[at + 1 : at + 1 + width], "big") & (1 << 7 * width) - 1
        if kind not in (SIMPLE_BLOCK, *CLUSTER_FIELDS):
            return
        if kind == SIMPLE_BLOCK:
            yield at + 1 + width
        at += 1 + width + size


def _nest(video: bytes) -> bytes:
    tags = b""
    for _ in range(20_000):
        tags = SIMPLE_TAG + (1 << 28 | len(tags)).to_bytes(4, "big") + tags
    tag = b"\x73\x73" + (1 << 28 | len(tags)).to_bytes(4, "big") + tags
    return video + b"\x12\x54\xc3\x67" + (1 << 28 | len(tag)).to_bytes(4, "big") + tag


def _avi() -> list[Entry]:
    kind = ("avi", "mpeg4")
    return [
        clips("good.avi", "nothing: MPEG-4 in AVI", made(partial(good, *kind))),
        either("index.avi", "its index is noise", on(_break_index, *kind), min_clips=1),
        either(
            "no-index.avi",
            "its index is missing",
            on(lambda video: video[: video.index(b"idx1")], *kind),
            min_clips=1,
        ),
        either("odd.avi", "chunks of odd sizes are not padded", on(_unpad, *kind)),
        either("huge-chunk.avi", "a chunk claims 4 GiB - 1", on(_enlarge_chunk, *kind)),
        either("rate-0.avi", "0 pictures in 0 seconds", on(_no_rate, *kind), whole=True),
        some("half.avi", "ends in the middle", on(_half, *kind), 2, LOST, max_clips=2),
        either("size-minus.avi", "claims -96 rows: upside down", on(_negative_height, *kind), whole=True),
    ]


def _break_index(video: bytes) -> bytes:
    at = video.index(b"idx1") + 8
    return video[:at] + random.Random(4).randbytes(len(video) - at)


def _unpad(video: bytes) -> bytes:
    changed, at = bytearray(), video.index(b"movi") + 4
    changed += video[:at]
    while video[at : at + 4] == b"00dc":
        (size,) = struct.unpack_from("<I", video, at + 4)
        changed += video[at : at + 8 + size]
        at += 8 + size + size % 2
    return bytes(changed)


def _enlarge_chunk(video: bytes) -> bytes:
    at = [at for at in range(len(video)) if video.startswith(b"00dc", at)][25] + 4
    return video[:at] + b"\xff" * 4 + video[at + 4 :]


def _no_rate(video: bytes) -> bytes:
    at = video.index(b"strh") + 8 + 20
    return video[:at] + bytes(8) + video[at + 8 :]


def _negative_height(video: bytes) -> bytes:
    at = video.index(b"strf") + 8 + 8
    return video[:at] + struct.pack("<i", -96) + video[at + 4 :]


DAY_MS = 24 * 3600 * 1000


def _flv() -> list[Entry]:
    def at_times(time: Callable[[int], int]) -> Callable:
        return made(lambda: _set_times(time))

    def jump(index: int) -> int:
        return index * 100 + (3 * DAY_MS if 20 <= index < 40 else 0)

    def backwards(index: int) -> int:
        return (PICTURES - index) * 100

    def zigzag(index: int) -> int:
        return (index ^ 1) * 100

    def negative(index: int) -> int:
        return index * 100 - 3000

    return [
        clips("good.flv", "nothing: FLV", made(partial(good, "flv"))),
        some("half.flv", "ends in the middle", on(_half, "flv"), 2, LOST, max_clips=2),
        clips("times-jump.flv", "its times jump forward by three days, and back", at_times(jump)),
        either("times-backwards.flv", "its times run backwards", at_times(backwards), min_clips=3),
        either(
            "times-zigzag.flv", "each second time is before the one before", at_times(zigzag), min_clips=1
        ),
        either(
            "times-repeat.flv",
            "each time is there twice",
            at_times(lambda index: index // 2 * 200),
            min_clips=1,
        ),
        either("times-negative.flv", "its times begin at -3 s", at_times(negative), min_clips=1),
        either("times-zero.flv", "all its times are 0", at_times(lambda index: 0), min_clips=1),
        either("empty-tags.flv", "every seventh picture has no bytes", made(_empty_tags), min_clips=1),
    ]


@cache
def _tags() -> tuple[bytes, tuple[bytes, ...]]:
    """The head of a good FLV up to its first picture, and each picture's tag with its size behind it."""
    video, at, tags, head = good("flv"), 13, [], 0
    while at < len(video):
        size = int.from_bytes(video[at + 1 : at + 4], "big")
        end = at + 11 + size + 4
        if video[at] == 9 and video[at + 12] == 1:  # a picture, not the codec's parameters
            tags.append(video[at:end])
        elif not tags:
            head = end
        at = end
    return video[:head], tuple(tags)


def _set_times(time: Callable[[int], int]) -> bytes:
    head, tags = _tags()
    changed = []
    for index, tag in enumerate(tags):
        ms = time(index) & 0xFFFFFFFF
        changed.append(tag[:4] + (ms & 0xFFFFFF).to_bytes(3, "big") + bytes([ms >> 24]) + tag[8:])
    return head + b"".join(changed)


def _empty_tags() -> bytes:
    head, tags = _tags()
    empty = [
        tag[:1] + bytes(3) + tag[4:11] + b"\0\0\0\x0b" if index % 7 == 6 else tag
        for index, tag in enumerate(tags)
    ]
    return head + b"".join(empty)
