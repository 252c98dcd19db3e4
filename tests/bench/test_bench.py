"""That measurements run and print what is gathered; their figures are no test's affair."""

import json
import subprocess
import sys

import pytest

from bench.harness import ROOT, as_table, interleave
from bench.results import page


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("frames", {"clips", "peak_mib"}),
        ("hand_over", {"frames", "hand-over", "cpu_ms_per_clip", "cpu_ms by step"}),
        ("curate_cpu", {"clips", "clips_per_second_per_core", "ratio_without_encoding"}),
        ("search", {"seconds", "cold_seconds", "recall"}),
        ("cluster_io", {"client_share_write", "empty_map_seconds", "peak_mb"}),
    ],
)
def test_a_measurement_prints_one_json_object_as_its_last_line(name, keys):
    command = [sys.executable, "-m", f"bench.{name}", "--json", "--quick"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    result = json.loads(output.splitlines()[-1])

    assert result["name"] == name
    assert result["ratio"] > 0
    assert {"machine", "versions", "quick"} | keys <= result.keys()


def test_ways_take_turns():
    turns = []
    timings = interleave({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 2)

    assert turns == ["a", "b"] * 3
    assert [len(timing.wall_ms) for timing in timings.values()] == [2, 2]


def test_results_become_a_page():
    text = page(
        [
            {
                "name": "frames",
                "ratio": 3.1,
                "machine": {"cpu": "x"},
                "versions": {"av": "18"},
                "clips": {"a": {"ms": 1}},
            },
            {"name": "describe", "error": "no GPU"},
        ]
    )

    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert "| 3.1 " in lines["decoding and sizing a clip, times faster"]
    assert "| no GPU " in lines["the whole job, times faster"]
    assert "| a | 1  |" in text
    assert "- Machine: cpu x" in text
    assert "- error: no GPU" in text
    assert text.count("\n## ") == 3  # the two, and the one on a GPU


def test_a_page_keeps_what_was_not_measured_now():
    def measured(name, **figures):
        return {"name": name, "machine": {"cpu": "x"}, "versions": {}, **figures}

    first = page([measured("frames", ratio=3.1), measured("search", seconds=0.5)])
    second = page([measured("search", seconds=0.25)], before=first)

    lines = {line.split(" | ")[0].strip("| "): line for line in second.splitlines() if line.startswith("| ")}
    assert "| 3.1 " in lines["decoding and sizing a clip, times faster"]
    assert "| 0.25 " in lines["searching a million vectors, s"]
    assert "| not measured " in lines["the whole job, times faster"]
    names = [[part.split("\n")[0] for part in text.split("\n## ")[1:]] for text in (first, second)]
    assert names == [["frames", "search", "gpu_describe"]] * 2


def test_rows_of_a_table_are_padded():
    assert as_table({"a": {"ms": 10}, "long": {"ms": 5}}) == [
        "|      | ms |",
        "|------|----|",
        "| a    | 10 |",
        "| long | 5  |",
    ]
