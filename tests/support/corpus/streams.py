"""Streams that are odd inside a sound container: pictures, codecs, tracks, and almost nothing at all."""

from __future__ import annotations

import io
import random
import re
import subprocess
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

from tests.support.corpus.entry import FPS, PICTURES, Entry, clips, either, good, made, pictures, reason
from tests.support.videos import make_sound_only

CHART = ("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=10:duration=6")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0", "-pix_fmt", "yuv420p")


def odd_streams() -> list[Entry]:
    """All entries of this module."""
    return [*_almost_nothing(), *_elementary(), *_pictures(), *_odd_tracks(), *_broken_pictures()]


def program(*arguments: str) -> Callable[[Path], None]:
    """A maker of a file by the ffmpeg program; ``{folder}`` is that of the file."""

    def write(path: Path) -> None:
        kept = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-threads", "1", f"file:{path}")
        command = ["ffmpeg", "-y", "-nostdin", "-v", "error", *arguments, *kept]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)

    return write


def copied(*arguments: str) -> Callable[[Path], None]:
    """A maker of a good MP4 whose packets the ffmpeg program copies, with these arguments."""

    def write(path: Path) -> None:
        source = path.with_name(f".{path.name}.source")
        source.write_bytes(good())
        program("-i", str(source), *arguments)(path)
        source.unlink()

    return write


def packed(
    packets: list[tuple[bytes, bool]], codec: str, file_format: str, width: int, height: int, pix_fmt: str
) -> bytes:
    """A container that holds these bytes as its pictures; True: a keyframe."""
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format, container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.time_base = Fraction(1, FPS)
        for index, (data, is_keyframe) in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, FPS)
            packet.pts = packet.dts = index
            packet.duration, packet.is_keyframe = 1, is_keyframe
            container.mux(packet)
    return file.getvalue()


def _almost_nothing() -> list[Entry]:
    text = "1\n00:00:00,000 --> 00:00:05,000\nwords\n"

    def subtitles(path: Path) -> None:
        source = path.with_name(".subtitles.srt")
        source.write_text(text)
        program("-i", str(source), "-c:s", "mov_text")(path)
        source.unlink()

    sound = ("-f", "lavfi", "-i", "sine=duration=2")
    cover = ("-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    return [
        reason(
            "sound-only.mp4",
            "sound and no pictures",
            made(make_sound_only),
            r"no video stream.*audio/aac only",
        ),
        reason(
            "cover-only.mp4",
            "sound with a cover picture",
            program(*sound, *CHART, *cover),
            r"no video stream",
        ),
        reason("subtitles-only.mp4", "subtitles and nothing else", subtitles, r"no video stream.*subtitle"),
        clips("one-picture.mp4", "one picture", made(partial(good, count=1)), 1),
        clips("two-pictures.mp4", "two pictures", made(partial(good, count=2)), 2),
        clips("short.mp4", "0.3 s", made(partial(good, count=3)), 3),
        clips("tail.mp4", "a third clip of 0.1 s", made(partial(good, count=41)), 20, 20, 1),
        clips(
            "4k-picture.mp4",
            "one picture of 3840x2160",
            made(partial(good, count=1, width=3840, height=2160)),
            1,
        ),
    ]


def _elementary() -> list[Entry]:
    h264, m4v = partial(good, "h264"), partial(good, "m4v", "mpeg4")
    hevc = (*CHART, "-c:v", "libx265", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")
    quiet = ("-x265-params", "log-level=none:pools=1:frame-threads=1:scenecut=0:bframes=0")

    def only(*kinds: int) -> Callable[[], bytes]:
        return lambda: b"".join(unit for unit in _units(h264()) if _kind(unit) in kinds)

    def late() -> bytes:
        units = _units(h264())
        first = next(index for index, unit in enumerate(units) if _kind(unit) == 5)
        return b"".join(units[:first] + units[first + 1 :])

    return [
        either("elementary.h264", "H.264 without a container", made(h264), min_clips=1, whole=True),
        either(
            "elementary.hevc", "HEVC without a container", program(*hevc, *quiet), min_clips=1, whole=True
        ),
        either("elementary.m4v", "MPEG-4 without a container", made(m4v), min_clips=1, whole=True),
        either("elementary-named.mp4", "H.264 without a container, named .mp4", made(h264), whole=True),
        either("no-parameters.h264", "H.264 without its parameters", made(only(1, 5))),
        either("only-differences.h264", "only pictures that depend on others", made(only(7, 8, 1))),
        either("only-parameters.h264", "parameters and no picture", made(only(7, 8)), max_clips=0),
        either("late.h264", "its first keyframe is missing", made(late)),
    ]


def _units(stream: bytes) -> list[bytes]:
    """The units of an Annex B stream, with their start codes."""
    starts = [match.start() for match in re.finditer(rb"\x00?\x00\x00\x01", stream)]
    return [stream[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def _kind(unit: bytes) -> int:
    return unit[unit.index(b"\1") + 1] & 0x1F


def _pictures() -> list[Entry]:
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "10")
    fast = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0")
    vfr = ("-vf", r"select=not(mod(n\,7))+lt(mod(n\,11)\,6)", "-vsync", "vfr")
    return [
        clips(
            "prores-4444.mov",
            "ProRes 4444 with alpha",
            program(*CHART, "-t", "3", "-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le"),
            20,
            10,
        ),
        clips("alpha.webm", "VP9 with alpha", program(*CHART, *vp9, "-pix_fmt", "yuva420p"), *(20,) * 3),
        clips("10-bit.mp4", "10 bits", program(*CHART, *fast, "-pix_fmt", "yuv420p10le"), *(20,) * 3),
        clips("444.mp4", "4:4:4", program(*CHART, *fast, "-pix_fmt", "yuv444p"), *(20,) * 3),
        clips(
            "interlaced.mp4",
            "interlaced",
            program(*CHART, *fast, "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct"),
            *(20,) * 3,
        ),
        clips(
            "turned.mp4", "to be turned by 90 degrees", copied("-c", "copy", "-metadata:s:v:0", "rotate=90")
        ),
        clips(
            "odd-sides.mp4",
            "161x119",
            made(partial(good, width=161, height=119, pix_fmt="yuv444p")),
            *(20,) * 3,
        ),
        clips(
            "1x1.avi",
            "1x1 pixel",
            made(partial(good, "avi", "mjpeg", width=1, height=1, pix_fmt="yuvj444p")),
            *(20,) * 3,
        ),
        clips("2x2.mp4", "2x2 pixels", made(partial(good, width=2, height=2)), *(20,) * 3),
        either("vfr.mp4", "variable frame rate", program(*CHART, *vfr, *H264), min_clips=2, whole=True),
        clips("b-frames.mp4", "B-frames", made(partial(good, b_frames=3)), *(20,) * 3),
        clips(
            "raw.avi",
            "pictures that are not coded",
            made(partial(good, "avi", "rawvideo", count=20, width=32, height=24)),
            20,
            may_fail=True,
        ),
        clips(
            "ffv1.mkv",
            "FFV1, which MP4 does not hold",
            made(partial(good, "matroska", "ffv1")),
            *(20,) * 3,
            may_fail=True,
        ),
        clips(
            "huffyuv.avi",
            "HuffYUV, which MP4 does not hold",
            made(partial(good, "avi", "huffyuv", count=20, pix_fmt="yuv422p")),
            20,
            may_fail=True,
        ),
        clips(
            "theora.ogv",
            "Theora in Ogg",
            program(*CHART, "-c:v", "libtheora", "-g", "10"),
            *(20,) * 3,
            may_fail=True,
        ),
        clips("wmv.asf", "WMV in ASF", made(partial(good, "asf", "wmv2")), *(20,) * 3, may_fail=True),
        clips(
            "mpeg1.mpg",
            "MPEG-1 in a program stream",
            program(*CHART, "-r", "25", "-c:v", "mpeg1video", "-g", "25"),
            *(50,) * 3,
            may_fail=True,
        ),
    ]


def _odd_tracks() -> list[Entry]:
    second = (*CHART, "-map", "0", "-map", "1", "-c:v:0", "copy", "-c:v:1", "libx264", "-preset", "ultrafast")
    key = "00112233445566778899aabbccddeeff"
    secret = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    return [
        either(
            "two-videos.mp4",
            "two video streams",
            copied(*second, "-pix_fmt", "yuv420p"),
            min_clips=1,
            whole=True,
        ),
        clips("timecode.mov", "a timecode track", copied("-c", "copy", "-timecode", "00:00:00:00")),
        clips("attachments.mkv", "three attachments", _attach),
        clips("data-tracks.mp4", "three tracks of unknown data", _data_tracks),
        clips("mid-gop.mp4", "cut by another program inside a GOP", _cut_inside, 14, 20, 20, may_fail=True),
        reason("encrypted.mp4", "encrypted (cenc-aes-ctr)", copied("-c", "copy", *secret), r"encrypted"),
    ]


def _attach(path: Path) -> None:
    extra = path.with_name(".attachment")
    extra.write_bytes(b"attached " * 100)
    each = [word for _ in range(3) for word in ("-attach", str(extra))]
    kinds = [word for i in range(3) for word in (f"-metadata:s:t:{i}", "mimetype=application/octet-stream")]
    copied("-c", "copy", *each, *kinds)(path)
    extra.unlink()


def _data_tracks(path: Path) -> None:
    words = path.with_name(".words.srt")
    words.write_text("1\n00:00:00,000 --> 00:00:05,000\nwords\n")
    inputs = [word for _ in range(3) for word in ("-i", str(words))]
    maps = [word for i in range(4) for word in ("-map", str(i))]
    copied(*inputs, *maps, "-c:v", "copy", "-c:s", "mov_text")(path)
    words.unlink()
    path.write_bytes(path.read_bytes().replace(b"sbtl", b"meta").replace(b"tx3g", b"qqqq"))


def _cut_inside(path: Path) -> None:
    source = path.with_name(".mid-gop.mp4")
    source.write_bytes(good())
    program("-ss", "0.65", "-i", str(source), "-c", "copy")(path)
    source.unlink()


def _broken_pictures() -> list[Entry]:
    return [
        either("broken-jpegs.avi", "Motion JPEG whose pictures are broken", made(_broken_jpegs), min_clips=1),
        either(
            "sizes.avi",
            "Motion JPEG; the size changes with each picture",
            made(partial(_sizes, "mjpeg")),
            min_clips=1,
        ),
        either(
            "sizes.mov", "PNG; the size changes with each picture", made(partial(_sizes, "png")), min_clips=1
        ),
        either("text-pictures.mp4", "a text in the place of each picture", made(_texts)),
    ]


def _jpegs(sizes: list[tuple[int, int]], codec: str = "mjpeg") -> list[bytes]:
    coded = []
    for width, height in sizes:
        encoder = av.CodecContext.create(codec, "w")
        encoder.width, encoder.height = width, height
        encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "rgb24"
        encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
        frame = next(pictures(1, width, height)).reformat(format=encoder.pix_fmt)
        coded.append(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))
    return coded


def _broken_jpegs() -> bytes:
    rng = random.Random(5)
    broken = []
    for jpeg in _jpegs([(128, 96)]) * PICTURES:
        changed = bytearray(jpeg)
        for _ in range(20):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        broken.append((bytes(changed[: rng.randrange(1, len(changed))]), True))
    return packed(broken, "mjpeg", "avi", 128, 96, "yuvj420p")


def _sizes(codec: str) -> bytes:
    sizes = [(16 + 8 * index, 12 + 4 * index) for index in range(20)]
    coded = [(data, True) for data in _jpegs(sizes, codec)]
    avi = codec == "mjpeg"
    return packed(coded, codec, "avi" if avi else "mov", 16, 12, "yuvj420p" if avi else "rgb24")


def _texts() -> bytes:
    video = bytearray(good())
    start = video.index(b"mdat") + 4
    end = video.index(b"moov") - 4
    video[start:end] = (b"This is no picture. " * ((end - start) // 20 + 1))[: end - start]
    return bytes(video)
