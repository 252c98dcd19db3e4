"""Copied clips of sources that are odd in one way each hold the source's pictures, at the source's times."""

import hashlib
import io
import random
import shlex
import struct
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.support.videos import ODD_VIDEOS, make_odd_video, make_two_sizes, make_video, run_ffmpeg
from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.cut import cut_clips
from ytcurate.media.probe import open_video

CHART = "-f lavfi -i testsrc2=size=160x120:rate=30 -t 3 -pix_fmt yuv420p"
H264 = "-c:v libx264 -g 20 -bf 3"

SOURCES = {
    # What is odd about it: (ffmpeg's options, file ending). "{b}" is an H.264 file with B-frames.
    "sound": (f"-f lavfi -i sine=r=48000 {CHART} {H264} -c:a aac", "mp4"),
    "sound that begins first": (
        f"-f lavfi -i testsrc2=size=160x120:rate=30:duration=3 -itsoffset -0.3 -f lavfi -i sine=duration=3 "
        f"-pix_fmt yuv420p {H264} -c:a aac",
        "mkv",
    ),
    "subtitles, data and an attachment": (
        "-i {b} -i {srt} -map 0 -map 1 -c copy -attach {srt} -metadata:s:t mimetype=text/plain",
        "mkv",
    ),
    "a cover picture": (
        "-i {b} -f lavfi -i testsrc=size=320x240 -map 0 -map 1 -c:v:0 copy -c:v:1 mjpeg -frames:v:1 1 -t 3 "
        "-disposition:v:1 attached_pic",
        "mp4",
    ),
    "edit list behind a keyframe": ("-ss 1.334 -i {b} -c copy", "mp4"),
    "edit list inside a gop": ("-ss 1.1 -i {b} -c copy", "mp4"),
    "edit list inside a gop, short": ("-ss 1.1 -t 1.2 -i {b} -c copy", "mp4"),
    "turned": ("-i {b} -metadata:s:v rotate=90 -c copy", "mp4"),
    "moov in front": ("-i {b} -c copy -movflags faststart", "mp4"),
    "fragmented": ("-i {b} -c copy -movflags frag_keyframe+empty_moov", "mp4"),
    "begins late in matroska": ("-i {b} -c copy -output_ts_offset 1.37", "mkv"),
    "begins late in a transport stream": ("-i {b} -c copy -muxdelay 3", "ts"),
    "clock wraps": ("-i {b} -c copy -output_ts_offset 95441.8", "ts"),
    "flv": ("-i {b} -c copy", "flv"),
    "mpeg-2 with b-frames": (f"{CHART} -c:v mpeg2video -bf 2 -g 15 -q:v 3", "ts"),
    "mpeg-1 program stream": (f"{CHART} -c:v mpeg1video -bf 2 -g 15 -q:v 3", "mpg"),
    "mpeg-4 with b-frames in avi": (f"{CHART} -c:v mpeg4 -bf 2 -g 15 -q:v 3", "avi"),
    "prores": (f"{CHART} -c:v prores_ks", "mov"),
    "vp8 without delay": (f"{CHART} -c:v libvpx -g 20 -deadline realtime -cpu-used 8 -b:v 300k", "webm"),
    "vp9 without delay": (f"{CHART} -c:v libvpx-vp9 -g 20 -deadline realtime -cpu-used 8 -b:v 300k", "mp4"),
    "theora": (f"{CHART} -c:v libtheora -g 15", "ogv"),
    "windows media": (f"{CHART} -c:v wmv2 -g 15 -q:v 3", "asf"),
    "lossless": (f"{CHART} -c:v ffv1", "mkv"),
    "one picture": (f"{CHART} -frames:v 1 {H264}", "mp4"),
    "a fifth of a second": (f"{CHART} -t 0.2 {H264}", "mp4"),
    "4k": (
        "-f lavfi -i testsrc2=size=3840x2160:rate=4 -t 2 -c:v libx264 -preset ultrafast -g 4",
        "mp4",
    ),
    "lines of run length": (f"{CHART} -c:v qtrle -g 15 -pix_fmt rgb24", "mov"),
}

FILE_TYPES = {
    "vp8 without delay": "webm",
    "prores": "mov",
    "theora": "mkv",
    "lossless": "mp4",
    "windows media": "asf",
    "lines of run length": "mov",
}
"""Others are in MP4."""

ONLY_FOR_FRAMES = {
    # Of tests.support.videos: odd to those who sample pictures, nothing special to cut.
    *("b-frames without pyramid", "several reference pictures", "gops of four", "constrained baseline"),
    *("vp9 in webm", "vp9 in webm at 59.94", "av1 in webm", "59.94 fps", "tiny", "portrait", "full range"),
    *("sides that are no multiple of 16", "exactly the size the model sees", "bt.709", "bt.2020 with hlg"),
    *("vp8", "hevc with b-frames", "hevc temporal layers", "vp9 in mp4"),  # these take long, too
    *("4:2:2", "4:4:4", "three pictures", "fragmented mp4", "first picture after 0", "matroska"),
}

LOST = {
    # Pictures that no clip shows: leading pictures of open GOPs, two at each cut.
    "h264 open gops": 4,
    "transport stream with open gops": 4,
    "hevc open gops": 4,
    "hevc in a transport stream": 4,
    "mpeg-2": 4,
    "mpeg-2 with b-frames": 4,
    "mpeg-1 program stream": 4,
    "mpeg-4 part 2 with b-frames in mp4": 4,
    "mpeg-4 with b-frames in avi": 5,
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("odd")


def make_source(name, folder):
    if name in ODD_VIDEOS:
        return make_odd_video(name, folder)
    arguments, ending = SOURCES[name]
    b, srt = folder / "b.mp4", folder / "words.srt"
    if not b.exists():
        run_ffmpeg(*shlex.split(f"{CHART} {H264}"), str(b))
        srt.write_text("1\n00:00:00,000 --> 00:00:02,000\nwords\n")
    path = folder / f"{name.replace(' ', '-').replace(',', '')}.{ending}"
    run_ffmpeg(*shlex.split(arguments.format(b=b, srt=srt)), str(path))
    return path


def shown(video):
    """What a player shows: time and hash of every picture, in its order; time from the stream's own start."""
    pictures = []
    with open_video(video) as (container, stream):
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            picture = frame.to_ndarray(format="gray")
            pictures.append((frame.pts * stream.time_base, hashlib.md5(picture.tobytes()).hexdigest()))
    return pictures


def difference(poster, video):
    """Between a poster and the picture that a player shows first: mean over pixels, of 255."""
    with av.open(io.BytesIO(poster)) as container:
        small = next(container.decode(video=0)).to_ndarray(format="rgb24")
    with open_video(video) as (container, stream):
        frame = next(container.decode(stream))
        turns = frame.rotation // 90 % 4
        size = small.shape[1::-1] if turns % 2 == 0 else small.shape[:2]
        first = frame.reformat(*size, format="rgb24", interpolation="AREA").to_ndarray()
    return np.abs(np.rot90(first, turns).astype(int) - small).mean()


def source_start(path):
    with av.open(str(path)) as container:
        return Fraction(container.start_time or 0, 1_000_000)


@pytest.mark.parametrize("name", [*(name for name in ODD_VIDEOS if name not in ONLY_FOR_FRAMES), *SOURCES])
def test_clips_hold_the_pictures_of_the_source_at_its_times(name, folder):
    path = make_source(name, folder)
    clips = list(cut_clips(path, Segmenting(clip_seconds=1), preview="every"))

    found = []
    for clip in clips:
        assert clip.file_type == FILE_TYPES.get(name, "mp4")
        pictures = shown(clip.video)
        assert pictures[0][0] == 0
        assert len(pictures) == clip.info.frame_count
        assert difference(clip.preview, clip.video) < 6
        found += [(clip.start_s + time, digest) for time, digest in pictures]
    wanted = [(time - source_start(path), digest) for time, digest in shown(path)]
    lost = len(wanted) - len(found)
    assert lost == LOST.get(name, 0)
    kept = [one for one in wanted if one[1] in {digest for _, digest in found}]
    assert [digest for _, digest in found] == [digest for _, digest in kept]
    assert max(abs(one[0] - other[0]) for one, other in zip(found, kept, strict=True)) <= Fraction(1, 1000)
    assert clips[0].start_s >= 0


def test_an_edit_list_of_two_parts_gives_the_pictures_of_both(folder):
    make_source("turned", folder)
    video = bytearray((folder / "b.mp4").read_bytes())
    at = 0
    for name in (b"moov", b"trak", b"edts", b"elst"):
        at = video.find(name, at) - 4
        video[at : at + 4] = (int.from_bytes(video[at : at + 4], "big") + 12).to_bytes(4, "big")
    (origin,) = struct.unpack_from(">i", video, at + 20)
    parts = [struct.pack(">Iihh", 1000, origin + start, 1, 0) for start in (4608, 26112)]  # of 1 s each
    video[at + 12 : at + 28] = (2).to_bytes(4, "big") + b"".join(parts)

    clips = list(cut_clips(bytes(video), Segmenting()))

    assert [clip.info.frame_count for clip in clips] == [30, 30]
    assert [one for clip in clips for one in picture_hashes(clip.video)] == picture_hashes(bytes(video))


def picture_hashes(*paths):
    return [digest for path in paths for _, digest in shown(path)]


def clip_hashes(clips):
    """Hashes of all pictures, which must follow each other at 30 a second over all clips."""
    pictures = [(clip.start_s + time, digest) for clip in clips for time, digest in shown(clip.video)]
    assert [round(time * 30, 1) for time, _ in pictures] == list(range(len(pictures)))
    return [digest for _, digest in pictures]


@pytest.mark.parametrize("ending", ["h264", "avi", "hevc"])
def test_where_the_container_has_no_times_those_of_the_codec_are_used(ending, folder):
    encoder = H264 if ending != "hevc" else "-c:v libx265 -x265-params open-gop=0:keyint=20:log-level=none"
    timed, untimed = folder / f"timed-{ending}.mp4", folder / f"untimed.{ending}"
    run_ffmpeg(*shlex.split(f"{CHART} {encoder}"), str(timed))
    run_ffmpeg("-i", str(timed), "-c", "copy", str(untimed))

    clips = list(cut_clips(untimed, Segmenting(clip_seconds=1)))

    assert len(clips) == 3
    assert clip_hashes(clips) == picture_hashes(timed)


@pytest.mark.parametrize("offsets", [(0, 1000), (1000, 0), (0, 1)], ids=["forward", "back", "by a second"])
def test_a_transport_stream_that_jumps_goes_on_without_a_gap(offsets, folder):
    parts = [folder / f"part-{offset}.ts" for offset in offsets]
    for offset, part in zip(offsets, parts, strict=True):
        run_ffmpeg(*shlex.split(f"{CHART} {H264} -output_ts_offset {offset}"), str(part))
    video = b"".join(part.read_bytes() for part in parts)

    clips = list(cut_clips(video, Segmenting(clip_seconds=2)))

    assert clip_hashes(clips) == picture_hashes(*parts)


@pytest.mark.parametrize("file_format", ["matroska", "flv", "mp4"])
def test_pictures_that_stay_for_long_are_no_jump(file_format):
    file = io.BytesIO()
    with av.open(file, mode="w", format=file_format) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.gop_size = 64, 48, 1
        for second in (0, 1, 90, 91, 4000):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts = second * 30
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    clips = cut_clips(file.getvalue(), Segmenting(clip_seconds=1))

    assert [clip.start_s for clip in clips] == [0, 1, 90, 91, 4000]


def test_a_clip_ends_where_the_codecs_header_changes(folder):
    small, large = folder / "small.flv", folder / "large.flv"
    run_ffmpeg(*shlex.split(f"{CHART} {H264}"), str(small))
    chart = CHART.replace("160x120", "176x144")
    run_ffmpeg(*shlex.split(f"{chart} {H264} -profile:v main -output_ts_offset 3"), str(large))
    header_bytes = 13

    clips = list(cut_clips(small.read_bytes() + large.read_bytes()[header_bytes:], Segmenting()))

    assert [clip.info.frame_count for clip in clips] == [90, 90]
    assert [picture_hashes(clip.video) for clip in clips] == [picture_hashes(small), picture_hashes(large)]


def test_pictures_may_grow_in_the_middle(folder):
    path = make_two_sizes(folder)
    clips = cut_clips(path, Segmenting(clip_seconds=1))
    assert [picture_hashes(clip.video) for clip in clips] == [
        picture_hashes(path)[:30],
        picture_hashes(path)[30:],
    ]


def test_what_comes_before_the_first_keyframe_is_left_out(folder):
    path = make_odd_video("transport stream", folder)
    packets, size = path.read_bytes(), 188
    video = packets[: 3 * size] + packets[len(packets) // 4 // size * size :]

    first, *_ = cut_clips(video, Segmenting(clip_seconds=1))

    assert first.start_s >= 0
    assert shown(first.video)[0][0] == 0
    assert len(shown(first.video)) == first.info.frame_count


def test_a_thousand_clips_are_numbered_in_the_order_of_time():
    video = make_video(seconds=36, gop=1, width=16, height=16)
    clips = list(cut_clips(video, Segmenting(clip_seconds=1 / 30)))
    assert [clip.segment_index for clip in clips] == list(range(1080))
    assert [clip.start_s for clip in clips] == [Fraction(index, 30) for index in range(1080)]


def test_what_no_container_can_hold_is_to_be_encoded(folder):
    run_ffmpeg(*shlex.split(f"{CHART} -c:v apng"), str(folder / "p.apng"))
    with pytest.raises(UnreadableVideo, match="can hold apng packets"):
        list(cut_clips(folder / "p.apng"))


@pytest.mark.parametrize("name", ["sound", "begins late in matroska", "mpeg-4 with b-frames in avi"])
def test_damage_gives_clips_or_a_reason(name, folder):
    source = make_source(name, folder).read_bytes()
    for seed in range(40):
        rng = random.Random(seed)
        video = bytearray(source)
        for _ in range(rng.choice((1, 10, 50))):
            video[rng.randrange(rng.choice((1000, len(video))))] = rng.randrange(256)
        with suppress(UnreadableVideo):
            for clip in cut_clips(bytes(video), Segmenting(clip_seconds=1), preview="every"):
                assert float(clip.info.fps) > 0
                assert clip.info.frame_count > 0
