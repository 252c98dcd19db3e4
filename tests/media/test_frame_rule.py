"""Our frame rule against qwen-vl-utils itself."""

import logging
import random
from fractions import Fraction

import pytest
import torch
from qwen_vl_utils.vision_process import VIDEO_MAX_TOKEN_NUM, smart_nframes, smart_resize

from ytcurate.config import FrameSampling
from ytcurate.errors import UnreadableVideo
from ytcurate.media.frame_rule import frame_indices, frame_size

RATES = [
    Fraction(30),
    Fraction(60),
    Fraction(30000, 1001),
    Fraction(24000, 1001),
    Fraction(60006, 1000),
    Fraction(1),
]


@pytest.fixture(autouse=True)
def quiet_reference(caplog):
    caplog.set_level(logging.ERROR)


@pytest.mark.parametrize("fps", RATES, ids=str)
@pytest.mark.parametrize("sampled_fps", [0.5, 2.0, 4.0])
def test_indices_are_those_of_qwen_vl_utils(fps, sampled_fps):
    rng = random.Random(1)
    for total in [*range(2, 320), 599, 600, 601, *(rng.randrange(700, 200_000) for _ in range(25))]:
        number = smart_nframes({"fps": sampled_fps}, total, float(fps))
        wanted = torch.linspace(0, total - 1, number).round().long().tolist()
        assert frame_indices(total, fps, FrameSampling(fps=sampled_fps)) == wanted, (total, fps)


def test_sizes_are_those_of_qwen_vl_utils():
    rng = random.Random(2)
    for _ in range(2000):
        sampling = FrameSampling(total_pixels=rng.choice([125_440, 2_000_000, FrameSampling.total_pixels]))
        width, height, number = rng.randrange(16, 5000), rng.randrange(16, 5000), 2 * rng.randrange(1, 384)
        if max(width, height) > 12 * min(width, height):
            continue
        most = max(
            min(VIDEO_MAX_TOKEN_NUM * 784, sampling.total_pixels / number * 2),
            int(sampling.min_pixels * 1.05),
        )
        wanted = smart_resize(height, width, 28, min_pixels=sampling.min_pixels, max_pixels=most)
        assert frame_size(width, height, number, sampling) == wanted[::-1], (width, height, number)


def test_full_hd_for_ten_seconds_is_1008_by_560():
    assert frame_size(1920, 1080, 20, FrameSampling()) == (1008, 560)


def test_one_picture_is_too_few():
    with pytest.raises(UnreadableVideo, match="at least 2 pictures are needed, the clip has 1"):
        frame_indices(1, Fraction(30), FrameSampling())


def test_a_picture_200_times_as_long_as_wide_is_refused():
    with pytest.raises(UnreadableVideo, match="4020x20 is more than 200 times"):
        frame_size(4020, 20, 20, FrameSampling())
