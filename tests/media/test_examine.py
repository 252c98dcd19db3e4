"""One decode of odd and of bad clips."""

import io

import av
import cv2
import numpy as np
import pytest

from tests.support.planted import encode, make_planted_clip, scene_pictures
from tests.support.videos import make_changed_video, make_odd_video, make_sound_only, make_two_sizes
from ytcurate.config import ClipLimits, Scoring
from ytcurate.errors import UnreadableVideo
from ytcurate.media.examine import examine_clip


def gray_pictures(path):
    with av.open(str(path)) as container:
        rgb = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in rgb]


@pytest.mark.parametrize(
    "name",
    [
        *("variable frame rate", "10 bit", "two pictures", "three pictures", "odd sides", "full range"),
        *("transport stream", "mpeg-4 part 2 in avi", "first picture after 0", "vp9 in webm", "av1 in webm"),
    ],
)
def test_odd_clips_are_scored_as_what_a_plain_decode_gives(name, tmp_path):
    path = make_odd_video(name, tmp_path)
    gray = gray_pictures(path)
    found = examine_clip(path)
    chosen = [gray[at] for at in np.linspace(0, len(gray) - 1, 5).astype(int)]
    assert found.frame_count == len(gray)
    assert found.quality.brightness == pytest.approx(np.mean([each.mean() for each in chosen]), rel=1e-9)
    sharpness = np.mean([cv2.Laplacian(each, cv2.CV_64F).var() for each in chosen])
    assert found.quality.sharpness == pytest.approx(sharpness, rel=1e-9)
    assert found.quality == examine_clip(path.read_bytes()).quality


def test_what_an_edit_list_hides_is_not_looked_at(tmp_path):
    path = make_changed_video("edit list starting inside a gop", tmp_path)
    gray = gray_pictures(path)
    found = examine_clip(path)
    assert found.frame_count == len(gray) == 57
    chosen = [gray[at].mean() for at in (0, 14, 28, 42, 56)]
    assert found.quality.brightness == pytest.approx(np.mean(chosen), rel=1e-9)


def test_a_clip_of_one_picture_does_not_move():
    quality = examine_clip(encode(scene_pictures(1, "good", 1, 160, 120)), Scoring(text=True)).quality
    assert (quality.motion, quality.motion_rate, quality.frozen, quality.text) == (0, 0, 1, 0)
    assert quality.sharpness > 50


def test_a_clip_that_is_cut_off_is_scored_as_far_as_it_goes(tmp_path):
    found = examine_clip(make_changed_video("cut off in the middle", tmp_path))
    assert 45 <= found.frame_count < 90
    assert found.quality.sharpness > 50
    assert len(found.keyframes) == 3


def test_damage_in_the_middle_is_passed_over(tmp_path):
    path = make_changed_video("bits flipped, 1", tmp_path)
    assert examine_clip(path).frame_count == 89
    assert examine_clip(path).quality.brightness == pytest.approx(
        examine_clip(tmp_path / "b-pyramid.mp4").quality.brightness, abs=1
    )


def test_pictures_may_change_their_size(tmp_path):
    found = examine_clip(make_two_sizes(tmp_path), Scoring(text=True))
    assert found.frame_count == 60
    assert found.quality.motion > 0


@pytest.mark.parametrize(
    ("video", "words"),
    [
        (b"", "the file is empty"),
        (b"no video" * 100, "not a video"),
        (make_sound_only(0.2), "no video stream in .* it holds audio/aac only"),
    ],
)
def test_what_holds_no_video_is_unreadable(video, words):
    with pytest.raises(UnreadableVideo, match=words):
        examine_clip(video)


def test_pictures_none_of_which_can_be_decoded_are_unreadable():
    video = bytearray(make_planted_clip(1))
    with av.open(io.BytesIO(video)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for packet in packets:
        video[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    with pytest.raises(UnreadableVideo, match="none of 36 pictures can be decoded"):
        examine_clip(bytes(video))


def test_limits_are_kept():
    video = make_planted_clip(1)
    with pytest.raises(UnreadableVideo, match="pictures of 160x120 are over the limit of 10000 pixels"):
        examine_clip(video, limits=ClipLimits(max_source_pixels=10_000))
    with pytest.raises(UnreadableVideo, match="decoding takes more than 1e-09 s"):
        examine_clip(video, limits=ClipLimits(max_decode_seconds=1e-9))
