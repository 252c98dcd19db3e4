import io
from fractions import Fraction

import av
import numpy as np
import psutil
import pytest

from tests.support.videos import (
    display_times,
    keyframe_times,
    make_changed_video,
    make_odd_video,
    make_two_sizes,
    make_video,
    run_ffmpeg,
)
from ytcurate.config import Encoding, Segmenting
from ytcurate.errors import UnreadableVideo
from ytcurate.media.encode_cut import encode_clips
from ytcurate.media.encoder_table import ENCODERS
from ytcurate.media.exact_cut import exact_clips
from ytcurate.media.packet_index import index_source

FAST = Encoding(encoder="libx264", quality=8, preset="ultrafast")


def encode(video, *, clip_seconds=1.3, codec=None, encoding=FAST, preview="none", **more):
    segmenting = Segmenting(cut="encode", clip_seconds=clip_seconds, codec=codec, encoding=encoding, **more)
    return list(exact_clips(video, segmenting, None, preview=preview))


def frames(video):
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video)) as container:
        return list(container.decode(video=0))


def planes(video):
    """Brightness of each picture."""
    return [np.asarray(frame.to_ndarray(format="gray"), np.int64) for frame in frames(video)]


@pytest.mark.parametrize(
    "name",
    [
        "b-pyramid",
        "vp9 in webm",
        "mpeg-4 part 2 in avi",
        "variable frame rate",
        "59.94 fps",
        "hevc open gops",
    ],
)
def test_clips_together_show_what_the_source_shows(name, tmp_path):
    video = make_odd_video(name, tmp_path)
    source = planes(video)

    clips = encode(video)

    shown = [plane for clip in clips for plane in planes(clip.video)]
    assert len(shown) == len(source)
    assert max(np.mean((one - other) ** 2) for one, other in zip(shown, source, strict=True)) < 6.5
    assert {display_times(clip.video)[0] for clip in clips} == {0}
    assert [clip.start_s // Fraction("1.3") for clip in clips] == list(range(len(clips)))


def test_times_are_the_sources(tmp_path):
    video = make_odd_video("variable frame rate", tmp_path)
    times = [clip.start_s + at for clip in encode(video.read_bytes()) for at in display_times(clip.video)]
    source = display_times(video.read_bytes())
    assert times == pytest.approx([at - source[0] for at in source], abs=1e-6)


def test_clips_begin_with_keyframes_and_end_with_their_last_picture():
    clips = encode(make_video(seconds=4, b_frames=2, gop=100))
    assert [(clip.start_s, clip.length_s, clip.info.frame_count) for clip in clips] == [
        (0, Fraction("1.3"), 39),
        (Fraction("1.3"), Fraction("1.3"), 39),
        (Fraction("2.6"), Fraction("1.3"), 39),
        (Fraction("3.9"), Fraction("0.1"), 3),
    ]
    assert all(keyframe_times(clip.video)[0] == 0 for clip in clips)


def test_overlapping_clips_each_have_all_their_pictures():
    video = make_video(seconds=4)
    source = planes(video)
    for clip in encode(video, clip_seconds=1.5, stride_seconds=0.7):
        begin = round(clip.start_s * 30)
        shown = planes(clip.video)
        assert len(shown) == min(45, 120 - begin)
        assert all(abs(one.mean() - source[begin + n].mean()) < 0.4 for n, one in enumerate(shown))


def test_clips_of_one_picture_each():
    clips = encode(make_video(seconds=2, b_frames=2), clip_seconds=1 / 30)
    assert [clip.info.frame_count for clip in clips] == [1] * 60


def test_another_codec_is_made_where_it_is_asked_for(tmp_path):
    video = make_odd_video("vp9 in webm", tmp_path)
    (hevc,) = encode(video, clip_seconds=9, codec="hevc", encoding=Encoding(preset="ultrafast"))
    with av.open(io.BytesIO(hevc.video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ("hevc", "hvc1")
    assert (hevc.info.codec, hevc.info.frame_count) == ("hevc", 90)


def test_a_codec_is_kept_where_none_is_asked_for(tmp_path):
    encoding = Encoding(preset="ultrafast")
    (clip,) = encode(make_odd_video("10 bit", tmp_path), clip_seconds=9, encoding=encoding)
    assert (clip.info.codec, frames(clip.video)[0].format.name) == ("hevc", "yuv420p10le")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bt.709", ("yuv420p", 160, 120, 1, 1)),
        ("full range", ("yuvj420p", 160, 120, 1, 2)),
        ("4:4:4", ("yuv444p", 160, 120, 1, 2)),
        ("non-square pixels", ("yuv420p", 160, 120, Fraction(4, 3), 2)),
    ],
)
def test_colours_and_shapes_are_kept(name, expected, tmp_path):
    (clip,) = encode(make_odd_video(name, tmp_path), clip_seconds=9)
    with av.open(io.BytesIO(clip.video)) as container:
        frame = next(container.decode(video=0))
        aspect = container.streams.video[0].sample_aspect_ratio
    got = (frame.format.name, frame.width, frame.height, aspect or 1, int(frame.colorspace))
    if name != "bt.709":
        got, expected = got[:4], expected[:4]
    assert got == expected


def test_fields_stay_fields(tmp_path):
    (clip,) = encode(make_odd_video("interlaced", tmp_path), clip_seconds=9)
    assert {frame.interlaced_frame for frame in frames(clip.video)} == {True}


@pytest.mark.parametrize(
    ("encoder", "size"),
    [("libvpx -pix_fmt yuv420p -deadline realtime", (162, 120)), ("libx264 -pix_fmt yuv444p", (161, 119))],
    ids=["4:2:0", "4:4:4"],
)
def test_odd_sides_are_filled_up_where_the_pixel_format_does_not_allow_them(encoder, size, tmp_path):
    path = tmp_path / "odd.mkv"
    chart = ("-f", "lavfi", "-i", "testsrc=size=161x119:rate=30:duration=1")
    run_ffmpeg(*chart, "-c:v", *encoder.split(), str(path))
    (clip,) = encode(path)
    assert (clip.info.width, clip.info.height) == size
    difference = planes(clip.video)[0][..., :119, :161] - planes(path)[0][..., :119, :161]
    assert np.mean(difference**2) < 6.5


def test_a_rotated_source_stands_upright(tmp_path):
    video = make_changed_video("turned by 90 degrees", tmp_path)
    (clip,) = encode(video, clip_seconds=9)
    (first, source) = (frames(one)[0] for one in (clip.video, video))
    assert (first.rotation, first.width, first.height) == (0, 120, 160)
    upright = np.rot90(source.to_ndarray(format="gray"), source.rotation // 90)
    assert np.mean((first.to_ndarray(format="gray").astype(int) - upright) ** 2) < 10


def test_pictures_that_grow_are_reduced_to_the_first_size(tmp_path):
    (clip,) = encode(make_two_sizes(tmp_path), clip_seconds=9)
    assert {(frame.width, frame.height) for frame in frames(clip.video)} == {(160, 120)}
    assert clip.info.frame_count == 60


def test_the_first_clip_has_a_poster_if_that_is_asked_for():
    clips = encode(make_video(seconds=2), preview="first")
    assert [clip.preview is not None for clip in clips] == [True, False]


def test_nothing_is_left_running_when_no_more_clips_are_taken():
    video = make_video(seconds=20)
    index = index_source(video)
    before = set(psutil.Process().children())
    clips = encode_clips(video, index, [range(0, 30), range(30, 600)], ENCODERS["libx264"], FAST)
    next(clips)
    assert set(psutil.Process().children()) - before
    clips.close()
    assert set(psutil.Process().children()) <= before


def test_a_file_that_is_cut_off_gives_what_can_be_read_and_then_the_reason(tmp_path):
    video = make_changed_video("cut off in the middle", tmp_path)
    lengths = []
    with pytest.raises(UnreadableVideo, match="cut off"):  # noqa: PT012
        for clip in exact_clips(
            video, Segmenting(cut="encode", clip_seconds=0.5, encoding=FAST), None, preview="none"
        ):
            lengths.append(clip.info.frame_count)
    assert lengths == [15, 15, 7]  # the last is what can be read of its segment


def test_ffmpegs_own_words_tell_why_pictures_cannot_be_had():
    video = make_video(seconds=1)
    index = index_source(video)
    broken = bytearray(video)
    start = broken.index(b"mdat") + 4
    broken[start : start + 800] = bytes(800)
    with pytest.raises(UnreadableVideo, match=r"FFmpeg|decoded"):
        list(encode_clips(bytes(broken[:start]), index, [range(30)], ENCODERS["libx264"], FAST))


def test_a_playlist_is_not_followed(tmp_path):
    (tmp_path / "secret.mp4").write_bytes(make_video(seconds=1))
    playlist = tmp_path / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    index = index_source(tmp_path / "secret.mp4")
    with pytest.raises(UnreadableVideo):
        list(encode_clips(playlist, index, [range(30)], ENCODERS["libx264"], FAST))
