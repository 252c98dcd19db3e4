from fractions import Fraction

import pytest

from ytcurate.errors import UnreadableVideo
from ytcurate.media.segment import KeyframePlan, plan_fixed, wanted_intervals


def clips(keyframes, length, end, stride=None, **options):
    """Where clips begin and end, with a packet each second of which some are keyframes."""
    intervals = wanted_intervals(Fraction(length), Fraction(stride or length))
    plan = KeyframePlan(((int(start), int(stop)) for start, stop in intervals), **options)
    taken = [plan.take(second, second) for second in keyframes if second >= plan.next_pts]
    return [clip for clip in [*taken, plan.finish(end)] if clip is not None]


def test_cuts_fall_on_the_first_keyframe_at_or_after_each_multiple():
    assert clips(range(0, 28, 4), 10, 30) == [(0, 12), (12, 20), (20, 30)]


def test_after_a_long_gap_the_very_next_keyframe_cuts_again():
    assert clips([0, 25, 26, 27, 28], 10, 28) == [(0, 25), (25, 26), (26, 28)]


def test_without_keyframes_nothing_is_cut():
    assert clips([0], 10, 60) == [(0, 60)]


def test_overlapping_clips_begin_and_end_at_the_first_keyframe_of_their_times():
    assert clips(range(0, 30, 2), 10, 30, stride=5) == [(0, 10), (6, 16), (10, 20), (16, 26), (20, 30)]


def test_a_clip_inside_the_one_before_is_left_out():
    assert clips([0, 6, 20], 10, 30, stride=5) == [(0, 20), (20, 30)]


def test_a_stride_above_the_length_leaves_parts_out():
    assert clips(range(30), 4, 30, stride=10) == [(0, 4), (10, 14), (20, 24)]


def test_scenes_without_a_keyframe_belong_to_the_clip_before():
    plan = KeyframePlan([(0, 3), (3, 5), (5, 12), (12, 20)], merges=True)
    taken = [plan.take(second, second) for second in (0, 8, 16)]
    assert [*taken, plan.finish(20)] == [None, (0, 8), (8, 16), (16, 20)]


def test_where_the_codecs_header_changes_every_clip_ends():
    plan = KeyframePlan([(0, 10), (5, 15), (10, 20), (15, 25)])
    taken = [plan.take(0, 0), plan.take(5, 5), plan.split(8, 8), plan.take(15, 15)]
    assert [*taken, plan.finish(20)] == [None, None, (0, 8), (8, 15), (15, 20)]


def seconds(duration, **options):
    options = {"length": 10, "stride": 10, "min_s": 0} | options
    segments = plan_fixed(Fraction(duration), **{name: Fraction(value) for name, value in options.items()})
    return [(segment.start_s, segment.end_s) for segment in segments]


@pytest.mark.parametrize(
    ("duration", "options", "wanted"),
    [
        (25, {}, [(0, 10), (10, 20), (20, 25)]),
        (20, {}, [(0, 10), (10, 20)]),
        (23, {"min_s": 4}, [(0, 10), (10, 23)]),
        (3, {"min_s": 4}, [(0, 3)]),
        (0, {}, []),
        (22, {"stride": 4}, [(0, 10), (4, 14), (8, 18), (12, 22)]),
        (23, {"stride": 4}, [(0, 10), (4, 14), (8, 18), (12, 22), (16, 23)]),
        (23, {"stride": 4, "min_s": 8}, [(0, 10), (4, 14), (8, 18), (12, 23)]),
        (32, {"stride": 15, "min_s": 4}, [(0, 10), (15, 25), (30, 32)]),
    ],
)
def test_fixed_segments_end_with_the_source(duration, options, wanted):
    assert seconds(duration, **options) == wanted


def test_a_duration_that_cannot_be_true_is_refused():
    with pytest.raises(UnreadableVideo, match="makes more than 1000000 clips with one every 10 s"):
        seconds(10**9)
