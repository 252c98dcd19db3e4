"""Which pictures are looked at: arithmetic on times."""

import numpy as np
import pytest

from ytcurate.media.picture_plan import evenly_spaced, plan_pictures


@pytest.mark.parametrize("total", [*range(1, 12), 299, 300, 301, 18000])
@pytest.mark.parametrize("number", [3, 5])
def test_even_spacing_is_numpys_rounded_down(total, number):
    assert evenly_spaced(total, number) == tuple(np.linspace(0, total - 1, number).astype(int))


def test_ten_seconds_at_30_fps():
    plan = plan_pictures([number / 30 for number in range(300)])
    assert plan.scored == (0, 74, 149, 224, 299)
    assert (plan.keyframe, plan.keyframes) == (150, (0, 149, 299))
    assert len(plan.pairs) == 40
    assert {second - first for first, second in plan.pairs} == {4}
    assert (plan.pairs[0], plan.pairs[-1]) == ((0, 4), (295, 299))
    assert plan.text == (0, 29, 59, 89, 119, 149, 179, 209, 239, 269, 299)


def test_one_picture_stands_for_all():
    plan = plan_pictures([7.0])
    assert (plan.scored, plan.keyframe, plan.keyframes) == ((0,) * 5, 0, (0,) * 3)
    assert (plan.pairs, plan.text) == ((), (0,))


def test_two_pictures_are_a_pair_however_far_apart():
    assert plan_pictures([0.0, 0.04]).pairs == ((0, 1),)
    assert plan_pictures([0.0, 9.0]).pairs == ((0, 1),)
    assert plan_pictures([0.0, 9.0]).keyframe == 1


def test_pairs_follow_the_times_and_not_the_numbers():
    times_s = [0.0, 0.05, 0.1, 0.15, 5.0, 5.01, 5.02, 5.2]
    for first, second in plan_pictures(times_s).pairs:
        assert second == 7 or times_s[second] - times_s[first] >= 0.125 > times_s[second - 1] - times_s[first]
