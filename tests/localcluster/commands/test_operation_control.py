"""Operations watched and steered from outside: abort, suspend, complete, slots, transactions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtOperationFailedError

from .conftest_helpers import xs

pytestmark = pytest.mark.checked_against("documentation")

MIB = 1024 * 1024


def test_nothing_is_published_before_the_end_and_abort_publishes_nothing(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.write_table(f"{folder}/out", [{"old": 1}])
    operation = client.run_map("cat; sleep 60", numbers, f"{folder}/out", format="json", sync=False)
    while not operation.get_state().is_running():
        time.sleep(0.1)
    assert list(client.read_table(f"{folder}/out")) == [{"old": 1}]
    operation.abort()
    while not operation.get_state().is_finished():
        time.sleep(0.1)
    assert operation.get_state().name == "aborted"
    assert list(client.read_table(f"{folder}/out")) == [{"old": 1}]


@pytest.mark.checked_against("client")
def test_statistics_are_seen_while_the_job_runs(client: YtClient, folder: str, numbers: str) -> None:
    command = "echo '{frames=7};' >&5; sleep 60"
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    deadline = time.monotonic() + 10
    found: Any = {}
    while time.monotonic() < deadline and "custom" not in found:
        found = client.get_operation(operation.id, attributes=["progress"])["progress"]["job_statistics"]
        time.sleep(0.1)
    operation.abort()
    assert found["custom"]["frames"]["$"]["running"]["map"]["sum"] == 7


def test_an_operation_ends_with_its_transaction(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(RuntimeError), client.Transaction():  # noqa: PT012
        operation = client.run_map("sleep 60", numbers, f"{folder}/out", format="json", sync=False)
        raise RuntimeError
    deadline = time.monotonic() + 10
    while not operation.get_state().is_finished() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert operation.get_state().name == "aborted"


@pytest.mark.checked_against("nothing")
def test_a_gpu_job_runs_on_one_simulated_device(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"pool_trees": ["gpu_h100"], "mapper": {"gpu_limit": 1, "cpu_limit": 4}}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert xs(client, f"{folder}/out") == list(range(100))
    assert client.list_jobs(operation.id)["jobs"][0]["pool_tree"] == "gpu_h100"


def test_user_slots_bound_the_jobs_at_once(client: YtClient, folder: str, numbers: str) -> None:
    slots = {"resource_limits": {"user_slots": 2}}
    operation = client.run_map(
        "sleep 0.6; cat", numbers, f"{folder}/out", format="json", job_count=4, sync=False, spec=slots
    )
    most = 0
    while not operation.get_state().is_finished():
        most = max(most, operation.get_progress().get("running", 0))
        time.sleep(0.05)
    assert most == 2


@pytest.mark.checked_against("nothing")
def test_the_children_of_a_job_die_with_it(client: YtClient, folder: str, numbers: str) -> None:
    command = "setsid sleep 987 & sleep 987"
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    sleepers: list[Any] = []
    deadline = time.monotonic() + 10
    while len(sleepers) < 2 and time.monotonic() < deadline:
        sleepers = [
            each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "987"]
        ]
        time.sleep(0.1)
    operation.abort()
    while not operation.get_state().is_finished():
        time.sleep(0.1)
    assert len(sleepers) == 2
    _, alive = psutil.wait_procs(sleepers, timeout=5)
    assert alive == []


def test_complete_publishes_what_has_finished(client: YtClient, folder: str, numbers: str) -> None:
    command = '[ "$YT_JOB_COOKIE" = 0 ] && cat || sleep 60'
    operation = client.run_map(
        command, numbers, f"{folder}/out", format="json", job_count=2, ordered=True, sync=False
    )
    while operation.get_progress().get("completed", 0) < 1:
        time.sleep(0.1)
    operation.complete()
    operation.wait(print_progress=False)
    assert xs(client, f"{folder}/out") == list(range(50))


def test_a_suspended_operation_starts_no_jobs(client: YtClient, folder: str, numbers: str) -> None:
    limit = {"resource_limits": {"user_slots": 1}}
    operation = client.run_map(
        "sleep 0.5; cat", numbers, f"{folder}/out", format="json", job_count=3, sync=False, spec=limit
    )
    while operation.get_progress().get("running", 0) < 1:
        time.sleep(0.02)
    operation.suspend()
    time.sleep(1.2)
    progress = operation.get_progress()
    assert (progress["running"], progress["completed"], progress["pending"]) == (0, 1, 2)
    operation.resume()
    operation.wait(print_progress=False)
    assert sorted(xs(client, f"{folder}/out")) == list(range(100))


def test_a_second_operation_on_the_same_output_is_402(client: YtClient, folder: str, numbers: str) -> None:
    first = client.run_map("sleep 60", numbers, f"{folder}/out", format="json", sync=False)
    while not first.get_state().is_running():
        time.sleep(0.05)
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", numbers, f"{folder}/out", format="json")
    first.abort()
    assert caught.value.contains_code(402)


@pytest.mark.checked_against("nothing")
def test_jobs_of_a_machine_with_gpus_see_their_own(
    start_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    client = start_server().client()
    client.write_table("//tmp/t", [{"x": i} for i in range(4)])
    command = 'cat > /dev/null; sleep 0.3; echo "{\\"gpu\\":\\"$CUDA_VISIBLE_DEVICES\\"}"'
    spec = {"mapper": {"gpu_limit": 1}, "pool_trees": ["gpu_h200"]}
    client.run_map(command, "//tmp/t", "//tmp/out", format="json", job_count=2, spec=spec)
    assert sorted(row["gpu"] for row in client.read_table("//tmp/out")) == ["4", "6"]
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", "//tmp/t", "//tmp/out", format="json", spec={"mapper": {"gpu_limit": 8}})
    assert caught.value.contains_code(4410)
