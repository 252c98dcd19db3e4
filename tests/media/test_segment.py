from fractions import Fraction

from ytcurate.media.segment import KeyframeCutter


def cuts(keyframes: list[int], length: int, end: int) -> list[int]:
    cutter = KeyframeCutter(Fraction(length))
    return [
        second
        for second in range(end)
        if cutter.starts_segment(time_s=Fraction(second), is_keyframe=second in keyframes)
    ]


def test_cuts_fall_on_the_first_keyframe_at_or_after_each_multiple():
    assert cuts([0, 4, 8, 12, 16, 20, 24], 10, 30) == [12, 20]


def test_after_a_long_gap_the_very_next_keyframe_cuts_again():
    assert cuts([0, 25, 26, 27, 28], 10, 30) == [25, 26]


def test_without_keyframes_nothing_is_cut():
    assert cuts([0], 10, 60) == []


def test_a_packet_without_a_time_cuts_nothing():
    cutter = KeyframeCutter(Fraction(1))
    assert not cutter.starts_segment(time_s=Fraction(0), is_keyframe=True)
    assert not cutter.starts_segment(time_s=None, is_keyframe=True)
    assert cutter.starts_segment(time_s=Fraction(2), is_keyframe=True)
