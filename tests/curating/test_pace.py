"""How large waves are."""

import pytest

from ytcurate.curating.pace import Pace, Rate
from ytcurate.errors import UsageError


def waves(videos, pace, seconds_per_video):
    left, last, sizes = videos, 0, []
    while left:
        last = pace.next_wave(left, last=last, seconds_per_video=seconds_per_video)
        sizes.append(last)
        left -= last
    return sizes


def test_the_first_wave_is_small_and_waves_double_until_they_take_long_enough():
    assert waves(1000, Pace(wave_seconds=100), 1.0)[:4] == [32, 64, 100, 100]
    assert waves(10, Pace(), None) == [1, 2, 4, 3]


def test_the_rest_is_shared_by_the_last_two_waves():
    assert waves(250, Pace(wave_seconds=100, growth=100), 1.0) == [8, 121, 121]


def test_every_video_is_in_a_wave():
    for videos in (1, 2, 3, 31, 32, 33, 999):
        for seconds in (None, 0.001, 1.0, 1000.0):
            assert sum(waves(videos, Pace(wave_seconds=60), seconds)) == videos


def test_a_rate_forgets():
    rate = Rate()
    assert rate.seconds_per_row is None
    rate.add(10, 10)
    assert rate.seconds_per_row == 1
    for _ in range(20):
        rate.add(10, 20)
    assert rate.seconds_per_row == pytest.approx(2, abs=1e-4)


@pytest.mark.parametrize("wrong", [{"wave_seconds": 0}, {"max_waves": 1}, {"growth": 0.5}])
def test_a_pace_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Pace(**wrong)


def test_a_wave_is_what_can_be_cut_while_those_behind_are_busy():
    pace = Pace(wave_seconds=600)
    now = {"last": 1, "seconds_per_video": 10.0, "cut_seconds": 2.0}
    assert pace.next_wave(1000, busy_seconds=60, **now) == 30
    assert pace.next_wave(1000, busy_seconds=0, **now) == 2
    assert pace.next_wave(1000, busy_seconds=9999, **now) == 60
    assert pace.next_wave(20, busy_seconds=60, **now) == 20
