from fractions import Fraction

import ffmpeg
import pytest

from tests.support.videos import display_times, make_sound_only, make_video, packet_sizes
from ytcurate.config import Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.cut import clip_id, cut_clips
from ytcurate.media.probe import probe

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
