"""Black and still shares, by time and not by number of pictures."""

import numpy as np
import pytest

from tests.support.planted import encode, scene_pictures
from ytcurate.media.examine import examine_clip
from ytcurate.media.still_time import StillTime

BLACK = np.zeros((60, 80), np.uint8)


def noise(seed):
    return np.random.default_rng(seed).integers(0, 255, (60, 80), np.uint8)


def shares(pictures, end_s):
    times = StillTime()
    for gray, time_s in pictures:
        times.add(gray, time_s)
    return times.shares(end_s)


def test_time_counts_and_not_pictures():
    moving = [(noise(number), number / 10) for number in range(10)]
    assert shares([*moving, (BLACK, 1.0)], 4.0) == (0.75, 0.75)


def test_a_picture_that_repeats_for_less_than_half_a_second_is_not_still():
    twice = [(noise(number // 2), number / 24) for number in range(48)]
    assert shares(twice, 2.0) == (0, 0)
    assert shares([(noise(0), 0.0), (noise(1), 0.4), (noise(2), 0.8), (noise(3), 1.6)], 2.0)[1] == 0.4


def test_a_slow_drift_is_not_still():
    drift = [(np.full((60, 80), 60 + number // 4, np.uint8), number / 60) for number in range(120)]
    assert shares(drift, 2.0) == (0, 0)


def test_a_pixel_in_fifty_may_be_light_in_a_black_picture():
    spots = BLACK.copy()
    spots.flat[:96] = 255
    assert shares([(spots, 0.0)], 1.0)[0] == 1
    spots.flat[96] = 255
    assert shares([(spots, 0.0)], 1.0)[0] == 0
    assert shares([(BLACK + 25, 0.0), (BLACK + 26, 1.0)], 2.0)[0] == 0.5


def test_a_single_picture_is_still():
    assert shares([(noise(0), 3.0)], 3.04) == (0, 1)
    assert shares([(noise(0), 3.0)], 3.0) == (0, 1)


def test_shares_of_a_clip_follow_a_variable_frame_rate():
    pictures = list(scene_pictures(5, "good", 24, 160, 120))
    black = np.full_like(pictures[0], 2)
    # One second at 24 fps, then three black pictures, the last of which is shown for a 24th.
    video = encode([*pictures, black, black, black], times=[*range(24), 24, 40, 56])
    quality = examine_clip(video).quality
    assert quality.black == pytest.approx(33 / 57, rel=1e-9)
    assert quality.frozen == pytest.approx(33 / 57, rel=1e-9)


def test_black_is_black_in_both_ranges_of_levels():
    black = [np.full((120, 160, 3), 18, np.uint8)] * 24
    for pixels in ("yuv420p", "yuvj420p"):
        assert examine_clip(encode(black, pixels=pixels)).quality.black == 1
    gray = [np.full((120, 160, 3), 34, np.uint8)] * 24
    for pixels in ("yuv420p", "yuvj420p"):
        assert examine_clip(encode(gray, pixels=pixels)).quality.black == 0


def test_a_still_part_of_a_clip_counts_by_its_length():
    moving = list(scene_pictures(5, "good", 36, 160, 120))
    quality = examine_clip(encode([*moving, *[moving[-1]] * 36])).quality
    assert quality.frozen == pytest.approx(0.5, abs=0.03)
