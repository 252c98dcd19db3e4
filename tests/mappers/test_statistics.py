"""What a job tells the cluster of its counts, and when."""

import time

import pytest
import yt.wrapper

from ytcurate.mappers.statistics import JobCounts


@pytest.fixture
def written(monkeypatch):
    """What was written, each time."""
    calls = []
    monkeypatch.setattr(yt.wrapper, "write_statistics", calls.append)
    return calls


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_each_time_what_is_new_is_written(written, clock):
    counts = JobCounts("cut_ms", is_job=True)
    counts.add("ok", clips_done=3, source_bytes=0)
    counts.add("failed", clips_done=1, source_bytes=0)
    assert written == []
    clock[0] += 3.5
    counts.add("ok", clips_done=2, source_bytes=0)
    clock[0] += 1
    counts.write()
    # A count of nothing is written, too: who looks at it finds 0.
    assert written == [
        {"clips_done": 6, "source_bytes": 0, "outcome_ok": 2, "outcome_failed": 1, "cut_ms": 3500},
        {"cut_ms": 1000},
    ]


def test_outside_a_map_job_nothing_is_written(written, clock):
    counts = JobCounts("score_ms", is_job=False)
    clock[0] += 10
    counts.add("ok", clips_done=1)
    counts.write()
    assert written == []
