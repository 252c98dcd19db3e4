import pytest
import yt.wrapper as yt

from ytcurate.errors import TableError
from ytcurate.pipeline.remaining import Remaining, bad_rows, find_remaining, keep_rows

SCHEMA = [
    {"name": "ds_index", "type": "int64"},
    {"name": "segment_index", "type": "int64"},
    {"name": "clip_id", "type": "string"},
    {"name": "outcome", "type": "string"},
]


@pytest.fixture
def tables(client, workdir):
    """Write two tables of rows, each a tuple of ds_index, segment_index, clip_id and outcome."""

    def write(source, result):
        paths = []
        for name, rows in (("source", source), ("result", result)):
            path = f"{workdir}/{name}"
            client.create("table", path, attributes={"schema": SCHEMA})
            keys = [column["name"] for column in SCHEMA]
            client.write_table(path, [dict(zip(keys, (*row, "ok"), strict=False)) for row in rows])
            paths.append(path)
        return paths

    return write


def clips(*places, clip_id="a{}"):
    return [(0, place, clip_id.format(place)) for place in places]


def test_all_rows_remain_without_a_result(client, tables):
    source, result = tables(clips(0, 1, 2), [])
    assert find_remaining(client, source, None) == Remaining((range(3),), 3)
    assert find_remaining(client, source, result) == Remaining((range(3),), 3)


def test_what_is_in_the_result_is_done_whatever_its_order(client, tables):
    source, result = tables(clips(*range(8)), clips(6, 0, 1, 4))
    assert find_remaining(client, source, result).ranges == (range(2, 4), range(5, 6), range(7, 8))


def test_nothing_remains_when_all_is_there(client, tables):
    source, result = tables(clips(0, 1), clips(1, 0))
    assert find_remaining(client, source, result) == Remaining((), 2)


def test_rows_of_an_earlier_run_in_the_same_table_do_not_count(client, tables):
    source, result = tables(clips(0, 1), clips(0, 1, 0))
    assert find_remaining(client, source, result, first_row=2).ranges == (range(1, 2),)


def test_of_equal_rows_as_many_are_done_as_there_are(client, tables):
    source, result = tables(clips(0, 0, 0), clips(0, 0))
    assert find_remaining(client, source, result).ranges == (range(2, 3),)


def test_clips_without_an_id_are_known_by_their_place(client, tables):
    source, result = tables([(0, 0, None), (0, 1, None)], clips(1))
    assert find_remaining(client, source, result).ranges == (range(1),)


def test_another_clip_in_the_same_place_is_not_the_same(client, tables):
    source, result = tables(clips(0, 1), clips(1, clip_id="other"))
    with pytest.raises(TableError, match="1 rows of clips that are not in"):
        find_remaining(client, source, result)


def test_the_first_rows_are_taken_and_leave_the_others():
    left = Remaining((range(0, 3), range(5, 9)), 10)
    assert left.first(4) == (range(0, 3), range(5, 6))
    assert left.without(left.first(4)).ranges == (range(6, 9),)
    assert left.without(left.first(100)).ranges == ()
    assert left.rows == 7


def test_bad_rows_are_those_that_another_try_may_help(client, tables):
    source, result = tables(
        [*clips(0, 1, 2), (0, 3, None, "unreadable")],
        [(0, 0, "a0", "failed"), (0, 1, "a1", "ok"), (0, 2, "a2", "truncated"), (0, 3, "x", "unreadable")],
    )
    assert bad_rows(client, source, result) == [0, 2]


def test_taking_rows_out_leaves_the_others_and_the_tables_attributes(client, tables):
    _, result = tables([], clips(*range(6)))
    client.set(f"{result}/@ytcurate", {"kept": True})
    keep_rows(client, result, [0, 3, 5])
    assert [row["segment_index"] for row in client.read_table(result)] == [1, 2, 4]
    assert client.get(f"{result}/@ytcurate/kept")
    assert len(client.get(f"{result}/@schema")) == len(SCHEMA)
    keep_rows(client, result, [0, 1, 2])
    assert client.get(f"{result}/@row_count") == 0


def test_many_scattered_rows_are_taken_out_at_once(client, tables):
    _, result = tables([], clips(*range(2000)))
    keep_rows(client, result, range(0, 2000, 2))
    assert [row["segment_index"] for row in client.read_table(result)] == list(range(1, 2000, 2))
    assert yt.TablePath(result).attributes == {}
