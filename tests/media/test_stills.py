"""Keyframes: which pictures they are, how large, and how they stand."""

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.support.planted import encode, scene_pictures
from tests.support.videos import make_changed_video
from ytcurate.config import Scoring
from ytcurate.errors import UnreadableVideo
from ytcurate.media.examine import examine_clip
from ytcurate.media.pictures import Converter
from ytcurate.media.stills import StillMaker, encode_jpeg


def decoded(jpeg):
    assert jpeg[:2] == b"\xff\xd8"
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def sizes(video, **scoring):
    found = examine_clip(video, Scoring(**scoring))
    return [decoded(jpeg).shape[1::-1] for jpeg in (found.keyframe, *found.keyframes)]


def clip_of(width, height, length=5):
    return encode(scene_pictures(1, "good", length, width, height))


@pytest.mark.parametrize(
    ("size", "keyframe", "others"),
    [
        ((640, 360), (384, 216), (398, 224)),
        ((360, 640), (216, 384), (224, 398)),
        ((160, 120), (160, 120), (160, 120)),
        ((480, 200), (384, 160), (480, 200)),
    ],
)
def test_pictures_keep_their_shape_and_are_never_enlarged(size, keyframe, others):
    assert sizes(clip_of(*size)) == [keyframe, others, others, others]


@pytest.mark.parametrize("size", [(640, 360), (160, 120)])
def test_square_ones_have_one_size(size):
    assert sizes(clip_of(*size), square=True) == [(384, 384), *[(224, 224)] * 3]


@pytest.mark.parametrize(("total", "places"), [(1, [0, 0, 0, 0]), (2, [1, 0, 0, 1]), (8, [4, 0, 3, 7])])
def test_they_are_the_middle_picture_and_three_evenly_spaced(total, places):
    levels = [30 + 25 * number for number in range(total)]
    found = examine_clip(encode([np.full((64, 64, 3), level, np.uint8) for level in levels], crf=5))
    means = [decoded(jpeg).mean() for jpeg in (found.keyframe, *found.keyframes)]
    assert [round((mean - 30) / 25) for mean in means] == places
    assert found.frame_count == total


@pytest.mark.parametrize("degrees", ["90", "180", "-90"])
def test_a_turned_clip_gives_upright_pictures_and_the_same_scores(tmp_path, degrees):
    turned = examine_clip(make_changed_video(f"turned by {degrees} degrees", tmp_path))
    plain = examine_clip(tmp_path / "b-pyramid.mp4")
    picture, upright = decoded(turned.keyframe), decoded(plain.keyframe)
    expected = np.rot90(upright, int(degrees) // 90)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).mean() < 6
    assert turned.quality == plain.quality


def test_the_filter_is_close_to_pillows_bicubic():
    image = pytest.importorskip("PIL.Image", reason="compares with Pillow")
    rgb = next(scene_pictures(1, "good", 1, 1280, 720))
    ours = Converter().bgr(VideoFrame.from_ndarray(rgb, format="rgb24"), 384, 384)[:, :, ::-1]
    theirs = np.asarray(image.fromarray(rgb).resize((384, 384), image.Resampling.BICUBIC))
    assert cv2.PSNR(np.ascontiguousarray(ours), theirs) > 35


def test_a_picture_too_long_for_jpeg_is_said_to_be():
    with pytest.raises(UnreadableVideo, match="a keyframe of 70000x1 is too long for JPEG"):
        encode_jpeg(np.zeros((1, 70000, 3), np.uint8))
    frame = VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
    assert decoded(StillMaker(Converter()).keyframe(frame)).shape == (16, 16, 3)
