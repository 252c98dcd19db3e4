from fractions import Fraction

import ffmpeg
import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resize

from tests.support.videos import gray_level, make_sound_only, make_video
from ytcurate.config import FrameSampling
from ytcurate.errors import UnreadableVideo
from ytcurate.media.frames import _resize, sample_frames

TROUBLES = {
    "b-frames": {"b_frames": 2},
    "60 fps": {"fps": Fraction(60)},
    "ntsc rate": {"fps": Fraction(30000, 1001)},
    "long gops": {"gop": 250, "b_frames": 3},
    "vp9": {"codec": "libvpx-vp9"},
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_the_pictures_are_the_ones_at_their_indices_in_display_order(trouble):
    frames = sample_frames(make_video(seconds=5, **trouble))

    levels = frames.pixels.mean(axis=(1, 2, 3))
    wanted = [gray_level(index) for index in frames.indices]
    assert np.abs(levels - wanted).max() < 2.5
    assert frames.indices[0] == 0
    assert frames.indices[-1] == frames.info.frame_count - 1


def test_ten_pictures_of_five_seconds_enlarged_to_the_least_size():
    frames = sample_frames(make_video(seconds=5, width=64, height=48))

    assert frames.pixels.shape == (10, 112, 140, 3)
    assert frames.pixels.dtype == np.uint8
    assert frames.seconds_per_frame == Fraction(1, 2)


def test_resizing_agrees_with_the_reference_within_rounding():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (90, 160, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
    channels_first = torch.from_numpy(coarse).permute(2, 0, 1)
    wanted = resize(channels_first, [280, 504], interpolation=InterpolationMode.BICUBIC, antialias=True)
    found = _resize([coarse], 504, 280)[0]

    error = np.mean((found.astype(float) - wanted.permute(1, 2, 0).numpy().astype(float)) ** 2)
    assert 10 * np.log10(255**2 / error) >= 50


def test_pictures_before_an_edit_lists_start_are_decoded_for_others_and_not_shown(tmp_path):
    (tmp_path / "whole.mp4").write_bytes(make_video(seconds=4, gop=120))
    late = tmp_path / "late.mp4"
    ffmpeg.input(str(tmp_path / "whole.mp4"), ss=1).output(str(late), c="copy").run(quiet=True)

    frames = sample_frames(late)

    levels = frames.pixels.mean(axis=(1, 2, 3))
    assert frames.info.frame_count == 90
    assert np.abs(levels - [gray_level(30 + index) for index in frames.indices]).max() < 2.5


def test_damaged_packets_shorten_the_clip_but_do_not_lose_it():
    video = bytearray(make_video(seconds=4, gop=30))
    at = video.index(b"mdat") + 200
    video[at : at + 400] = bytes(400)

    frames = sample_frames(bytes(video))

    assert len(frames.pixels) == len(frames.indices) >= 4


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (make_video(seconds=1 / 30), "at least 2 pictures are needed, the clip has 1"),
        (make_sound_only(), "no video stream"),
        (make_video(seconds=2)[:2000], "not a video"),
    ],
    ids=["one picture", "sound only", "cut off"],
)
def test_clips_without_enough_pictures_say_why(video, message):
    with pytest.raises(UnreadableVideo, match=message):
        sample_frames(video, FrameSampling())
