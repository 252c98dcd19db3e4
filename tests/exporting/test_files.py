"""Clips as plain files, with lists."""

import csv
import hashlib
import json

from tests.exporting.curated import EMBEDDING, clip_row, make_run, row, video
from ytcurate.pipeline.export import export


def test_each_clip_is_a_file_and_both_lists_name_it(client, curated, tmp_path):
    result = export(curated, tmp_path / "out", format="files", client=client)
    there = sorted(str(each.relative_to(tmp_path / "out")) for each in (tmp_path / "out").rglob("*.*"))
    paths = [f"clips/{clip}.mp4" for clip in ("00000000/00000", "00000000/00002", "00000001/00000")]
    assert there == [*paths, "manifest.csv", "manifest.jsonl"]
    assert (result.rows, result.files) == (3, 5)
    assert (tmp_path / "out" / paths[1]).read_bytes() == video(2)
    lines = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == paths
    assert lines[1]["sha256"] == hashlib.sha256(video(2)).hexdigest()
    assert (lines[1]["vlm_description"], lines[1]["embedding"]) == ("Clip 2.", EMBEDDING)
    with (tmp_path / "out/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == paths
    assert (rows[1]["title"], rows[1]["is_safe"], rows[1]["reason"]) == (
        "Ace, on \u201cMirage\u201d",
        "true",
        "",
    )
    assert not {"embedding", "keyframe"} & set(rows[0])


def test_a_rejected_clip_without_a_video_is_a_line_without_a_path(client, workdir, tmp_path):
    rows = [row(0, 0), row(0, 1, kept=False, outcome="unreadable", start_s=None, length=None, fps=None)]
    clips = [clip_row(rows[0]), clip_row(rows[1], video=None, bytes=None, outcome="unreadable")]
    table = make_run(client, workdir, rows, clip_rows=clips)
    result = export(table, tmp_path / "out", format="files", kept_only=False, client=client)
    lines = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == ["clips/00000000/00000.mp4", None]
    assert (lines[1]["start_frame"], lines[1]["end_sec"], result.files) == (None, None, 3)
