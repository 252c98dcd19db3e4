"""Several calls at once, results in order, and a bound on what is held."""

import threading
import time

import pytest

from ytcurate.mappers.ordered_map import ordered_map


def test_results_come_in_the_order_of_the_items():
    def slow_first(item):
        time.sleep(0.02 * (item % 3 == 0))
        return item * item

    assert list(ordered_map(slow_first, range(30), 4, 8)) == [item * item for item in range(30)]
    assert list(ordered_map(slow_first, [], 4, 8)) == []


def test_as_many_calls_run_at_once_as_there_are_threads():
    together = threading.Barrier(3, timeout=10)
    assert list(ordered_map(lambda _: together.wait() >= 0, range(6), 3, 6)) == [True] * 6


@pytest.mark.parametrize(
    ("bound", "most"),
    [({}, 4), ({"size": lambda _: 10, "most_bytes": 20}, 2), ({"size": lambda _: 10, "most_bytes": 5}, 1)],
)
def test_no_more_is_taken_than_there_is_room_for(bound, most):
    taken = given = held = 0

    def items():
        nonlocal taken
        for number in range(12):
            taken += 1
            yield number

    for _ in ordered_map(lambda item: item, items(), 2, 4, **bound):
        # The item for which room was made just now has been taken, too.
        held = max(held, taken - given - 1)
        given += 1
    assert (held, given) == (most, 12)


def test_an_error_is_raised_in_its_place():
    results = ordered_map(lambda item: 1 // (2 - item), range(4), 2, 4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_thread_is_left_when_the_reader_stops_early():
    before = threading.active_count()
    results = ordered_map(lambda item: item, range(100), 3, 6)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
