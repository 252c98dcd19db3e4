"""That the upload measurement runs and says what it is for; its figures are no test's affair."""

import json
import subprocess
import sys

import pytest

from bench.harness import ROOT
from bench.processes import run_command
from bench.results import TARGETS


def test_every_way_writes_every_clip_and_the_figures_that_have_targets_are_there():
    command = [sys.executable, "-m", "bench.upload", "--json", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])

    assert result["name"] == "upload"
    assert result["clips"] == 4
    wanted = {target.figure for target in TARGETS if target.bench == "upload"}
    assert wanted == {"ratio", "limit_share", "peak_mb", "preview_share"}
    assert all(isinstance(result[figure], int | float) for figure in wanted)
    assert min(result["ratio"], result["limit_share"], result["peak_mb"]) > 0
    assert result["ways"]["ours"]["cluster_cpu_ms_per_clip"] > 0
    assert result["peaks"]["one large file"]["clips"] == 6


def test_a_run_counts_the_memory_and_time_of_what_it_starts():
    child = "x = bytes(bytearray(b'1') * 120_000_000); [hash(str(n)) for n in range(2_000_000)]"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    cost = run_command([sys.executable, "-c", parent], watch_memory=True)

    assert cost.peak_bytes > 120_000_000
    assert 0.3 < cost.cpu_s < 30


def test_a_run_that_fails_says_so():
    with pytest.raises(RuntimeError, match="ended with 3: oh no"):
        run_command([sys.executable, "-c", "import sys; print('oh no', file=sys.stderr); sys.exit(3)"])
