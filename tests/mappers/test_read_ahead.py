import threading
import time

import numpy as np
import pytest

from tests.support.videos import make_video
from ytcurate.config import MIB, Buffering
from ytcurate.mappers.read_ahead import Prepared, ReadAhead
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.media.frames import sample_frames


def read_ahead(rows, *, prepare=None, size=lambda row: 0, threads=2, **limits):
    frames = sample_frames(make_video(seconds=0.2))
    return ReadAhead(
        rows,
        prepare or (lambda row: Prepared(row, frames)),
        size=size,
        limits=Buffering(**limits),
        threads=threads,
        statistics=StreamStatistics(),
    )


def counted(numbers, seen):
    for number in numbers:
        seen.append(number)
        yield number


def settle(seen):
    """Wait until nothing more is read."""
    before = -1
    while len(seen) != before:
        before = len(seen)
        time.sleep(0.2)
    return before


def take_all(ahead):
    taken = []
    while (prepared := ahead.take(wait=True)) is not None:
        taken.append(prepared.prepared.row)
        ahead.finish(prepared)
    return taken


def test_every_row_is_taken_exactly_once():
    ahead = read_ahead(range(200), max_ahead_clips=7)
    assert sorted(take_all(ahead)) == list(range(200))
    assert ahead.ended
    assert ahead.take(wait=True) is None


def test_no_more_rows_are_read_than_may_be_held():
    seen = []
    ahead = read_ahead(counted(range(1000), seen), max_ahead_clips=5)
    assert settle(seen) == 6  # five are held, one waits to be admitted
    ahead.take(wait=True)
    assert settle(seen) == 7
    ahead.close()


def test_no_more_bytes_are_read_than_may_be_held():
    seen = []
    ahead = read_ahead(
        counted(range(1000), seen), size=lambda row: MIB, max_ahead_bytes=4 * MIB, max_ahead_clips=1000
    )
    assert settle(seen) == 5
    ahead.close()


def test_a_clip_larger_than_the_limit_is_read_alone():
    ahead = read_ahead(range(3), size=lambda row: 9 * MIB, max_ahead_bytes=MIB)
    assert sorted(take_all(ahead)) == [0, 1, 2]


def test_what_breaks_the_input_is_raised_where_rows_are_taken():
    def broken():
        yield 1
        raise OSError("the input broke")

    ahead = read_ahead(broken())
    with pytest.raises(OSError, match="the input broke"):
        take_all(ahead)


def test_rows_are_prepared_side_by_side():
    both = threading.Barrier(2, timeout=10)

    def prepare(row):
        both.wait()  # passes only if two rows are prepared at once
        return Prepared(row, sample_frames(make_video(seconds=0.2)))

    assert sorted(take_all(read_ahead(range(4), prepare=prepare, threads=2))) == [0, 1, 2, 3]


def test_taking_without_waiting_returns_at_once_when_nothing_is_ready():
    gate = threading.Event()

    def prepare(row):
        gate.wait(10)
        return Prepared(row, sample_frames(make_video(seconds=0.2)))

    ahead = read_ahead([1], prepare=prepare)
    assert ahead.take(wait=False) is None
    assert not ahead.ended
    gate.set()
    assert ahead.take(wait=True).prepared.row == 1


def test_time_spent_decoding_is_counted():
    statistics = StreamStatistics()

    def prepare(row):
        time.sleep(0.05)
        return Prepared(row, np.zeros(1))

    ahead = ReadAhead(
        range(4), prepare, size=lambda row: 0, limits=Buffering(), threads=2, statistics=statistics
    )
    take_all(ahead)
    assert statistics.clips_read == 4
    assert 0.2 <= statistics.decode_s < 2


def test_what_is_taken_counts_until_it_is_finished():
    seen = []
    ahead = read_ahead(
        counted(range(1000), seen), size=lambda row: MIB, max_ahead_bytes=4 * MIB, max_ahead_clips=1000
    )
    settle(seen)
    taken = ahead.take(wait=True)
    assert settle(seen) == 5
    ahead.finish(taken)
    assert settle(seen) == 6
    ahead.close()


def test_rows_know_their_place_in_the_input():
    ahead = read_ahead("abcdef")
    taken = [ahead.take(wait=True) for _ in range(6)]
    assert sorted((each.place, each.prepared.row) for each in taken) == list(enumerate("abcdef"))
