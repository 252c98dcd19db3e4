"""Each stage alone, one after the other, as commands and as mappers of one's own operation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import ytcurate
from tests.support.planted import make_planted_clip
from tests.support.tiny_clip import write_tiny_clip
from ytcurate.errors import TableMissing

KINDS = ("good", "blurred", "dark")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "videos"
    place.mkdir()
    for number, kind in enumerate(KINDS):
        (place / f"{number}.mp4").write_bytes(make_planted_clip(number + 1, kind))
    (place / "3.mp4").write_bytes(b"no video")
    return place


@pytest.fixture
def clip_model(tmp_path):
    return str(write_tiny_clip(tmp_path / "clip"))


def run(*arguments):
    command = [str(Path(sys.executable).parent / "ytcurate"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_clips_are_scored_embedded_and_searched_by_commands(client, workdir, folder, clip_model, proxy):
    clips, scores, vectors = (f"{workdir}/{name}" for name in ("clips", "scores", "vectors"))
    run("upload", folder, clips, "--proxy", proxy)
    run("score", clips, scores, "--preset", "local", "--proxy", proxy)
    rows = list(client.read_table(scores))
    assert [row["quality_outcome"] for row in rows] == ["ok", "ok", "ok", "unreadable"]
    assert rows[0]["quality_sharpness"] > 50 > rows[1]["quality_sharpness"]
    assert rows[0]["quality_brightness"] > 30 > rows[2]["quality_brightness"]
    assert len(rows[0]["keyframes"]) == 3

    result = json.loads(
        run("embed", clips, vectors, "--model", clip_model, "--preset", "local", "--json", "--proxy", proxy)
    )
    assert (result["rows"], result["done"]) == (4, 4)
    again = ytcurate.embed(clips, vectors, model=clip_model, preset="local", client=client)
    assert (again.done, again.operation_ids) == (0, ())
    found = json.loads(run("search", vectors, "--like", "0/0", "-k", "1", "--json", "--proxy", proxy))
    assert found


def test_vectors_come_from_scored_clips_and_other_models_put_them_aside(
    client, workdir, folder, clip_model, tmp_path
):
    clips, scores, vectors = (f"{workdir}/{name}" for name in ("clips", "scores", "vectors"))
    ytcurate.upload(folder, clips, client=client)
    ytcurate.score(clips, scores, preset="local", client=client)
    first = ytcurate.embed(scores, vectors, model=clip_model, preset="local", client=client)
    before = list(client.read_table(vectors))
    assert (first.rows, [row["outcome"] for row in before]) == (4, ["ok", "ok", "ok", "unreadable"])
    other = str(write_tiny_clip(tmp_path / "other", seed=8))
    assert ytcurate.embed(scores, vectors, model=other, preset="local", client=client).done == 4
    assert ytcurate.embed(scores, vectors, model=clip_model, preset="local", client=client).done == 0
    assert list(client.read_table(vectors)) == before


def test_what_is_no_table_of_clips_is_refused(client, workdir, clip_model):
    with pytest.raises(TableMissing):
        ytcurate.score(f"{workdir}/none", f"{workdir}/scores", client=client)
    client.create("table", f"{workdir}/other", attributes={"schema": [{"name": "a", "type": "int64"}]})
    with pytest.raises(ytcurate.YtcurateError, match="ds_index"):
        ytcurate.embed(f"{workdir}/other", f"{workdir}/vectors", model=clip_model, client=client)
