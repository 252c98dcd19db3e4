"""Subcommands of `yt` that run operations, look at them and steer them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from yt.wrapper import YtClient

from tests.localcluster.clients.conftest import YtTool

pytestmark = pytest.mark.checked_against("client")


def until(found: Callable[[], Any]) -> Any:
    """What is found, once it is."""
    while not (value := found()):
        time.sleep(0.05)
    return value


def values(yt: YtTool, table: str) -> str:
    """Column `v` of all rows, one after another."""
    return "".join(json.loads(line)["v"] for line in yt("read", table, "--format", "json").lines)


def test_tables_are_sorted_merged_and_erased(yt: YtTool, folder: str, table: str):
    yt("sort", "--src", table, "--dst", f"{folder}/sorted", "--sort-by", "k")
    assert values(yt, f"{folder}/sorted")[0] == "a"
    yt("merge", "--src", table, "--src", table, "--dst", f"{folder}/merged", "--mode", "ordered")
    assert values(yt, f"{folder}/merged") == "bacbac"
    yt("erase", f"{folder}/merged[#0:#2]")
    assert values(yt, f"{folder}/merged") == "cbac"


def test_commands_map_and_reduce(yt: YtTool, folder: str, table: str):
    yt("map", "cat", "--src", table, "--dst", f"{folder}/mapped", "--format", "json")
    assert sorted(values(yt, f"{folder}/mapped")) == ["a", "b", "c"]
    yt("sort", "--src", table, "--dst", table, "--sort-by", "k", "--sort-by", "v")
    yt("reduce", "head -n 1", "--src", table, "--dst", f"{folder}/r", "--reduce-by", "k", "--format", "json")
    assert values(yt, f"{folder}/r") == "a"
    yt(
        "map-reduce", "--mapper", "cat", "--reducer", "cat", "--src", table, "--dst", f"{folder}/mr",
        "--reduce-by", "k", "--format", "json",
    )  # fmt: skip
    assert sorted(values(yt, f"{folder}/mr")) == ["a", "b", "c"]


def test_a_command_joins_what_a_foreign_table_says_of_its_keys(yt: YtTool, folder: str, table: str):
    yt("sort", "--src", table, "--dst", f"{folder}/all", "--sort-by", "k")
    yt("sort", "--src", f"{table}[#1]", "--dst", f"{folder}/one", "--sort-by", "k")
    yt(
        "join-reduce", "cat", "--src", f"{folder}/one", "--src", f"<foreign=%true>{folder}/all",
        "--dst", f"{folder}/joined", "--join-by", "k", "--format", "json",
        "--spec", "{reducer={enable_input_table_index=%false}}",
    )  # fmt: skip
    assert values(yt, f"{folder}/joined") == "aa"


def test_a_table_is_shuffled(yt: YtTool, table: str):
    yt("shuffle", "--table", table)
    assert sorted(values(yt, table)) == ["a", "b", "c"]


@pytest.fixture
def running(yt: YtTool, client: YtClient) -> Iterator[tuple[str, str]]:
    """An operation that goes on until it is ended, and its job, which has written `started`."""
    task = '{t={job_count=1;command="echo started >&2; sleep 1000"}}'
    operation = yt("vanilla", "--async", "--tasks", task).out.strip()
    yield operation, until(lambda: client.list_jobs(operation)["jobs"])[0]["id"]
    client.abort_operation(operation)


def test_an_operation_is_watched_and_ended(yt: YtTool, running: tuple[str, str]):
    operation, job = running
    listed = json.loads(yt("list-operations", "--state", "running", "--format", "json").out)["operations"]
    assert operation in [each["id"] for each in listed]
    assert json.loads(yt("list-jobs", operation, "--format", "json").out)["jobs"][0]["id"] == job
    assert yt("get-job", job, operation).value["state"] == "running"
    assert until(lambda: yt("get-job-stderr", job, operation).out) == "started\n"
    yt("suspend-op", operation)
    assert yt("get-operation", operation, "--attribute", "suspended").value == {"suspended": True}
    yt("resume-op", operation)
    assert yt("get-operation", operation, "--attribute", "suspended").value == {"suspended": False}
    yt("complete-op", operation)
    yt("track-op", operation)
    assert yt("get-operation", operation, "--attribute", "state").value == {"state": "completed"}


def test_an_aborted_operation_says_why(yt: YtTool, running: tuple[str, str]):
    operation, _ = running
    yt("abort-op", operation, "--message", "enough of it")
    result = yt("get-operation", operation, "--attribute", "state", "--attribute", "result").value
    assert result["state"] == "aborted"
    assert "enough of it" in json.dumps(result["result"])
    assert f"Operation {operation} aborted" in yt("track-op", operation, code=1).err


def test_an_operation_that_keeps_no_cores_has_none_to_download(yt: YtTool, running: tuple[str, str]):
    refused = yt("download-core-dump", "--operation-id", running[0], code=1).err
    assert refused.startswith(f"Operation {running[0]} does not have a specified core_table_path")


@pytest.mark.checked_against("documentation")
def test_parameters_of_an_operation_are_changed(yt: YtTool, running: tuple[str, str]):
    operation, _ = running
    yt("update-op-parameters", operation, "{scheduling_options_per_pool_tree={default={weight=3.0}}}")
    shown = yt("get-operation", operation, "--attribute", "runtime_parameters").value
    options = shown["runtime_parameters"]["scheduling_options_per_pool_tree"]
    assert options["default"]["weight"] == 3.0


@pytest.fixture
def failed(client: YtClient, folder: str, table: str) -> tuple[str, str]:
    """A map that failed, and its one job, which had a file."""
    client.write_file(f"{folder}/note", b"noted\n")
    spec = {"max_failed_job_count": 1, "mapper": {"file_paths": [f"{folder}/note"]}}
    command = "cat note >&2; cat; exit 3"
    operation = client.run_map(command, table, f"{folder}/out", format="json", sync=False, spec=spec)
    until(lambda: operation.get_state().is_finished())
    return operation.id, client.list_jobs(operation.id)["jobs"][0]["id"]


@pytest.mark.checked_against("documentation")
def test_a_job_is_looked_into(yt: YtTool, failed: tuple[str, str]):
    _, job = failed
    assert [json.loads(line)["v"] for line in yt("get-job-input", job).lines] == ["b", "a", "c"]
    assert "cat note >&2; cat; exit 3" in yt("get-job-spec", job).out


def test_a_failed_job_is_run_again_at_home(yt: YtTool, failed: tuple[str, str], tmp_path: Path):
    place = str(tmp_path / "job")
    yt("job-tool", "prepare-job-environment", *failed, "--job-path", place)
    again = yt("job-tool", "run-job", place, code=3)
    assert again.err.startswith("noted\n")
    assert Path(place, "output", "1").read_text().count("\n") == 3


@pytest.mark.checked_against("documentation")
def test_an_aborted_job_is_run_again(yt: YtTool, client: YtClient, running: tuple[str, str]):
    operation, job = running
    yt("abort-job", job)
    until(lambda: client.get_job(operation, job)["state"] == "aborted")
    again = until(lambda: client.list_jobs(operation, job_state="running")["jobs"])
    assert again[0]["id"] != job
