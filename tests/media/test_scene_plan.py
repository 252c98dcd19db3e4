import random
from fractions import Fraction
from itertools import pairwise

import pytest

from ytcurate.media.scene_plan import PictureTimes, plan_scenes

SECONDS = PictureTimes(pts=range(100), time_base=Fraction(1), start_pts=0)
"""A picture each second."""


def plan(borders, end=30, **rules):
    wanted = {name: Fraction(str(value)) for name, value in rules.items()}
    segments = plan_scenes([Fraction(border) for border in borders], SECONDS, Fraction(end), **wanted)
    return [(segment.start_s, segment.end_s) for segment in segments]


def test_segments_lie_between_borders_and_cover_the_source():
    assert plan([10, 25]) == [(0, 10), (10, 25), (25, 30)]


def test_a_source_without_borders_is_one_segment():
    assert plan([]) == [(0, 30)]


def test_borders_may_come_unordered_twice_and_from_outside_the_source():
    assert plan([20, -1, 0, 10, 20, 30, 40]) == [(0, 10), (10, 20), (20, 30)]


@pytest.mark.parametrize(
    ("borders", "wanted"),
    [
        ([10, 12], [(0, 12), (12, 30)]),
        ([2, 10], [(0, 10), (10, 30)]),
        ([28], [(0, 30)]),
        ([10, 12, 14, 16], [(0, 16), (16, 30)]),
        ([1, 2, 3], [(0, 3), (3, 30)]),
        ([10, 15, 20], [(0, 10), (10, 15), (15, 20), (20, 30)]),
    ],
    ids=["to the one before", "first to the next", "last", "a run", "a run at the start", "just long enough"],
)
def test_a_short_scene_is_joined_to_its_neighbour(borders, wanted):
    assert plan(borders, min_s=3 if len(wanted) < 4 else 5) == wanted


def test_scenes_that_are_short_all_together_are_one_segment():
    assert plan([1, 2], end=3, min_s=5) == [(0, 3)]


def test_a_long_scene_is_cut_into_the_fewest_equal_parts():
    assert plan([6], end=27, max_s=7) == [(0, 6), (6, 13), (13, 20), (20, 27)]
    assert plan([], end=20, max_s=20) == [(0, 20)]
    assert plan([], end=21, max_s=20) == [(0, 11), (11, 21)]


def test_joining_comes_before_cutting():
    assert plan([9, 10], end=20, min_s=2, max_s=5) == [(0, 5), (5, 10), (10, 15), (15, 20)]


def test_a_part_begins_with_a_picture_and_is_never_without_one():
    stills = PictureTimes(pts=[3, 4, 5, 25], time_base=Fraction(1), start_pts=0)

    segments = plan_scenes([], stills, Fraction(30), max_s=Fraction(2))

    assert [segment.start_s for segment in segments] == [0, 4, 25]


def test_times_that_cannot_be_true_cost_no_more_than_pictures_do():
    false = PictureTimes(pts=[0, 1, 2**62], time_base=Fraction(1, 1000), start_pts=0)

    segments = plan_scenes([], false, Fraction(2**62 + 1, 1000), max_s=Fraction(1, 2))

    assert [segment.start_s * 1000 for segment in segments] == [0, 2**62]


def test_any_plan_covers_the_source_once_in_order():
    rng = random.Random(1)
    for _ in range(500):
        pts = sorted(rng.sample(range(10_000), 200))
        pictures = PictureTimes(pts=pts, time_base=Fraction(1, 90), start_pts=pts[0] - rng.randrange(5))
        end_s = pictures.time_of(199) + Fraction(1, 30)
        min_s = Fraction(rng.randrange(100), 10)
        borders = [pictures.time_of(rng.randrange(200)) for _ in range(rng.randrange(30))]

        segments = plan_scenes(borders, pictures, end_s, min_s=min_s)
        parts = plan_scenes(borders, pictures, end_s, min_s=min_s, max_s=max(2 * min_s, Fraction(1)))

        for planned in (segments, parts):
            assert (planned[0].start_s, planned[-1].end_s) == (0, end_s)
            assert all(a.end_s == b.start_s for a, b in pairwise(planned))
            numbers = [pictures.first_from(segment.start_s) for segment in planned]
            assert all(a < b for a, b in pairwise(numbers))
            assert [pictures.time_of(number) for number in numbers[1:]] == [s.start_s for s in planned[1:]]
        assert len(segments) == 1 or all(s.end_s - s.start_s >= min_s for s in segments)
        assert {s.start_s for s in segments} <= {s.start_s for s in parts}


def test_the_nearest_picture_is_found_before_and_after():
    pictures = PictureTimes(pts=[10, 20, 40], time_base=Fraction(1, 10), start_pts=10)

    assert [pictures.nearest(Fraction(tenths, 10)) for tenths in (-5, 4, 5, 6, 21, 90)] == [0, 0, 0, 1, 2, 2]
