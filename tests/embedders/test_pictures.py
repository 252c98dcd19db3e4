"""Keyframes and videos → pictures."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from tests.support.videos import gray_level, make_changed_video, make_sound_only, make_video
from ytcurate.config import ClipLimits
from ytcurate.embedders.pictures import decode_keyframes, sample_pictures, spread
from ytcurate.errors import UnreadableVideo


def encoded(file_format, level=100, size=(20, 10), mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, size, (level,) * len(mode)).save(file, file_format, **options)
    return file.getvalue()


def refused(keyframes, **limits):
    with pytest.raises(UnreadableVideo) as raised:
        list(decode_keyframes(keyframes, ClipLimits(**limits)))
    return str(raised.value)


def test_pictures_of_three_kinds_are_rgb():
    keyframes = [encoded("JPEG"), encoded("PNG", mode="L"), encoded("WEBP", lossless=True)]
    for picture in decode_keyframes(keyframes, ClipLimits()):
        assert (picture.shape, picture.dtype) == ((10, 20, 3), np.uint8)
        assert (picture == 100).all()


def test_a_keyframe_that_is_no_picture_is_named():
    assert (
        refused([encoded("JPEG"), b"text"])
        == "keyframe 1 of 2: 4 bytes are no picture of the kinds JPEG, PNG, WEBP"
    )
    assert "are no picture" in refused([encoded("BMP")])
    assert "are no picture" in refused([b""])
    broken = encoded("JPEG", size=(200, 200))[:700]
    assert refused([broken]).startswith("keyframe 0 of 1: 700 bytes of a picture cannot be decoded")
    assert "pictures of 20x10 are over the limit of 100 pixels" in refused(
        [encoded("PNG")], max_source_pixels=100
    )


def test_pictures_of_a_video_are_its_first_middle_and_last():
    video = make_video(seconds=3, b_frames=2)
    with av.open(io.BytesIO(video)) as container:
        every = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert not np.array_equal(every[43], every[44])
    for picture, at in zip(sample_pictures(video, 3, ClipLimits()), (0, 44, 89), strict=True):
        assert np.array_equal(picture, every[at])


def test_pictures_of_a_turned_video_are_upright(tmp_path):
    turned = make_changed_video("turned by 90 degrees", tmp_path)
    with av.open(str(turned)) as container:
        first = next(container.decode(video=0))
        stored = first.to_ndarray(format="rgb24")
        assert (stored.shape, first.rotation) == ((120, 160, 3), 90)
    picture = next(sample_pictures(turned, 3, ClipLimits()))
    assert np.array_equal(picture, np.rot90(stored))


def test_indices_are_spread_from_first_to_last():
    assert spread(90, 3) == [0, 44, 89]
    assert spread(90, 1) == [44]
    assert spread(5, 5) == [0, 1, 2, 3, 4]
    assert spread(2, 3) == [0, 1]
    assert spread(1, 3) == [0]


def test_a_video_that_breaks_off_gives_what_can_be_decoded():
    video = make_video(seconds=3, file_format="mpegts")
    pictures = list(sample_pictures(video[: len(video) * 2 // 3], 3, ClipLimits()))
    assert 1 <= len(pictures) <= 3
    assert int(pictures[0].mean().round()) == gray_level(0)


def test_what_has_no_pictures_is_unreadable():
    for video in (b"no video", make_sound_only()):
        with pytest.raises(UnreadableVideo):
            list(sample_pictures(video, 3, ClipLimits()))
    with pytest.raises(UnreadableVideo, match="over the limit of 100 pixels"):
        list(sample_pictures(make_video(seconds=1), 3, ClipLimits(max_source_pixels=100)))
