import threading
import time
from pathlib import Path

import pytest

from ytcurate.config import MIB
from ytcurate.sources.base import SourceVideo
from ytcurate.uploading.units import UnitFeed, unit_bytes


class Numbers:
    """Videos of ten bytes each."""

    name = "numbers"

    def __init__(self, count):
        self.count = count
        self.given = 0

    def __iter__(self):
        for number in range(self.count):
            self.given += 1
            yield SourceVideo(f"v{number}", bytes([number]) * 10)


def make_feed(source, *, taken=(), size=25, ahead=100):
    left_out = []
    feed = UnitFeed(
        source,
        first_index=5,
        is_done=lambda video: video.name in taken,
        on_done=lambda: left_out.append(1),
        size=size,
        ahead=ahead,
    )
    return feed, left_out


def drain(feed):
    while not feed.has_ended:
        unit = feed.take(5)
        if unit is not None:
            yield unit


def test_small_videos_share_a_unit_and_keep_their_order():
    feed, left_out = make_feed(Numbers(8), taken={"v0", "v4"})
    with feed:
        units = [[(task.ds_index, task.video.name) for task in unit.tasks] for unit in drain(feed)]
    assert units == [[(5, "v1"), (6, "v2"), (7, "v3")], [(8, "v5"), (9, "v6"), (10, "v7")]]
    assert len(left_out) == 2


def test_bytes_are_put_into_files_until_their_unit_is_forgotten():
    feed, _ = make_feed(Numbers(2), size=1)
    with feed:
        one, other = drain(feed)
        paths = [Path(unit.tasks[0].video.video) for unit in (one, other)]
        assert [path.read_bytes() for path in paths] == [b"\0" * 10, b"\1" * 10]
        feed.forget(one)
        assert [path.exists() for path in paths] == [False, True]
    assert not paths[1].exists()


def test_no_more_is_read_than_there_is_room_for():
    source = Numbers(100)
    feed, _ = make_feed(source, size=1, ahead=3)
    with feed:
        first = feed.take(5)
        time.sleep(0.2)
        assert source.given == 4  # the fourth waits for room
        feed.forget(first)
        deadline = time.monotonic() + 5
        while source.given < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert source.given == 5
    assert not [each for each in threading.enumerate() if each.name == "read source"]


def test_what_a_source_raises_is_raised_where_units_are_taken():
    class Breaks(Numbers):
        def __iter__(self):
            yield from super().__iter__()
            raise RuntimeError("the disk is gone")

    feed, _ = make_feed(Breaks(3), size=1)
    with feed, pytest.raises(RuntimeError, match="the disk is gone"):
        list(drain(feed))


@pytest.mark.parametrize(
    ("total", "processes", "size"),
    [(10 * MIB, 2, 24 * MIB), (1200 * MIB, 2, 100 * MIB), (10**13, 16, 512 * MIB), (None, 2, 128 * MIB)],
)
def test_units_are_large_where_there_is_much_and_divide_well_where_there_is_little(total, processes, size):
    assert unit_bytes(total, processes) == size
