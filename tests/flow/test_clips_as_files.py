"""Clips that no row takes, kept as files of Cypress: uploaded, watched and described like any other."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

import ytcurate
from tests.support.videos import make_video
from ytcurate.config import MIB, EngineSettings
from ytcurate.demo.sample import MODEL
from ytcurate.describers.base import Description, Outcome
from ytcurate.errors import TableError
from ytcurate.mappers.describe import DescribeMapper
from ytcurate.pipeline import clip_files
from ytcurate.pipeline.clip_files import ClipFiles
from ytcurate.pipeline.remaining import Remaining
from ytcurate.tables.rows import CLIPS
from ytcurate.tables.store import create_table


def make_heavy_video(mebibytes, seconds=2, fps=30):
    """A video of small pictures that its encoder fills up to a rate; made in less than a second."""
    file = io.BytesIO()
    kilobits = mebibytes * MIB * 8 // seconds // 1000
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", kilobits * 1000
        filled = f"nal-hrd=cbr:bitrate={kilobits}:vbv-maxrate={kilobits}:vbv-bufsize={kilobits}:keyint={fps}"
        stream.options = {"x264-params": filled, "preset": "ultrafast"}
        for number in range(seconds * fps):
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), 16 + number % 200, np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def upstream(upstream_proxy):
    client = ytcurate.connect(upstream_proxy)
    client.create("map_node", "//tmp/files", recursive=True)
    yield client
    client.remove("//tmp/files", recursive=True, force=True)


def test_a_clip_above_the_clusters_cap_is_kept_as_a_file_watched_and_described(upstream, tmp_path):
    (tmp_path / "heavy.mp4").write_bytes(make_heavy_video(150))
    (tmp_path / "light.mp4").write_bytes(make_video(seconds=2))
    clips, result = "//tmp/files/clips", "//tmp/files/described"
    done = ytcurate.upload(tmp_path, clips, client=upstream, store="file", preview="none")
    assert done.clips == 2
    rows = list(upstream.read_table(f"{clips}{{ds_index,video_path,outcome,bytes}}"))
    path = f"{clips}_files/{upstream.list(f'{clips}_files')[0]}"
    assert [(row["video_path"], row["outcome"]) for row in rows] == [(path, "ok"), (None, "ok")]
    assert rows[0]["bytes"] > 128 * MIB

    view = ytcurate.watch(clips, 0, 0, client=upstream)
    assert (len(view.video), view.file_type) == (rows[0]["bytes"], "mp4")
    assert ClipFiles(upstream, clips).there([range(2)])[0].path == path

    engine = EngineSettings(describer="transformers")
    described = ytcurate.describe(
        clips, result, client=upstream, model=str(MODEL), preset="local", engine=engine, keep_video=True
    )
    assert described.outcomes == {"ok": 2}
    kept = list(upstream.read_table(f"{result}{{ds_index,video,description}}"))
    assert {row["ds_index"]: row["video"] is not None for row in kept} == {0: False, 1: True}
    assert all(row["description"] for row in kept)

    upstream.remove(path)
    assert ClipFiles(upstream, clips).there([range(2)]) == []
    with pytest.raises(TableError, match=r"clip 0 is kept in .*mp4, which is not there any more"):
        ytcurate.watch(clips, 0, 0, client=upstream)


def test_without_its_file_a_job_answers_with_an_unreadable_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = {"ds_index": 0, "segment_index": 0, "video": None, "video_path": "//tmp/clips_files/abc.mp4"}
    mapper = DescribeMapper("any/model")
    reason = "the job has no file abc.mp4: give it //tmp/clips_files/abc.mp4 in file_paths"
    wanted = Description(key=0, outcome=Outcome.UNREADABLE, detail=reason)
    assert mapper._prepare(row).result == wanted
    video = make_video(seconds=1)
    (tmp_path / "abc.mp4").write_bytes(video)
    from_file = mapper._prepare(row)
    from_row = mapper._prepare({**row, "video": video})
    assert from_file.row["clip_id"] == from_row.row["clip_id"]
    assert (from_file.result.pixels == from_row.result.pixels).all()


def test_a_wave_takes_fewer_rows_where_its_files_would_be_too_many_or_too_large(client, workdir, monkeypatch):
    table = f"{workdir}/clips"
    create_table(client, table, CLIPS)
    row = {"ds_index": 0, "outcome": "ok", "bytes": 10}
    paths = [None, "//tmp/a", "//tmp/b", None, "//tmp/c", "//tmp/c"]
    client.write_table(
        table, [{**row, "segment_index": at, "video_path": path} for at, path in enumerate(paths)]
    )
    files, left = ClipFiles(client, table), Remaining((range(2), range(3, 6)), 6)
    assert files.bounded(left, 4) == (range(2), range(3, 5))
    monkeypatch.setattr(clip_files, "MOST_FILES", 1)
    assert files.bounded(left, 4) == (range(2), range(3, 4))
    monkeypatch.setattr(clip_files, "MOST_FILES", 9)
    monkeypatch.setattr(clip_files, "MOST_FILE_BYTES", 25)
    assert files.bounded(left, 9) == (range(2), range(3, 5))
    monkeypatch.setattr(clip_files, "MOST_FILE_BYTES", 5)
    assert files.bounded(left.without(left.first(1)), 9) == (range(1, 2), range(3, 4))
