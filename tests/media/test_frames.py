import subprocess
import sys
from fractions import Fraction

import ffmpeg
import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import resize

from tests.support.videos import gray_level, make_sound_only, make_two_sizes, make_video
from ytcurate.config import ClipLimits, FrameSampling
from ytcurate.errors import UnreadableVideo
from ytcurate.media import frames as frames_module
from ytcurate.media.frames import sample_frames
from ytcurate.media.resize import bicubic

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
    found = bicubic(coarse, 504, 280)

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


@pytest.mark.parametrize(
    "clip",
    [{"b_frames": 2}, {"gop": 12}, {"codec": "libvpx-vp9"}, {"codec": "libx265"}, {"gop": 1}],
    ids=["b-frames", "short gops", "vp9", "hevc", "intra only"],
)
def test_an_undamaged_clip_is_never_decoded_whole(clip, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("decodes everything")

    monkeypatch.setattr(frames_module, "decode_all", refuse)

    assert len(sample_frames(make_video(seconds=2, **clip)).indices) == 4


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            ClipLimits(max_source_pixels=64 * 47),
            r"pictures of 64x48 are over the limit of 3008 pixels\. Reduce",
        ),
        (ClipLimits(max_decode_seconds=1e-9), r"more than 1e-09 s, 0 of \d+ packets are done\. Cut shorter"),
        (
            ClipLimits(max_decoded_bytes=4 * 140 * 112 * 3),
            "4 pictures of 140x112 and one of 64x48 take 197376 bytes, the limit is 188160",
        ),
    ],
    ids=["pixels", "seconds", "bytes"],
)
def test_a_clip_over_a_limit_is_unreadable_and_says_which(limits, message):
    with pytest.raises(UnreadableVideo, match=message):
        sample_frames(make_video(seconds=2), limits=limits)


def test_pictures_that_grow_over_the_limit_in_the_middle_are_refused(tmp_path):
    with pytest.raises(UnreadableVideo, match=r"pictures of 176x144 are over the limit of 19200 pixels"):
        sample_frames(make_two_sizes(tmp_path), limits=ClipLimits(max_source_pixels=160 * 120))


def test_sampling_starts_no_threads_whatever_torch_may_use():
    code = (
        "import os, sys, torch; torch.set_num_threads(4);"
        "from ytcurate import sample_frames; count = lambda: len(os.listdir('/proc/self/task'));"
        "before = count(); sample_frames(sys.stdin.buffer.read()); print(count() - before)"
    )
    video = make_video(seconds=2, width=640, height=360)
    found = subprocess.run([sys.executable, "-c", code], input=video, capture_output=True, check=True)

    assert found.stdout.strip() == b"0"
