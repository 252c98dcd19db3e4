"""MP4 files whose boxes lie: sizes, counts, times, places, keyframes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial

from tests.support.corpus.boxes import alias, box, edit_list, find, patch, rename, replace, table
from tests.support.corpus.entry import BROKEN, LOST, Entry, clips, either, faststart, good, made, reason, some

TRACK = ("moov", "trak")
MEDIA = (*TRACK, "mdia")
SAMPLES = (*MEDIA, "minf", "stbl")
NOTHING_SHOWN = 0xFFFFFFFF


def wrong_boxes() -> list[Entry]:
    """All entries of this module."""
    return [*_sizes_and_counts(), *_claims(), *_times(), *_edits(), *_keyframes(), *_tracks(), *_fragments()]


def on(change: Callable[[bytes], bytes], make: Callable[[], bytes] = good) -> Callable:
    """A maker of a good video that was changed."""
    return made(lambda: change(make()))


def unedited() -> bytes:
    """The good MP4 without its edit list, which limits what is shown to 6 s."""
    return rename(good(), "free", *TRACK, "edts")


def _sizes_and_counts() -> list[Entry]:
    def mdat(size: int) -> Callable:
        return on(lambda video: patch(video, find(video, "mdat")[0], "I", size), faststart)

    def wide_mdat(size: int) -> Callable:
        # The empty ``free`` in front of the mdat is there to be taken by a 64-bit size.
        return on(lambda video: patch(video, find(video, "mdat")[0] - 8, "I4sQ", 1, b"mdat", size), faststart)

    def put(name: str, skip: int, layout: str, *values: int) -> Callable:
        return on(lambda video: patch(video, table(video, name) + skip, layout, *values), unedited)

    return [
        reason("no-moov.mp4", "its index is missing", on(lambda video: rename(video, "zzzz", "moov"))),
        clips("mdat-4g.mp4", "the mdat claims 4 GiB - 1", mdat(0xFFFFFFFF)),
        clips("mdat-0.mp4", "the mdat claims to go on to the end (0)", mdat(0)),
        either("mdat-8e.mp4", "the mdat claims 2^63 - 1 bytes", wide_mdat(2**63 - 1)),
        either("mdat-16e.mp4", "the mdat claims 2^64 - 1 bytes", wide_mdat(2**64 - 1)),
        either("stsz-2g.mp4", "claims 2^31 samples", put("stsz", 8, "I", 2**31)),
        either("stsz-all.mp4", "claims 2^32 - 1 samples of one byte", put("stsz", 4, "II", 1, 2**32 - 1)),
        either("stsz-4g.mp4", "its first sample claims 4 GiB", put("stsz", 12, "I", 2**32 - 1)),
        either("stsz-2g-sample.mp4", "its first sample claims 2 GiB", put("stsz", 12, "I", 2**31 - 1)),
        either("stts-count.mp4", "one duration for 2^32 - 1 samples", put("stts", 8, "I", 2**32 - 1)),
        either("stts-entries.mp4", "2^32 - 1 entries of durations", put("stts", 4, "I", 2**32 - 1)),
        either("stts-delta.mp4", "each sample lasts 2^31 - 1 ticks", put("stts", 12, "I", 2**31 - 1)),
        either("stts-minus.mp4", "each sample lasts -1 ticks", put("stts", 12, "i", -1)),
        either("stts-zero.mp4", "each sample lasts 0 ticks", put("stts", 12, "I", 0), min_clips=1),
        either("stsc.mp4", "its first chunk is number 2^31 - 1", put("stsc", 8, "I", 2**31 - 1)),
        either("stsc-many.mp4", "a chunk holds 2^32 - 1 samples", put("stsc", 12, "I", 2**32 - 1)),
        either("stco.mp4", "its samples begin past the end", put("stco", 8, "I", 2**32 - 1)),
        either("stco-moov.mp4", "its samples lie in its own index", put("stco", 8, "I", 0)),
        some(
            "last-sample-empty.mp4",
            "its last sample has no bytes",
            on(lambda video: patch(video, table(video, "stsz") + 12 + 59 * 4, "I", 0)),
            2,
            BROKEN,
            may_fail=True,
        ),
    ]


def _claims() -> list[Entry]:
    def size(width: int, height: int) -> Callable:
        def change(video: bytes) -> bytes:
            video = patch(video, find(video, *TRACK, "tkhd")[1] - 8, "HHHH", width, 0, height, 0)
            return patch(video, table(video, "stsd") + 8 + 8 + 24, "HH", width, height)

        return on(change)

    def no_sps(video: bytes) -> bytes:
        at = video.index(b"avcC") + 4
        return patch(video, at + 5, "B", 0xE0)

    return [
        either(
            "claims-65535.mp4",
            "the track claims 65535x65535 pixels; the pictures are small",
            size(65535, 65535),
        ),
        either(
            "claims-16384.mp4",
            "the track claims 16384x16384 pixels; the pictures are small",
            size(16384, 16384),
        ),
        either("claims-0.mp4", "the track claims 0x0 pixels", size(0, 0), whole=True),
        either("no-sps.mp4", "H.264 without its parameters", on(no_sps)),
        either(
            "unknown-codec.mp4",
            "a codec that nobody knows",
            on(lambda video: video.replace(b"avc1", b"qqqq").replace(b"avcC", b"qqqQ")),
            max_clips=0,
        ),
    ]


def _times() -> list[Entry]:
    def scale(ticks: int) -> Callable:
        def change(video: bytes) -> bytes:
            video = patch(video, find(video, *MEDIA, "mdhd")[0] + 20, "I", ticks)
            return patch(video, find(video, "moov", "mvhd")[0] + 20, "I", ticks or 1)

        return on(change, unedited)

    def long(video: bytes) -> bytes:
        for *path, at in (("moov", "mvhd", 24), (*TRACK, "tkhd", 28), (*MEDIA, "mdhd", 24)):
            video = patch(video, find(video, *path)[0] + at, "I", 2**32 - 2)
        return video

    return [
        either("timescale-0.mp4", "its clock has 0 ticks a second", scale(0), whole=True),
        clips("timescale-1.mp4", "its clock ticks once a second: it lasts 17 hours", scale(1), *(10,) * 6),
        either("timescale-max.mp4", "its clock ticks 2^32 - 1 times a second", scale(2**32 - 1), whole=True),
        clips("claims-years.mp4", "claims to last 4,294,967 s", on(long)),
    ]


def _edits() -> list[Entry]:
    def edits(*entries: tuple[int, int]) -> Callable:
        return on(lambda video: replace(video, edit_list(*entries), *TRACK, "edts"))

    tick = 1024  # 10240 a second, and a movie's are 1000
    return [
        clips(
            "edit-late.mp4",
            "an empty edit: its first picture is shown at 1.5 s",
            edits((1500, -1), (6000, 0)),
        ),
        either("edit-mid-gop.mp4", "begins inside a GOP", edits((4500, 15 * tick)), whole=True, min_clips=2),
        either(
            "edit-several.mp4",
            "three edits that go back and forth",
            edits((1000, 40 * tick), (1000, 0), (2000, 20 * tick)),
            min_clips=1,
        ),
        either("edit-past-end.mp4", "its edit begins past the end", edits((6000, 2**30)), whole=True),
        either("edit-only-empty.mp4", "only an empty edit", edits((6000, -1)), whole=True),
        either("edit-many.mp4", "20,000 edits of a tick", edits(*((1, 0),) * 20_000), whole=True),
    ]


def _keyframes() -> list[Entry]:
    def marked(*numbers: int) -> Callable:
        stss = box("stss", struct.pack(f">II{len(numbers)}I", 0, len(numbers), *numbers))
        return on(lambda video: replace(video, stss, *SAMPLES, "stss"))

    return [
        either("stss-none.mp4", "no picture is marked as a keyframe", marked(), whole=True),
        either(
            "stss-all.mp4",
            "every picture is marked as a keyframe",
            on(lambda video: rename(video, "free", *SAMPLES, "stss")),
            min_clips=3,
        ),
        either("stss-wrong.mp4", "others than the keyframes are marked", marked(4, 14, 24, 34, 44, 54)),
        either("stss-backwards.mp4", "its keyframes are marked from last to first", marked(51, 31, 11, 1)),
    ]


def _tracks() -> list[Entry]:
    def many(video: bytes) -> bytes:
        start, end = find(video, *TRACK)
        return replace(video, video[start:end] * 300, *TRACK)

    def elsewhere(video: bytes) -> bytes:
        dref = box("dref", struct.pack(">II", 0, 1) + alias("/etc/passwd"))
        return replace(video, dref, *MEDIA, "minf", "dinf", "dref")

    return [
        reason("dref.mp4", "says that its samples lie in /etc/passwd", on(elsewhere), f"{BROKEN}|{LOST}"),
        either("tracks-300.mp4", "300 tracks of the same pictures", on(many), whole=True, min_clips=3),
    ]


def _fragments() -> list[Entry]:
    fragmented = partial(good, muxer=(("movflags", "frag_keyframe+empty_moov"),))

    def without(number: int, video: bytes) -> bytes:
        place = [at for at in range(len(video)) if video.startswith(b"moof", at)][number]
        return video[:place] + b"free" + video[place + 4 :]

    return [
        clips("fragments.mp4", "fragmented, as cameras and broadcasters write it", made(fragmented)),
        either(
            "fragments-one-lost.mp4",
            "fragmented; the third of six moofs is missing",
            on(partial(without, 2), fragmented),
            min_clips=2,
            whole=True,
        ),
        some(
            "fragments-half.mp4",
            "fragmented; ends in the middle",
            on(lambda video: video[: len(video) // 2], fragmented),
            2,
            LOST,
            max_clips=2,
        ),
        reason(
            "fragments-none.mp4",
            "fragmented; nothing behind the head",
            on(lambda video: video[: find(video, "moof")[0]], fragmented),
        ),
    ]
