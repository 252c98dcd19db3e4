"""The cut mapper called as a plain generator, with real processes."""

import hashlib
import signal
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
from yt.yson import YsonEntity

from tests.support.videos import make_video
from ytcurate.config import Segmenting, SourceLimits
from ytcurate.errors import SchemaMismatch, UsageError
from ytcurate.mappers.clips import SourceRecord, clip_rows
from ytcurate.mappers.cut import CutMapper
from ytcurate.mappers.heavy_clips import row_weight

TWO_SECONDS = Segmenting(clip_seconds=2)


def run(rows, **settings):
    """Both tables that the mapper writes."""
    tables = [[], []]
    at = 0
    for row in CutMapper(**{"segmenting": TWO_SECONDS, "preview": "none", "processes": 2} | settings)(rows):
        if isinstance(row, YsonEntity):
            at = row.attributes[b"table_index"]
        else:
            tables[at].append(row)
    return tables


def uploaded(video, ds_index, name, **known):
    """Rows of an upload from here, without previews."""
    digest = hashlib.sha256(video).digest()
    record = SourceRecord(ds_index=ds_index, source=name, digest=digest, source_bytes=len(video), **known)
    return list(clip_rows(video, record, TWO_SECONDS, preview="none")), record.row()


@pytest.fixture(scope="module")
def videos():
    return [make_video(seconds=seconds) for seconds in (7, 3, 1)]


def test_rows_and_clip_ids_are_those_of_an_upload_from_here(videos):
    rows = [{"video": video, "name": f"video {at}"} for at, video in enumerate(videos)]
    clips, sources = run(rows, name_column="name", first_index=5)
    wanted = [uploaded(video, 5 + at, f"video {at}") for at, video in enumerate(videos)]
    assert clips == [row for rows, _ in wanted for row in rows]
    assert sources == [row for _, row in wanted]
    assert len({row["clip_id"] for row in clips}) == len(clips) == 4 + 2 + 1


def test_columns_are_carried_and_names_that_are_shared_get_their_rows_number(videos):
    row = {"video": videos[2], "name": "same", "heading": "A title", "about": {"place": "here"}, "n": 3}
    settings = {"name_column": "name", "title_column": "heading", "columns": ["about.place", "n"]}
    (clip,), (source,) = run([row], shared_names=["same"], row_words="//videos row ", **settings)
    assert (clip["place"], clip["n"], clip["title"]) == ("here", 3, "A title")
    assert clip["source"] == source["source"] == "//videos row 0 (same)"


def test_numbers_come_from_the_column_or_from_runs_of_rows(videos):
    rows = [{"video": videos[2], "ds_index": 7 + at} for at in range(4)]
    assert [row["ds_index"] for row in run(rows)[1]] == [7, 8, 9, 10]
    numbers = [(0, 20), (2, 30)]
    assert [row["ds_index"] for row in run(rows, numbers=numbers)[1]] == [20, 21, 30, 31]


def test_a_row_without_a_video_is_a_row_with_the_reason(tmp_path, monkeypatch, videos):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abc").write_bytes(videos[2])
    rows = [
        {"video": b"no video"},
        {"video": None},
        {"video": None, "video_path": "//tmp/files/abc"},
        {"video": None, "video_path": "//tmp/files/xyz"},
        {"video": None, "outcome": "refused", "detail": "too large", "sha256": "ab", "source_bytes": 9},
        {"video": None, "outcome": "duplicate", "detail": "same bytes as source 1"},
        {"video": None, "outcome": "odd"},
    ]
    clips, sources = run(rows)
    kinds = ["unreadable", "unreadable", "ok", "unreadable", "refused", "duplicate", "failed"]
    assert [row["outcome"] for row in sources] == kinds
    assert [row["ds_index"] for row in clips] == [0, 1, 2, 3, 4, 6]
    assert "give it //tmp/files/xyz in file_paths" in sources[3]["detail"]
    assert (sources[4]["sha256"], sources[4]["source_bytes"]) == ("ab", 9)
    assert (tmp_path / "abc").exists()  # a file of the job's is not ours to remove
    with pytest.raises(SchemaMismatch, match='cut reads the column "video"; this row has mp4'):
        run([{"mp4": videos[0]}])


def test_a_clip_that_no_row_takes_is_refused_and_the_others_are_not(videos):
    heaviest = max(row_weight(row) for row in uploaded(videos[0], 0, "row 0")[0])
    clips, (source,) = run([{"video": videos[0]}], max_row_bytes=heaviest)
    assert [row["outcome"] for row in clips] == ["refused", "ok", "ok", "ok"]
    assert (source["outcome"], source["clips"]) == ("refused", 3)
    assert "clip 0 weighs" in clips[0]["detail"]
    assert "video" not in clips[0]


@contextmanager
def every_process_gets(what, times):
    """Send a signal to the first so many processes that cut."""
    seen = set()
    is_over = threading.Event()

    def send():
        while not is_over.is_set() and len(seen) < times:
            for child in psutil.Process().children():
                if child.pid not in seen and "ytcurate.mappers.cut_child" in child.cmdline():
                    seen.add(child.pid)
                    child.send_signal(what)
            time.sleep(0.01)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_a_video_that_kills_its_process_twice_is_a_row_and_the_others_are_cut(videos):
    rows = [{"video": video} for video in videos]
    with every_process_gets(signal.SIGKILL, times=2):
        clips, sources = run(rows, processes=1)
    assert [row["outcome"] for row in sources] == ["failed", "ok", "ok"]
    assert clips[0]["detail"] == "its process was killed by signal 9"
    with every_process_gets(signal.SIGKILL, times=1):
        assert [row["outcome"] for row in run(rows, processes=1)[1]] == ["ok", "ok", "ok"]


def test_a_video_that_stands_still_is_a_row_and_the_others_are_cut(videos):
    limits = SourceLimits(stall_seconds=4)
    with every_process_gets(signal.SIGSTOP, times=1):
        clips, sources = run([{"video": video} for video in videos], processes=1, limits=limits)
    assert [row["outcome"] for row in sources] == ["failed", "ok", "ok"]
    assert clips[0]["detail"] == "reading it stood still for 4 s (--stall-seconds)"


def test_a_video_may_take_so_much_memory_and_no_more(videos):
    _, (source,) = run([{"video": videos[0]}], limits=SourceLimits(max_memory_bytes=200_000))
    assert source["outcome"] in ("unreadable", "failed")
    assert source["clips"] == 0


def test_no_process_and_no_file_is_left_when_the_reader_stops_early(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = set(psutil.Process().children())
    rows = CutMapper(TWO_SECONDS, processes=2)([{"video": video} for video in videos])
    next(rows)
    assert set(psutil.Process().children()) - before
    rows.close()
    assert set(psutil.Process().children()) <= before
    assert list(tmp_path.iterdir()) == []


def test_settings_are_checked_at_once():
    with pytest.raises(UsageError, match="preview 'all': there are every, first, none"):
        CutMapper(preview="all")
