"""The command killed at twenty random points: nothing lost, nothing paid for twice."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yt.wrapper as yt

import ytcurate
from ytcurate.config import Sampling
from ytcurate.demo.sample import MODEL
from ytcurate.pipeline.run_record import read_record

COMMAND = Path(sys.executable).parent / "ytcurate"
KILLS, WAVE_ROWS, COPIES = 20, 8, 4
ROWS = 6 * COPIES
LONGEST_SHARE = 0.2
"""Of an undisturbed run: the longest that a killed one lives. Together they live shorter than their waves."""


@pytest.fixture
def clips(client, workdir, sample_video):
    for _ in range(COPIES):
        ytcurate.upload(sample_video, f"{workdir}/clips", client=client, append=True, duplicates="keep")
    return f"{workdir}/clips"


def answers(client, table):
    rows = client.read_table(yt.TablePath(table, client=client))
    return sorted((r["ds_index"], r["segment_index"], r["outcome"], r["description"]) for r in rows)


def operations_of(client, result):
    found = client.list_operations(attributes=["id", "spec", "state", "progress"], limit=100)["operations"]
    return [each for each in found if each["spec"].get("annotations", {}).get("result") == result]


def clips_done(operation):
    """Clips described by an operation, those of lost jobs included."""
    parts = operation["progress"]["job_statistics_v2"].get("custom", {}).get("clips_done", [])
    return sum(part["summary"]["sum"] for part in parts)


@pytest.mark.timeout(1500)
def test_killed_at_twenty_random_points_it_ends_as_if_undisturbed(client, proxy, workdir, clips, tmp_path):
    undisturbed, result = f"{workdir}/undisturbed", f"{workdir}/result"
    greedy = Sampling(temperature=0)
    whole = ytcurate.describe(
        clips, undisturbed, model=str(MODEL), preset="local", sampling=greedy, client=client
    )
    longest_s = whole.elapsed_s * LONGEST_SHARE
    command = [str(COMMAND), "describe", clips, result, "--model", str(MODEL), "--preset", "local"]
    command += ["--temperature", "0", "--wave-clips", str(WAVE_ROWS), "--proxy", proxy]
    moments = random.Random(7)
    ended_by_itself = 0
    for _ in range(KILLS):
        started = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE)
        try:
            _, errors = started.communicate(timeout=moments.uniform(0.2, longest_s))
            assert started.returncode == 0, errors.decode()
            ended_by_itself += 1
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.communicate()

    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert last.returncode == 0, last.stderr
    assert ended_by_itself < KILLS / 2, "the kills came too late to disturb anything"
    assert answers(client, result) == answers(client, undisturbed)
    assert len(answers(client, result)) == ROWS
    operations = operations_of(client, result)
    assert sum(map(clips_done, operations)) == ROWS
    assert {str(each["id"]) for each in operations} == set(read_record(client, result).operations)
    assert len(operations) == ROWS / WAVE_ROWS
