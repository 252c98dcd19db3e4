"""A run that is killed again and again and given again equals one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yt.wrapper as yt

from tests.support.locks import locks_in_the_way
from tests.support.planted import make_planted
from tests.support.tiny_clip import write_tiny_clip
from ytcurate.tables.owners import abort_left_behind

KILLS = 6


def command(folder, directory, proxy, model):
    ytcurate = str(Path(sys.executable).parent / "ytcurate")
    flags = [
        "--embed-model",
        str(model),
        "--jobs-cut",
        "local",
        "--jobs-embed",
        "local",
        "--waves-growth",
        "1",
    ]
    return [ytcurate, "curate", str(folder), directory, "--proxy", proxy, *flags, "--no-export-parquet"]


def all_rows(client, table):
    return list(client.read_table(table, format=yt.YsonFormat(encoding=None)))


def nearly(rows):
    """Rows whose vectors may differ in their last digits, as sums of floats do in batches of other sizes."""
    return [
        {**row, b"embedding": row[b"embedding"] and pytest.approx(row[b"embedding"], abs=1e-5)}
        for row in rows
    ]


def test_a_run_killed_at_random_moments_equals_an_undisturbed_one(client, workdir, proxy, tmp_path):
    folder, rng = tmp_path / "videos", random.Random(3)
    folder.mkdir()
    for number, video in enumerate(make_planted(21, 4, scenes=2)):
        (folder / f"{number}.mp4").write_bytes(video.video)
    (folder / "4.mp4").write_bytes(b"no video")
    model = write_tiny_clip(tmp_path / "clip")
    whole, killed = f"{workdir}/whole", f"{workdir}/killed"
    began_s = time.monotonic()
    subprocess.run(command(folder, whole, proxy, model), check=True, capture_output=True)
    undisturbed_s = time.monotonic() - began_s

    cut_short = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            command(folder, killed, proxy, model),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.08, 0.28) * undisturbed_s)
        with suppress(ProcessLookupError):
            (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
        cut_short += process.wait() == -signal.SIGKILL
    last = subprocess.run(command(folder, killed, proxy, model), capture_output=True, text=True)

    assert last.returncode == 0, last.stderr
    assert cut_short >= 3
    assert all_rows(client, f"{killed}/curated") == nearly(all_rows(client, f"{whole}/curated"))
    assert client.get(f"{killed}/embeddings/@row_count") == client.get(f"{whole}/embeddings/@row_count")
    tables = [f"{killed}/{name}" for name in ("clips", "clips_sources", "embeddings")]
    waited_until = time.monotonic() + 150
    while any(locks_in_the_way(client, table) for table in tables):
        for table in tables:
            abort_left_behind(client, table)  # of the last kill; they would end by themselves in two minutes
        assert time.monotonic() < waited_until, [locks_in_the_way(client, table) for table in tables]
        time.sleep(0.5)
