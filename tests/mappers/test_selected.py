"""Rows as few ranges, and a mapper that is given only some of them."""

import random

from ytcurate.mappers.selected import SelectRows, select_rows


def test_rows_that_follow_each_other_are_one_range():
    assert select_rows([3, 4, 5], 10) == ([range(3, 6)], frozenset())
    assert select_rows([], 10) == ([], frozenset())


def test_gaps_divide_ranges():
    assert select_rows([1, 2, 5, 9], 10) == ([range(1, 3), range(5, 6), range(9, 10)], frozenset())


def test_the_narrowest_gaps_are_bridged_if_there_are_too_many():
    ranges, left_out = select_rows([1, 3, 10, 12, 30], 2)
    assert ranges == [range(1, 13), range(30, 31)]
    assert left_out == {2, 4, 5, 6, 7, 8, 9, 11}
    assert select_rows([1, 3], 1) == ([range(1, 4)], frozenset({2}))


def test_ranges_without_what_is_left_out_are_the_rows():
    rng = random.Random(1)
    for most in (1, 2, 7, 300):
        rows = sorted(rng.sample(range(2000), 500))
        ranges, left_out = select_rows(rows, most)
        assert len(ranges) <= most
        assert [row for each in ranges for row in each if row not in left_out] == rows


def double(rows):
    for row in rows:
        yield {"n": row["n"] * 2}


def test_a_mapper_is_given_the_other_rows():
    rows = [{"n": n} for n in range(5)]
    assert list(SelectRows(double, frozenset({1, 3}))(rows)) == [{"n": 0}, {"n": 4}, {"n": 8}]
