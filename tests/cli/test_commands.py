"""The command as a user types it: what it prints where, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.videos import make_sound_only
from ytcurate.demo.sample import MODEL

COMMAND = [str(Path(sys.executable).parent / "ytcurate")]


@pytest.fixture
def ytcurate(proxy, tmp_path):
    def run(*arguments, **environment):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"YT_PROXY": proxy, "XDG_DATA_HOME": str(tmp_path / "data")} | environment,
        )

    return run


def test_upload_prints_its_result_on_stdout_and_what_it_skipped_on_stderr(ytcurate, make_video, workdir):
    folder = make_video("videos/good.mp4", seconds=1).parent
    (folder / "bad.mp4").write_text("text")

    done = ytcurate("upload", folder, f"{workdir}/clips")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 clips, 1.0 s, 0.0 MB → ")
    assert done.stdout.rstrip().endswith(f"{workdir}/clips (1 problems)")
    assert "skipped" in done.stderr
    assert "bad.mp4: not a video" in done.stderr


def test_strict_makes_a_bad_row_exit_code_3(ytcurate, make_video, workdir):
    folder = make_video("videos/good.mp4", seconds=1).parent
    (folder / "bad.mp4").write_text("text")
    assert ytcurate("upload", folder, f"{workdir}/clips", "--strict").returncode == 3


def test_json_is_one_object_on_one_line(ytcurate, make_video, workdir):
    done = ytcurate("upload", make_video(seconds=1), f"{workdir}/clips", "--json")
    assert json.loads(done.stdout)["clips"] == 1
    rows = ytcurate("show", f"{workdir}/clips", "--json").stdout.splitlines()
    assert [json.loads(row)["length"] for row in rows] == [1.0]


def test_show_prints_a_table_without_videos(ytcurate, make_video, workdir):
    ytcurate("upload", make_video(seconds=1), f"{workdir}/clips")
    done = ytcurate("show", f"{workdir}/clips")
    assert f"{workdir}/clips: 1 rows" in done.stdout
    assert "h264" in done.stdout
    assert "ftyp" not in done.stdout


def test_a_dry_run_prints_settings_and_spec_and_starts_nothing(ytcurate, make_video, workdir, client):
    ytcurate("upload", make_video(seconds=1), f"{workdir}/clips")
    arguments = ["--model", MODEL, "--preset", "h200", "--max-gpus", 4, "--max-tokens", 64, "--dry-run"]

    done = ytcurate("describe", f"{workdir}/clips", f"{workdir}/result", *arguments)

    plan = json.loads(done.stdout)
    assert plan["spec"]["pool_trees"] == ["gpu_h200"]
    assert plan["spec"]["resource_limits"] == {"user_slots": 4}
    assert plan["sampling"]["max_tokens"] == 64
    assert plan["engine"]["tensor_parallel"] == 1
    assert "model/config.json" in plan["shipped_files"]
    assert not client.exists(f"{workdir}/result")


BAD = {
    "a missing file": (2, "missing.mp4: no such file or folder", ["upload", "missing.mp4", "{w}/t"]),
    "an empty folder": (2, "this folder holds no videos", ["upload", "empty", "{w}/t"]),
    "a text named mp4": (1, "text.mp4: not a video", ["upload", "text.mp4", "{w}/t"]),
    "sound only": (1, "it holds audio/aac only", ["upload", "sound.mp4", "{w}/t"]),
    "no video column": (2, "no video column; its columns are a", ["upload", "table", "{w}/t"]),
    "a proxy that is away": (
        1,
        "cannot reach proxy http://127.0.0.1:9: connection refused",
        ["show", "//tmp/t", "--proxy", "http://127.0.0.1:9"],
    ),
    "no path": (2, "is not the path of a table", ["upload", "good.mp4", "tmp/t"]),
    "a table that is away": (1, "no such table on this cluster", ["show", "{w}/none"]),
    "no model": (
        2,
        "--model /no/such: no such directory",
        ["describe", "{w}/t", "{w}/r", "--model", "/no/such"],
    ),
    "a wrong number": (
        2,
        "clip_seconds must be above 0",
        ["upload", "good.mp4", "{w}/t", "--clip-seconds", "0"],
    ),
    "no such option": (2, "No such option", ["upload", "good.mp4", "{w}/t", "--clip-second", "1"]),
}


@pytest.mark.parametrize(("code", "message", "arguments"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    code, message, arguments, ytcurate, make_video, workdir, tmp_path, client
):
    make_video("good.mp4", seconds=0.5)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mp4").write_text("a text")
    (tmp_path / "sound.mp4").write_bytes(make_sound_only())
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "rows.jsonl").write_text('{"a": 1}\n')

    done = ytcurate(*(argument.replace("{w}", workdir) for argument in arguments))

    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not client.exists(f"{workdir}/t")


def test_the_local_cluster_is_started_asked_and_stopped(ytcurate, tmp_path):
    place = ["--data-dir", tmp_path / "cluster"]
    assert ytcurate("cluster", "status", *place).returncode == 1
    started = ytcurate("cluster", "start", *place, "--port", 0)
    try:
        assert started.returncode == 0, started.stderr
        proxy = started.stdout.splitlines()[0].removeprefix("proxy ")
        assert proxy.startswith("http://127.0.0.1:")
        assert proxy in ytcurate("cluster", "status", *place).stdout
        listed = subprocess.run(
            [str(Path(sys.executable).parent / "yt"), "--proxy", proxy, "list", "/"],
            capture_output=True,
            text=True,
        )
        assert {"home", "sys", "tmp"} <= set(listed.stdout.split())
    finally:
        assert ytcurate("cluster", "stop", *place).returncode == 0
    assert ytcurate("cluster", "status", *place).returncode == 1


def test_without_a_proxy_the_local_cluster_is_used_and_said_to_be(ytcurate, make_video):
    try:
        done = ytcurate("upload", make_video(seconds=0.5), "//tmp/ytcurate-tests-cli/clips", YT_PROXY="")
        assert done.returncode == 0, done.stderr
        assert "no proxy is set: using the local cluster at http://127.0.0.1:" in done.stderr
    finally:
        ytcurate("cluster", "stop")


@pytest.mark.parametrize(
    "words",
    ["", "upload", "describe", "show", "demo", "cluster", "cluster start", "weights", "weights push"],
)
def test_every_command_has_help(ytcurate, words):
    done = ytcurate(*words.split(), "--help", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "Usage: ytcurate" in done.stdout


def test_help_shows_square_brackets_as_they_are(ytcurate):
    assert "hf://owner/dataset[/split][#column]" in ytcurate("upload", "--help", COLUMNS="200").stdout
