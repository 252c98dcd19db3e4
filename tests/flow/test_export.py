"""Export end to end: both kinds of places, what is refused, what is left after a kill, and the command."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import time

import pyarrow.parquet as pq
import pytest
import typer
import yt.wrapper as yt
from typer.testing import CliRunner

from tests.exporting.curated import clip_row, make_run, row, video, write_curated
from ytcurate.cli.export import export as command
from ytcurate.errors import SchemaMismatch, TableError, TableMissing, UsageError
from ytcurate.exporting import reader as reader_module
from ytcurate.pipeline.export import FORMATS, ExportResult, export


def test_every_format_goes_to_cypress_as_it_goes_to_a_folder(client, workdir, tmp_path):
    table = make_run(client, workdir)
    for name in FORMATS:
        here = export(table, tmp_path / name, format=name, client=client)
        there = export(table, f"{workdir}/export/{name}", format=name, client=client)
        assert (here.rows, here.bytes, here.files) == (there.rows, there.bytes, there.files)
        for file in (tmp_path / name).rglob("*.*"):
            path = f"{workdir}/export/{name}/{file.relative_to(tmp_path / name)}"
            assert client.read_file(path).read() == file.read_bytes()


def test_a_clip_kept_as_a_file_is_exported_from_there(client, workdir, tmp_path):
    rows = [row(0, 0), row(0, 1)]
    path = f"{workdir}/clips_files/abc"
    client.create("map_node", f"{workdir}/clips_files")
    client.write_file(path, io.BytesIO(video(1) * 300))
    clips = [clip_row(rows[0]), clip_row(rows[1], video=None, video_path=path)]
    table = make_run(client, workdir, rows, clip_rows=clips)
    export(table, tmp_path / "tar", format="webdataset", client=client)
    with tarfile.open(tmp_path / "tar/shard-000000.tar") as tar:
        assert tar.extractfile("00000000_00001.mp4").read() == video(1) * 300
    export(table, tmp_path / "parquet", videos=True, client=client)
    assert pq.read_table(tmp_path / "parquet")["video"].to_pylist() == [video(0), video(1) * 300]
    client.remove(path)
    with pytest.raises(
        TableError, match=r"clip 1 of source 0 is kept in .*/abc, which is not there any more"
    ):
        export(table, tmp_path / "files", format="files", client=client)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["parquet", "tar"]


def test_rows_in_any_order_are_joined_with_their_videos_across_many_small_reads(
    client, workdir, tmp_path, monkeypatch
):
    monkeypatch.setattr(reader_module, "_MAX_RANGES", 3)
    monkeypatch.setattr(reader_module, "BATCH_BYTES", 9 * (32 << 10))
    rows = [row(source, number, kept=number != 4) for source in range(2) for number in range(9)]
    clips = [clip_row(each) for each in rows]
    table = make_run(client, workdir, rows, clip_rows=clips[::2] + clips[1::2])
    seen = []
    export(
        table,
        tmp_path / "out",
        format="files",
        client=client,
        on_progress=lambda now, total: seen.append((now.rows, total)),
    )
    for each in rows:
        file = tmp_path / f"out/clips/{each['ds_index']:08d}/{each['segment_index']:05d}.mp4"
        assert file.exists() == each["kept"]
        if each["kept"]:
            assert file.read_bytes() == video(each["ds_index"] * 10 + each["segment_index"])
    assert len(seen) > 1
    assert seen[-1] == (16, 16)


def refused(error, words, *arguments, **settings):
    with pytest.raises(error, match=words):
        export(*arguments, **settings)


def test_what_cannot_be_exported_is_said_in_one_sentence(client, workdir, tmp_path):
    out = tmp_path / "out"
    refused(TableMissing, "no such table", f"{workdir}/nothing", out, client=client)
    client.create("table", f"{workdir}/other", attributes={"schema": [{"name": "clip_id", "type": "utf8"}]})
    words = "no curated table: it has no ds_index, segment_index, start_s, .* kept. .* this one has clip_id"
    refused(SchemaMismatch, words, f"{workdir}/other", out, client=client)
    write_curated(client, f"{workdir}/empty", [])
    refused(TableError, "has no rows", f"{workdir}/empty", out, client=client)
    write_curated(client, f"{workdir}/rejected", [row(0, 0, kept=False), row(0, 1, kept=None)])
    refused(TableError, r"none of its 2 clips is kept.*\(--all\)", f"{workdir}/rejected", out, client=client)
    write_curated(client, f"{workdir}/double", [row(0, 1), row(0, 1)])
    refused(TableError, "two rows for clip 1 of source 0", f"{workdir}/double", out, client=client)
    words = r"names no table of clips.*\(--clips\)"
    refused(UsageError, words, f"{workdir}/double", out, format="files", client=client)
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_is_missing_or_another_is_not_passed_over(client, workdir, tmp_path):
    rows = [row(0, 0), row(0, 1)]
    table = make_run(client, workdir, rows, clip_rows=[clip_row(rows[0])])
    words = "clips has no row for clip 1 of source 0, one of 1"
    refused(TableError, words, table, tmp_path / "out", format="webdataset", client=client)
    write = client.write_table
    write(f"{workdir}/clips", [clip_row(rows[0]), clip_row(rows[1], clip_id="another")])
    words = "clip 1 of source 0 is another, the curated one is 1000.*cut anew since"
    refused(TableError, words, table, tmp_path / "out", format="webdataset", client=client)
    write(f"{workdir}/clips", [clip_row(rows[0]), clip_row(rows[1], video=None)])
    words = "clip 1 of source 0 has no video .outcome ok.*--no-videos"
    refused(TableError, words, table, tmp_path / "out", format="webdataset", client=client)
    assert list(tmp_path.iterdir()) == []


def test_another_table_of_clips_can_be_named(client, workdir, tmp_path):
    table = make_run(client, workdir, attribute=False)
    result = export(table, tmp_path / "out", format="webdataset", clips=f"{workdir}/clips", client=client)
    assert result.rows == 3


def test_settings_that_make_no_sense_are_refused(client, tmp_path):
    for words, settings in (
        ("format 'avi': there are parquet, webdataset", {"format": "avi"}),
        ("shard_rows must be above 0, it is 0", {"shard_rows": 0}),
        ("format files has no shards", {"format": "files", "shard_bytes": 5}),
        ("format files is the videos", {"format": "files", "videos": False}),
    ):
        refused(UsageError, words, "//tmp/any", tmp_path / "out", client=client, **settings)


def test_an_existing_export_is_kept_unless_asked(client, workdir, tmp_path):
    table = make_run(client, workdir)
    for place in (tmp_path / "out", f"{workdir}/out"):
        export(table, place, client=client)
        refused(UsageError, "holds an export already", table, place, client=client)
        result = export(table, place, format="webdataset", overwrite=True, client=client)
        assert result.files == 2
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["manifest.json", "shard-000000.tar"]
    assert sorted(client.list(f"{workdir}/out")) == ["manifest.json", "shard-000000.tar"]


KILLED = """
import os, signal, sys
from ytcurate.pipeline.export import export
export(sys.argv[1], sys.argv[2], format="files", proxy=sys.argv[3],
       on_progress=lambda now, total: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_export_leaves_nothing_in_place_and_the_next_begins_anew(client, proxy, workdir, tmp_path):
    table = make_run(client, workdir)
    for place in (str(tmp_path / "out"), f"{workdir}/out"):
        done = subprocess.run([sys.executable, "-c", KILLED, table, place, proxy])
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "out").exists() or place.startswith("//")
        assert not client.exists(f"{workdir}/out")
        started_s = time.monotonic()
        result = export(table, place, format="webdataset", client=client)
        assert time.monotonic() - started_s < 20
        assert (result.rows, result.files) == (3, 2)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]
    assert sorted(client.list(workdir)) == ["clips", "clips_sources", "curated", "out"]


def test_the_tables_may_change_while_they_are_read(client, proxy, workdir, tmp_path, monkeypatch):
    monkeypatch.setattr(reader_module, "BATCH_BYTES", 1)
    table = make_run(client, workdir)
    other = yt.YtClient(config={"proxy": {"url": proxy}})

    def change(now, total):
        if now.rows == 1:
            other.remove(table)
            other.write_table(f"{workdir}/clips", [])

    export(table, tmp_path / "out", format="webdataset", client=client, on_progress=change)
    with tarfile.open(tmp_path / "out/shard-000000.tar") as tar:
        assert tar.extractfile("00000001_00000.mp4").read() == video(10)


def test_the_command_prints_the_result(client, proxy, workdir, tmp_path):
    app = typer.Typer()
    app.command()(command)
    table = make_run(client, workdir)
    where = [table, str(tmp_path / "out"), "--proxy", proxy]
    done = CliRunner().invoke(app, [*where, "--all", "--format", "webdataset", "--no-videos", "--json"])
    told = json.loads(done.stdout)
    assert (told["rows"], told["files"], told["path"]) == (4, 2, str(tmp_path / "out"))
    done = CliRunner().invoke(app, [*where, "--with-videos", "--overwrite", "--shard-mib", "0.01"])
    size = sum(each.stat().st_size for each in (tmp_path / "out").iterdir())
    assert done.stdout == f"{ExportResult(str(tmp_path / 'out'), 3, size, 3)}\n"
