import io
import random
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import ffmpeg
import numpy as np
import pytest

from tests.support.videos import keyframe_times, make_changed_video, make_odd_video, make_video, packet_sizes
from ytcurate.config import Encoding, Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.exact_cut import exact_clips
from ytcurate.media.packet_index import Key, SourceIndex, index_source
from ytcurate.media.segment import Segment
from ytcurate.media.smart_plan import plan_smart

SMART = Segmenting(cut="smart", encoding=Encoding(quality=8))
SHAPES = {
    "keyframes every 0.5 s": {"gop": 15},
    "keyframes every 10 s": {"gop": 300},
    "b-frames": {"gop": 40, "b_frames": 3},
    "open gops": {"gop": 40, "b_frames": 3, "options": {"x264-params": "open-gop=1"}},
    "29.97": {"gop": 48, "b_frames": 2, "fps": Fraction(30000, 1001)},
    "matroska": {"gop": 40, "b_frames": 2, "file_format": "matroska"},
    "transport stream": {"gop": 40, "b_frames": 2, "file_format": "mpegts"},
    "x265 with its open gops": {"gop": 30, "b_frames": 3, "codec": "libx265"},
}


def segments(*borders):
    times = [Fraction(str(border)) for border in borders]
    return [Segment(start_s=start, end_s=end) for start, end in pairwise(times)]


def pictures(video):
    """Time and brightness plane of each picture."""
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        stream = container.streams.video[0]
        return [
            (frame.pts * stream.time_base, np.asarray(frame.to_ndarray()[: frame.height], np.int64))
            for frame in container.decode(stream)
        ]


def wanted(source, index, segment):
    """The pictures of a segment as the source shows them, the first one at 0."""
    span = index.pictures_in(segment)
    shown = source[span.start : span.stop]
    return [(at - shown[0][0], plane) for at, plane in shown]


def psnr(one, other, peak=255):
    error = np.mean((one - other) ** 2)
    return 99 if error == 0 else 10 * np.log10(peak**2 / error)


def assert_shows(clip, expected):
    """Each picture is the right one at the right time: neighbours differ by 0.86 in brightness."""
    shown = pictures(clip.video)
    assert [at for at, _ in shown] == pytest.approx([at for at, _ in expected], abs=0.001)
    differences = [
        abs(one.mean() - other.mean()) for (_, one), (_, other) in zip(shown, expected, strict=True)
    ]
    assert max(differences) < 0.4


def assert_ffmpeg_has_nothing_to_say(clip, folder):
    path = folder / "clip.mp4"
    path.write_bytes(clip.video)
    _, said = ffmpeg.input(str(path), v="error").output("-", f="null").run(capture_stderr=True)
    assert said == b""


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_picture_is_in_one_clip_at_its_time(shape, tmp_path):
    video = make_video(seconds=4, **shape)
    index, source = index_source(video), pictures(video)
    rng = random.Random(7)
    wishes = segments(0, *sorted(round(rng.uniform(0, 4), 4) for _ in range(4)), 9)

    clips = list(exact_clips(video, SMART, wishes, preview="none"))

    assert sum(clip.info.frame_count for clip in clips) == len(source) == round(4 * shape.get("fps", 30))
    for clip, segment in zip(clips, wishes, strict=True):
        assert_shows(clip, wanted(source, index, segment))
        assert_ffmpeg_has_nothing_to_say(clip, tmp_path)


@pytest.mark.parametrize("name", ["b-pyramid", "hevc open gops", "10 bit", "interlaced", "gops of four"])
def test_copied_pictures_are_the_sources_to_the_bit_and_encoded_ones_are_close(name, tmp_path):
    video = make_odd_video(name, tmp_path)
    index, source = index_source(video), pictures(video)
    wishes = segments(0, "1.75", "2.95")
    peak = 1023 if name == "10 bit" else 255
    copied = encoded = 0

    for clip, segment in zip(exact_clips(video, SMART, wishes, preview="none"), wishes, strict=True):
        span = index.pictures_in(segment)
        plan = plan_smart(index, span)
        shown, expected = pictures(clip.video), wanted(source, index, segment)
        same = [psnr(one[1], other[1], peak) for one, other in zip(shown, expected, strict=True)]
        begin, end = plan.head.stop - span.start, plan.tail.start - span.start
        assert set(same[begin:end]) <= {99}
        assert min(same) > 40
        copied, encoded = copied + plan.copied_pictures, encoded + len(plan.head) + len(plan.tail)
    assert copied > 0
    assert encoded > 0


def test_segments_that_begin_at_keyframes_are_copied_packet_by_packet():
    video = make_video(seconds=4, gop=30, b_frames=2)
    clips = exact_clips(video, SMART, segments(0, 1, 3, 4), preview="none")
    assert [size for clip in clips for size in packet_sizes(clip.video)] == packet_sizes(video)


def test_overlapping_segments_each_have_all_their_pictures():
    video = make_video(seconds=4, gop=25, b_frames=2)
    index, source = index_source(video), pictures(video)
    segmenting = Segmenting(cut="smart", clip_seconds=1.5, stride_seconds=0.5, encoding=Encoding(quality=8))

    clips = list(exact_clips(video, segmenting, None, preview="none"))

    assert [clip.start_s for clip in clips] == [Fraction(n, 2) for n in range(6)]
    for clip in clips:
        segment = Segment(start_s=clip.start_s, end_s=clip.start_s + clip.length_s)
        assert_shows(clip, wanted(source, index, segment))


@pytest.mark.parametrize(
    "name", ["variable frame rate", "first picture after 0", "hevc in a transport stream"]
)
def test_odd_times_are_kept(name, tmp_path):
    video = make_odd_video(name, tmp_path)
    index, source = index_source(video), pictures(video)
    wishes = segments(0, "0.777", "1.9", 4)

    clips = list(exact_clips(video, SMART, wishes, preview="none"))

    assert clips[0].start_s == 0
    assert sum(clip.info.frame_count for clip in clips) == len(source)
    for clip, segment in zip(clips, wishes, strict=True):
        assert_shows(clip, wanted(source, index, segment))


@pytest.mark.parametrize("name", ["turned by 90 degrees", "edit list starting inside a gop"])
def test_rotation_and_edit_lists_are_obeyed(name, tmp_path):
    video = make_changed_video(name, tmp_path)
    clips = list(exact_clips(video, SMART, segments(0, "0.7", 4), preview="none"))
    source = pictures(video)
    assert sum(clip.info.frame_count for clip in clips) == len(source)
    for clip in clips:
        with av.open(io.BytesIO(clip.video)) as container, av.open(str(video)) as whole:
            assert next(container.decode(video=0)).rotation == next(whole.decode(video=0)).rotation


def test_a_player_that_seeks_in_a_clip_sees_the_right_picture():
    video = make_video(seconds=4, gop=40, b_frames=2)
    (clip,) = exact_clips(video, SMART, segments("0.5", "3.7"), preview="none")
    shown = pictures(clip.video)
    with av.open(io.BytesIO(clip.video)) as container:
        stream = container.streams.video[0]
        for at in keyframe_times(clip.video):
            container.seek(int(at / stream.time_base), stream=stream)
            plane = next(container.decode(stream)).to_ndarray()[:48]
            assert np.array_equal(plane, dict(shown)[at])


def test_a_segment_without_a_picture_gives_no_clip_and_numbers_have_no_hole():
    video = make_video(seconds=2, gop=10)
    clips = list(exact_clips(video, SMART, segments(0, "0.51", "0.52", 1), preview="first"))
    assert [(clip.segment_index, clip.preview is not None) for clip in clips] == [(0, True), (1, False)]
    assert [clip.start_s for clip in clips] == [0, Fraction(16, 30)]


def test_other_codecs_are_encoded_to_h264(tmp_path):
    video = make_odd_video("vp9 in webm", tmp_path)
    clips = list(exact_clips(video, SMART, segments(0, "1.3", 4), preview="none"))
    assert [(clip.info.codec, clip.info.frame_count) for clip in clips] == [("h264", 39), ("h264", 51)]


def test_a_file_that_is_cut_off_gives_what_can_be_read_and_then_the_reason(tmp_path):
    video = make_changed_video("cut off in the middle", tmp_path)
    lengths = []
    with pytest.raises(UnreadableVideo, match="cut off"):  # noqa: PT012
        for clip in exact_clips(video, SMART, segments(0, "0.5", 1, "1.5", 2, 3), preview="none"):
            lengths.append(clip.info.frame_count)
    assert lengths == [15, 15, 7]  # the last is what can be read of its segment


def index_of(codec, packets):
    """An index of packets given as (pts, key)."""
    pts = np.array([at for at, _ in packets], np.int64)
    return SourceIndex(
        codec=codec,
        container="mp4",
        stream_index=0,
        pix_fmt="yuv420p",
        width=64,
        height=48,
        is_interlaced=False,
        time_base=Fraction(1),
        origin_pts=0,
        has_clock=True,
        pts=pts,
        durations=np.ones(len(pts), np.int64),
        is_shown=np.ones(len(pts), np.bool_),
        keys=np.array([key for _, key in packets], np.int8),
        picture_ticks=1,
        has_exact_times=True,
        breaks=None,
    )


@pytest.mark.parametrize(
    ("span", "head", "copied", "tail"),
    [
        (range(0, 12), [], range(0, 12), []),
        (range(1, 9), [1, 2, 3], range(4, 8), [8]),
        (range(4, 8), [], range(4, 8), []),
        (range(1, 4), [1, 2, 3], range(0), []),
        (range(4, 6), [], range(4, 5), [5]),
    ],
)
def test_a_plan_copies_all_it_can_from_the_first_keyframe_on(span, head, copied, tail):
    times = [0, 3, 1, 2, 4, 7, 5, 6, 11, 8, 9, 10]
    plan = plan_smart(index_of("h264", [(at, int(at in (0, 4))) for at in times]), span)
    assert ([*plan.head], plan.copied, [*plan.tail]) == (head, copied, tail)


def test_pictures_displayed_before_an_open_keyframe_belong_to_the_head():
    packets = [(0, Key.CLOSED), (1, 0), (4, Key.OPEN), (2, 0), (3, 0), (5, 0)]
    plan = plan_smart(index_of("hevc", packets), range(1, 6))
    assert ([*plan.head], plan.copied, [*plan.tail]) == ([1, 2, 3], range(2, 6), [])
    assert plan.copied_pictures == 2


def test_at_the_next_open_keyframe_copying_ends_before_its_leading_pictures():
    packets = [(0, Key.CLOSED), (1, 0), (4, Key.OPEN), (2, 0), (3, 0), (5, 0)]
    plan = plan_smart(index_of("hevc", packets), range(0, 4))
    assert ([*plan.head], plan.copied, [*plan.tail]) == ([], range(0, 2), [2, 3])


def test_noise_is_no_video():
    with pytest.raises(UnreadableVideo):
        list(exact_clips(random.Random(1).randbytes(5000), SMART, None, preview="none"))


def test_no_flipped_bit_leads_to_another_error(tmp_path):
    video = Path(make_odd_video("hevc with b-frames", tmp_path)).read_bytes()
    rng = random.Random(3)
    for _ in range(12):
        damaged = bytearray(video)
        for _ in range(20):
            damaged[rng.randrange(len(video))] ^= 1 << rng.randrange(8)
        with suppress(UnreadableVideo):
            assert all(clip.video for clip in exact_clips(bytes(damaged), SMART, None, preview="every"))
