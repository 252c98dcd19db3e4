"""An upload that is killed twenty times and given again each time equals one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import yt.wrapper as yt

from tests.support.locks import locks_in_the_way
from tests.support.videos import make_video
from ytcurate.tables.owners import abort_left_behind

KILLS = 20
VIDEOS = 100


def command(folder, table, proxy):
    ytcurate = str(Path(sys.executable).parent / "ytcurate")
    upload = [ytcurate, "upload", str(folder), table, "--proxy", proxy]
    # Each video in a transaction of its own: as many moments as can be between two commits.
    return [*upload, "--clip-seconds", "1", "--transaction-mib", "0.00001"]


def count_rows(client, table):
    return client.get(f"{table}/@row_count") if client.exists(table) else 0


def all_rows(client, table):
    return [
        list(client.read_table(path, format=yt.YsonFormat(encoding=None)))
        for path in (table, f"{table}_sources")
    ]


def wait_until_let_go(client, *tables):
    """Until nothing that was killed holds them; a process that cuts lives on for a moment."""
    deadline = time.monotonic() + 30
    while any(locks_in_the_way(client, table) for table in tables):
        for table in tables:
            abort_left_behind(client, table)  # they would end by themselves in a minute
        assert time.monotonic() < deadline, [
            str(client.get(f"#{lock['transaction_id']}/@"))
            for table in tables
            for lock in locks_in_the_way(client, table)
        ]
        time.sleep(0.2)


def test_an_upload_killed_twenty_times_equals_an_undisturbed_one(client, workdir, proxy, tmp_path):
    folder, rng = tmp_path / "videos", random.Random(4)
    folder.mkdir()
    for number in range(VIDEOS):
        (folder / f"{number:03}.mp4").write_bytes(make_video(seconds=3, gop=30, width=32 + 2 * number))
    (folder / "010-damaged.mp4").write_bytes((folder / "011.mp4").read_bytes()[:3000])
    (folder / "020-twin.mp4").write_bytes((folder / "005.mp4").read_bytes())
    whole, killed = f"{workdir}/whole", f"{workdir}/killed"
    began = time.monotonic()
    subprocess.run(command(folder, whole, proxy), check=True, capture_output=True)
    undisturbed_s = time.monotonic() - began

    counts, cut_short = [0], 0
    for turn in range(KILLS):
        process = subprocess.Popen(
            command(folder, killed, proxy),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # At any moment, and every other time soon after something was committed.
        while turn % 2 and process.poll() is None and count_rows(client, killed) == counts[-1]:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.3 if turn % 2 else 0.4 * undisturbed_s))
        # The whole session or only the command: those that cut must end by themselves then.
        with suppress(ProcessLookupError):
            (os.killpg if rng.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
        cut_short += process.wait() == -signal.SIGKILL
        counts.append(count_rows(client, killed))
    last = subprocess.run(command(folder, killed, proxy), capture_output=True, text=True)

    assert last.returncode == 0, last.stderr
    wait_until_let_go(client, killed, f"{killed}_sources")

    assert counts == sorted(counts)
    assert cut_short > KILLS / 2
    assert len(set(counts)) > KILLS / 2, "kills must fall between commits"
    assert all_rows(client, killed) == all_rows(client, whole)
