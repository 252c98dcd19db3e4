from fractions import Fraction
from itertools import pairwise

import ffmpeg
import pytest

from tests.support.videos import display_times, make_sound_only, make_video, packet_sizes, run_ffmpeg
from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media import copy_cut
from ytcurate.media.copy_cut import copy_clips
from ytcurate.media.cut import clip_id, cut_clips
from ytcurate.media.probe import probe
from ytcurate.media.segment import Segment

SHAPES = {
    "keyframes every second": {"gop": 30},
    "keyframes every 1.6 s": {"gop": 48},
    "keyframes rarer than cuts": {"gop": 250},
    "b-frames": {"gop": 40, "b_frames": 2},
    "open gops": {"gop": 40, "b_frames": 2, "options": {"x264-params": "open-gop=1"}},
    "ntsc rate": {"gop": 48, "fps": Fraction(30000, 1001)},
    "with sound": {"gop": 48, "sound": True},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_clips_hold_the_packets_that_ffmpegs_segment_muxer_puts_there(shape, tmp_path):
    source = tmp_path / "source.mp4"
    source.write_bytes(make_video(seconds=12, **shape))
    wanted = tmp_path / "%03d.mp4"
    muxer = {"f": "segment", "segment_time": 2, "reset_timestamps": 1, "c": "copy", "an": None}
    ffmpeg.input(str(source)).output(str(wanted), **muxer).run(quiet=True)

    clips = list(cut_clips(source, Segmenting(clip_seconds=2)))

    assert [packet_sizes(clip.video) for clip in clips] == [
        packet_sizes(path) for path in sorted(tmp_path.glob("[0-9]*.mp4"))
    ]


def test_clips_cover_the_source_without_gap_or_overlap():
    clips = list(cut_clips(make_video(seconds=7, gop=30), Segmenting(clip_seconds=2)))

    assert [clip.start_s for clip in clips] == [0, 2, 4, 6]
    assert [clip.length_s for clip in clips] == [2, 2, 2, 1]
    assert [clip.segment_index for clip in clips] == [0, 1, 2, 3]
    assert sum(clip.info.frame_count for clip in clips) == 210


@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_first_picture_of_each_clip_is_displayed_at_0(b_frames):
    clips = cut_clips(make_video(seconds=6, gop=60, b_frames=b_frames), Segmenting(clip_seconds=2))

    for clip in clips:
        times = display_times(clip.video)
        assert times == [Fraction(index, 30) for index in range(60)]


def test_a_clip_says_what_it_is():
    (clip,) = cut_clips(make_video(seconds=1, width=64, height=48, fps=Fraction(25)))

    assert (clip.info.codec, clip.info.width, clip.info.height, clip.info.fps) == ("h264", 64, 48, 25)
    assert clip.info == probe(clip.video)
    assert clip.file_type == "mp4"


def spans(clips):
    return [(clip.start_s, clip.start_s + clip.length_s, clip.info.frame_count) for clip in clips]


def test_clips_overlap_where_the_stride_is_less_than_their_length():
    segmenting = Segmenting(clip_seconds=3, stride_seconds=2)
    clips = list(cut_clips(make_video(seconds=8, gop=30, b_frames=2), segmenting))

    assert spans(clips) == [(0, 3, 90), (2, 5, 90), (4, 7, 90), (6, 8, 60)]
    assert all(display_times(clip.video) == frame_times(clip.info.frame_count) for clip in clips)


def frame_times(count):
    return [Fraction(index, 30) for index in range(count)]


def test_parts_are_left_out_where_the_stride_is_more():
    clips = cut_clips(make_video(seconds=8, gop=30), Segmenting(clip_seconds=1, stride_seconds=3))
    assert spans(clips) == [(0, 1, 30), (3, 4, 30), (6, 7, 30)]


def test_a_last_clip_that_is_too_short_is_joined_to_the_one_before():
    video = make_video(seconds=7, gop=30)
    assert spans(cut_clips(video, Segmenting(clip_seconds=3, min_seconds=1.5))) == [(0, 3, 90), (3, 7, 120)]
    assert spans(cut_clips(video, Segmenting(clip_seconds=3, min_seconds=1))) == [
        (0, 3, 90),
        (3, 6, 90),
        (6, 7, 30),
    ]


def test_overlapping_clips_join_a_short_last_one_without_repeating_a_picture():
    segmenting = Segmenting(clip_seconds=3, stride_seconds=2, min_seconds=2.5)
    clips = list(cut_clips(make_video(seconds=8, gop=30), segmenting))

    assert spans(clips) == [(0, 3, 90), (2, 5, 90), (4, 8, 120)]
    assert display_times(clips[-1].video) == frame_times(120)


def test_a_whole_video_is_one_clip_of_all_its_packets():
    video = make_video(seconds=5, gop=30, b_frames=2, sound=True)
    (clip,) = cut_clips(video, Segmenting(split="whole", clip_seconds=1))
    assert packet_sizes(clip.video) == packet_sizes(video)


def test_a_whole_video_of_another_codec_is_encoded_as_one_clip():
    video = make_video(seconds=3, gop=30, codec="mpeg4")
    (clip,) = cut_clips(video, Segmenting(split="whole", clip_seconds=1, codec="h264"))
    assert (clip.info.codec, clip.info.frame_count) == ("h264", 90)


def test_copied_clips_of_scenes_begin_at_the_first_keyframe_of_a_scene():
    borders = [0, Fraction(3, 2), Fraction(17, 10), 4, 6]
    scenes = [Segment(start_s=Fraction(a), end_s=Fraction(b)) for a, b in pairwise(borders)]
    clips = copy_clips(make_video(seconds=6, gop=30), Segmenting(split="scenes", cut="copy"), scenes)
    assert spans(clips) == [(0, 2, 60), (2, 4, 60), (4, 6, 60)]


def test_a_clip_that_no_table_takes_is_refused(monkeypatch):
    monkeypatch.setattr(copy_cut, "MAX_CLIP_BYTES", 50_000)
    clips = cut_clips(make_video(seconds=6, gop=30), Segmenting(clip_seconds=1))
    assert len(list(clips)) == 6
    with pytest.raises(
        UnreadableVideo, match=r"the clip that begins at 0.0 s is over .* no keyframe ends it"
    ):
        list(cut_clips(make_video(seconds=6, gop=999), Segmenting(clip_seconds=1)))


def test_what_breaks_off_gives_the_clips_before_and_the_reason(tmp_path):
    (tmp_path / "whole.mp4").write_bytes(make_video(seconds=6, gop=30))
    run_ffmpeg("-i", str(tmp_path / "whole.mp4"), "-c", "copy", "-movflags", "faststart", f"{tmp_path}/m.mp4")
    video = (tmp_path / "m.mp4").read_bytes()
    clips = cut_clips(video[: len(video) * 7 // 10], Segmenting(clip_seconds=1, min_seconds=0.5))

    assert [next(clips).start_s for _ in range(3)] == [0, 1, 2]
    with pytest.raises(UnreadableVideo, match="the file is cut off"):
        list(clips)


def test_a_playlist_is_no_video_and_nothing_it_names_is_opened(tmp_path):
    (tmp_path / "other.mp4").write_bytes(make_video(seconds=1))
    path = tmp_path / "list.ffconcat"
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    for video in (path, path.read_bytes()):
        with pytest.raises(UnreadableVideo, match="not a video"):
            list(cut_clips(video))


def test_vp8_goes_into_webm_since_mp4_cannot_hold_it():
    (clip,) = cut_clips(make_video(seconds=1, codec="libvpx", file_format="webm"))

    assert clip.file_type == "webm"
    assert probe(clip.video).codec == "vp8"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"this is a text", "not a video: FFmpeg finds no container in 14 bytes"),
        (make_sound_only(), "no video stream in .* bytes of .*mp4.*; it holds audio/aac only"),
    ],
    ids=["empty", "text", "sound only"],
)
def test_what_is_no_video_says_what_was_found(content, message):
    with pytest.raises(UnreadableVideo, match=message):
        list(cut_clips(content))


def test_the_id_of_a_clip_depends_on_its_source_and_its_times_only():
    first = clip_id(b"a", Fraction(0), Fraction(10))
    assert first == clip_id(b"a", Fraction(0), Fraction(10))
    others = [
        (b"b", Fraction(0), Fraction(10)),
        (b"a", Fraction(1), Fraction(10)),
        (b"a", Fraction(0), Fraction(9)),
    ]
    assert first not in [clip_id(*other) for other in others]
    assert len(first) == 32
