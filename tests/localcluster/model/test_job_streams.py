"""What a job is given to read and what is kept of its stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.localcluster.model.test_slicing import covered, segment
from ytcurate.localcluster.scheduler import slicing
from ytcurate.localcluster.scheduler.feed import CONTEXT_BYTES, InputContext, Meter
from ytcurate.localcluster.scheduler.stderr import StderrKeeper

pytestmark = pytest.mark.checked_against("server source")


@pytest.mark.parametrize("rows", [0, 1, 10, 11, 12, 30])
def test_before_and_after_make_the_whole(rows: int) -> None:
    segments = [segment(10, 1000), segment(1, 50, 10), segment(19, 19, 11)]
    first, rest = slicing.before(segments, rows), slicing.after(segments, rows)
    assert sum(each.row_count for each in first) == rows
    assert covered([first, rest]) == covered([segments])
    assert all(each.row_count for each in first + rest)


def test_input_ends_after_the_rows_begun_and_never_before_the_first() -> None:
    meter = Meter(rows=10, data_weight=100, buffer_row_count=10_000)
    meter.stop()
    assert not meter.is_stopped
    assert meter.passed(3)
    assert (meter.rows, meter.progress) == (3, 0.3)
    assert not Meter(10, 100, 10_000).passed(10)


@pytest.mark.parametrize(
    ("weight", "buffer_row_count", "expected"), [(1000, 10_000, 10_000), (1000, 1, 1), (10**9, 10_000, 1)]
)
@pytest.mark.checked_against("nothing")
def test_between_two_looks_goes_a_mebibyte_or_what_the_spec_says(
    weight: int, buffer_row_count: int, expected: int
) -> None:
    assert Meter(100, weight, buffer_row_count).rows_at_once == expected


def test_the_context_is_the_end_of_what_was_written() -> None:
    context = InputContext()
    context.add(b"a" * 10)
    assert context.read() == b"a" * 10
    for letter in b"bcd":
        context.add(bytes([letter]) * (CONTEXT_BYTES + 1))
    context.add(b"e")
    assert context.read() == b"d" * (CONTEXT_BYTES + 1) + b"e"
    assert context.size == 10 + 3 * (CONTEXT_BYTES + 1) + 1


@pytest.mark.parametrize(
    ("limit", "data", "kept"),
    [
        (10, b"0123456789", b"0123456789"),
        (10, b"0123456789a", b"01234\n...skipped...\n6789a"),
        (11, b"0123456789ab", b"01234\n...skipped...\n789ab"),
        (1, b"01", b"\n...skipped...\n"),
        (10, b"", b""),
    ],
)
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_half_of_the_limit_is_for_the_head_and_half_for_the_tail(
    tmp_path: Path, limit: int, data: bytes, kept: bytes, at_once: int
) -> None:
    keeper = StderrKeeper(tmp_path / "of" / "job", limit, tmp_path / "whole" / "job")
    for start in range(0, len(data), at_once):
        keeper.add(data[start : start + at_once])
    assert keeper.size == len(kept)
    assert keeper.close() == len(kept)
    assert (tmp_path / "of" / "job").read_bytes() == kept
    assert (tmp_path / "whole" / "job").read_bytes() == data
