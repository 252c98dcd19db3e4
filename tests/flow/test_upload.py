"""Upload as its users meet it: many sources, some of them bad, stopped, repeated, extended."""

import os
import re
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import pytest
import yt.wrapper as yt

import ytcurate
from tests.support.remotes import (
    IsAway,
    KillsItsProcess,
    ListSource,
    NeverEnds,
    StandsStill,
    TakesAllMemory,
)
from tests.support.videos import make_video as make_video_bytes
from ytcurate.config import SourceLimits
from ytcurate.errors import TableExists, UploadInterrupted, UsageError
from ytcurate.tables.owners import abort_left_behind

ONE_SECOND = ytcurate.Segmenting(clip_seconds=1)


def read_rows(client, table, *columns):
    path = yt.TablePath(table, columns=columns or None, client=client)
    rows = client.read_table(path, format=yt.YsonFormat(encoding=None))
    return [{key.decode(): value for key, value in row.items()} for row in rows]


def sources(client, table):
    columns = ("ds_index", "source", "outcome", "detail")
    rows = client.read_table(yt.TablePath(f"{table}_sources", columns=columns, client=client))
    return [tuple(row.get(name) for name in columns) for row in rows]


@pytest.fixture(scope="module")
def videos():
    """Six videos of two seconds, each with two keyframes and bytes of its own."""
    return [make_video_bytes(seconds=2, gop=30, width=64 + 2 * n) for n in range(6)]


@pytest.fixture
def folder(videos, tmp_path):
    (tmp_path / "videos").mkdir()
    for number, video in enumerate(videos):
        (tmp_path / "videos" / f"{number}.mp4").write_bytes(video)
    return tmp_path / "videos"


def test_rows_come_in_the_order_of_the_source_whoever_cuts_them(client, workdir, folder):
    table = f"{workdir}/clips"
    result = ytcurate.upload(
        folder, table, client=client, segmenting=ONE_SECOND, processes=3, transaction_bytes=1
    )

    rows = read_rows(client, table, "ds_index", "segment_index")
    assert [(row["ds_index"], row["segment_index"]) for row in rows] == [
        (source, segment) for source in range(6) for segment in range(2)
    ]
    assert [row[:3] for row in sources(client, table)] == [
        (n, str(folder / f"{n}.mp4"), "ok") for n in range(6)
    ]
    assert (result.sources, result.clips, result.outcomes) == (6, 12, {"ok": 6})
    record = client.get(f"{table}/@ytcurate")
    assert record["totals"]["clips"] == 12
    assert record["row_weights_mib"] == {"1": 12}
    assert record["cut"] == "copy"


def test_three_hours_give_a_thousand_clips_in_their_order(client, workdir, make_video):
    path = make_video(seconds=3 * 3600, fps=Fraction(1), gop=5, width=16, height=16)
    result = ytcurate.upload(path, f"{workdir}/clips", client=client, preview="first")
    rows = read_rows(client, f"{workdir}/clips", "segment_index", "start_s", "length")
    assert [(row["segment_index"], row["start_s"], row["length"]) for row in rows] == [
        (n, 10.0 * n, 10.0) for n in range(1080)
    ]
    assert (result.clips, result.seconds) == (1080, 10800)


def test_the_same_bytes_are_taken_once_and_the_first_of_them(client, workdir, folder, videos):
    table = f"{workdir}/clips"
    for name in ("0-again.mp4", "3-again.mp4"):
        (folder / name).write_bytes(videos[int(name[0])])

    result = ytcurate.upload(folder, table, client=client, processes=2, transaction_bytes=1)

    again = {row[1].rpartition("/")[2]: row[2:] for row in sources(client, table) if row[2] != "ok"}
    # "0-again.mp4" comes before "0.mp4" in the order of names.
    assert again == {
        "0.mp4": ("duplicate", "same bytes as source 0"),
        "3.mp4": ("duplicate", "same bytes as source 4"),
    }
    assert (result.clips, result.duplicates, result.bad_sources) == (6, 2, 0)
    (folder / "new-name.mp4").write_bytes(videos[5])
    assert ytcurate.upload(folder, table, client=client).duplicates == 1


def test_the_same_command_again_takes_only_what_is_new(client, workdir, folder):
    table = f"{workdir}/clips"
    ytcurate.upload(folder, table, client=client)
    again = ytcurate.upload(folder, table, client=client)
    assert (again.sources, again.clips, again.already) == (0, 0, 6)
    assert str(again).endswith("(6 sources were there before)")

    (folder / "000-first-by-name.mp4").write_bytes(make_video_bytes(seconds=1, width=96))
    more = ytcurate.upload(folder, table, client=client)
    assert (more.sources, more.clips, more.already) == (1, 1, 6)
    assert [row["ds_index"] for row in read_rows(client, table, "ds_index")] == list(range(7))


def test_rows_of_another_upload_are_not_added_to_unasked(client, workdir, folder, make_video):
    table = f"{workdir}/clips"
    ytcurate.upload(folder, table, client=client)
    with pytest.raises(TableExists, match=r"holds 6 clips of .*videos\. Use --overwrite"):
        ytcurate.upload(make_video(seconds=1, width=96), table, client=client)
    with pytest.raises(TableExists, match=r"of the same source, cut with clip_seconds 10\.0 instead of 1\.0"):
        ytcurate.upload(folder, table, client=client, segmenting=ytcurate.Segmenting(clip_seconds=1.0))
    with pytest.raises(TableExists):
        ytcurate.upload(folder, table, client=client, resume=False)
    with pytest.raises(UsageError, match="--overwrite excludes"):
        ytcurate.upload(folder, table, client=client, overwrite=True, append=True)


def test_overwriting_keeps_the_old_rows_until_the_new_ones_are_complete(client, workdir, folder, videos):
    table = f"{workdir}/clips"
    ytcurate.upload(folder, table, client=client)

    class BreaksOff(ListSource):
        def __iter__(self):
            yield from super().__iter__()
            raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        ytcurate.upload(BreaksOff(one=videos[0]), table, client=client, overwrite=True)
    assert len(read_rows(client, table, "ds_index")) == 6

    ytcurate.upload(ListSource(one=videos[0]), table, client=client, overwrite=True)
    assert [row[:3] for row in sources(client, table)] == [(0, "one", "ok")]
    assert len(read_rows(client, table, "ds_index")) == 1
    assert sorted(client.list(workdir)) == ["clips", "clips_sources"]


LIMITS = SourceLimits(stall_seconds=2, max_seconds=4, max_memory_bytes=1 << 30)
BAD = {
    "kills its process": (KillsItsProcess(), "failed", "its process was killed by signal 9"),
    "never ends": (NeverEnds(), "failed", r"fetching it took more than 4 s \(--max-source-seconds\)"),
    "stands still": (StandsStill(), "failed", r"reading it stood still for 2 s \(--stall-seconds\)"),
    "takes all memory": (TakesAllMemory(), "unreadable", "more memory than a source video may take"),
    "is away": (IsAway(), "unreadable", r"not found \(HTTP 404\)"),
    "is not there": ("/no/such.mp4", "unreadable", "No such file"),
    "has no bytes": (b"", "unreadable", r"empty \(0 bytes\)"),
}


@pytest.mark.parametrize(("bad", "outcome", "reason"), BAD.values(), ids=BAD)
def test_a_bad_source_is_a_row_with_a_reason_and_costs_nobody_else_anything(
    bad, outcome, reason, client, workdir, videos
):
    table = f"{workdir}/clips"
    source = ListSource(before=videos[0], bad=bad, after=videos[1])

    ytcurate.upload(source, table, client=client, limits=LIMITS)

    rows = read_rows(client, table, "ds_index", "video", "outcome", "detail")
    assert [(row["ds_index"], row["outcome"].decode()) for row in rows] == [
        (0, "ok"),
        (1, outcome),
        (2, "ok"),
    ]
    (row,) = [row for row in sources(client, table) if row[1] == "bad"]
    assert row[2] == outcome
    assert re.search(reason, row[3])
    assert rows[1]["detail"].decode() == row[3]


def test_what_ended_badly_is_tried_again_when_asked(client, workdir, folder, videos):
    table = f"{workdir}/clips"
    (folder / "7.mp4").write_text("not there yet")
    assert ytcurate.upload(folder, table, client=client).bad_sources == 1
    (folder / "7.mp4").write_bytes(make_video_bytes(seconds=1, width=96))

    assert ytcurate.upload(folder, table, client=client).sources == 0
    result = ytcurate.upload(folder, table, client=client, retry=True)

    assert (result.sources, result.clips, result.already) == (1, 1, 6)
    assert [row[2] for row in sources(client, table)] == ["ok"] * 6 + ["unreadable", "ok"]


def test_two_uploads_into_one_table_write_nothing_twice(client, workdir, folder, proxy):
    table = f"{workdir}/clips"
    ytcurate_command = str(Path(sys.executable).parent / "ytcurate")
    command = [
        ytcurate_command,
        "upload",
        str(folder),
        table,
        "--proxy",
        proxy,
        "--transaction-mib",
        "0.00001",
    ]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]

    assert any(process.returncode == 0 for process in both), said
    for process, text in zip(both, said, strict=True):
        assert process.returncode == 0 or "another upload" in text, text
    assert [row["ds_index"] for row in read_rows(client, table, "ds_index")] == list(range(6))
    assert ytcurate.upload(folder, table, client=client).already == 6


def test_a_commit_on_top_of_somebody_elses_is_refused(client, workdir, folder):
    table = f"{workdir}/clips"

    class Interfered(ListSource):
        def __iter__(self):
            client.set(f"{table}/@ytcurate/next_index", 17)
            yield from super().__iter__()

    with pytest.raises(UploadInterrupted, match="another upload has written to it meanwhile"):
        ytcurate.upload(Interfered(one=make_video_bytes(seconds=1)), table, client=client)
    assert not client.exists(table)


def test_a_source_of_ones_own_may_be_defined_in_a_script(client, workdir, proxy, tmp_path, make_video):
    script = tmp_path / "mine.py"
    script.write_text(
        textwrap.dedent(f"""
        import ytcurate
        from pathlib import Path
        from ytcurate.sources.base import SourceVideo

        class Later:
            def fetch(self, folder):
                return Path({str(make_video(seconds=1))!r}).read_bytes()

        class Mine:
            name, count = "mine", 1
            columns = {{"label": "utf8", "score": "double"}}
            def __iter__(self):
                yield SourceVideo("one", Later(), "A title", extra={{"label": "good", "score": 0.5}})

        print(ytcurate.upload(Mine(), "{workdir}/clips", proxy="{proxy}"))
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=os.environ)
    assert done.stdout.startswith("1 clips"), done.stderr
    (row,) = read_rows(client, f"{workdir}/clips", "title", "label", "score")
    assert row == {"title": b"A title", "label": b"good", "score": 0.5}


def test_tables_that_a_killed_upload_was_making_are_made(client, workdir, folder, proxy):
    table = f"{workdir}/below/clips"
    code = (
        "import os, sys, yt.wrapper as yt; from ytcurate.tables import owners;"
        "client = yt.YtClient(proxy=sys.argv[1]); owner = {owners.OWNER_ATTRIBUTE: owners.this_process()};"
        "yt.Transaction(attributes=owner, client=client).__enter__();"
        "client.create('table', sys.argv[2], recursive=True); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, proxy, table], capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr
    assert not client.exists(table)

    assert ytcurate.upload(folder, table, client=client).clips == 6


def test_what_a_killed_upload_was_writing_is_let_go(client, workdir, proxy):
    table = f"{workdir}/clips"
    client.create("table", table)
    code = (
        "import os, sys, yt.wrapper as yt; from ytcurate.tables import owners;"
        "client = yt.YtClient(proxy=sys.argv[1]); owner = {owners.OWNER_ATTRIBUTE: owners.this_process()};"
        "yt.Transaction(attributes=owner, client=client).__enter__();"
        # As the client's write_table does: in a transaction inside, which does not say whose it is.
        "yt.Transaction(client=client).__enter__();"
        "client.lock(sys.argv[2], mode='exclusive'); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, proxy, table], capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr

    assert abort_left_behind(client, table) == 1
    assert list(client.get(f"{table}/@locks")) == []
