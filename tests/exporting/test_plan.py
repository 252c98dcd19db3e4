"""Numbers of first pictures, and how rows are cut into shards."""

import numpy as np

from ytcurate.exporting.plan import UNKNOWN, split, start_frames

NAN = float("nan")


def first_frames(*clips):
    """Each clip is (source, start_s, length, fps, pictures)."""
    source, start_s, length, fps, frames = (np.array(each) for each in zip(*clips, strict=True))
    return start_frames(source, start_s, length, fps, frames).tolist()


def test_clips_that_touch_are_counted_whatever_their_rates_say():
    assert first_frames(
        (0, 0.0, 2.0, 29.5, 59), (0, 2.01, 2.0, 31.0, 62), (0, 4.0, 1.0, 30.0, 30), (1, 0.0, 1.0, 30.0, 30)
    ) == [0, 59, 121, 0]


def test_after_a_gap_an_overlap_or_a_late_start_the_time_counts():
    assert first_frames(
        (0, 1.0, 1.0, 30.0, 31), (0, 2.1, 1.0, 30.0, 30), (0, 2.6, 1.0, 30.0, 30), (0, 3.6, 1.0, 30.0, 30)
    ) == [30, 63, 78, 108]


def test_a_clip_without_times_has_no_number_and_the_next_goes_by_its_time():
    assert first_frames(
        (0, 0.0, 1.0, 30.0, 31), (0, NAN, NAN, NAN, UNKNOWN), (0, 2.0, 1.0, 30.0, 30), (0, 3.0, 1.0, 30.0, 30)
    ) == [0, UNKNOWN, 60, 90]
    assert start_frames(*(np.array([]) for _ in range(5))).tolist() == []


def test_runs_are_as_long_as_bytes_and_rows_allow_and_a_heavy_row_is_alone():
    weights = np.array([4, 4, 2, 30, 1, 1, 1, 1])
    assert list(split(weights, 10)) == [range(0, 3), range(3, 4), range(4, 8)]
    assert list(split(weights, 10, 2, start=100)) == [
        *(range(100, 102), range(102, 103), range(103, 104), range(104, 106), range(106, 108))
    ]
    assert list(split(np.array([]), 10)) == []
