"""Operations go on after a restart of the server: what jobs had finished is kept, the rest is run again."""

from __future__ import annotations

import pytest
from yt.wrapper import VanillaSpecBuilder
from yt.wrapper.errors import YtResponseError

from tests.localcluster.commands.conftest_helpers import xs

from .conftest import Cluster, Gate, sleepers, wait_for

pytestmark = pytest.mark.checked_against("server source")

ONE_AT_A_TIME = {"resource_limits": {"user_slots": 1}}
EVENTS = ["orphaned", "waiting_for_agent", "revive_initializing", "reviving", "pending", "reviving_jobs"]


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_an_ordered_map_goes_on_where_it_was(cluster: Cluster, gate: Gate, how: str) -> None:
    client = cluster.client
    command = (
        f"{gate.note}; echo why >&2; echo '{{n=1}};' >&5; cat; [ $YT_JOB_COOKIE -lt 3 ] || {{ {gate.wait}; }}"
    )
    operation = client.run_map(
        command,
        "//tmp/t",
        "//tmp/out",
        format="json",
        job_count=5,
        ordered=True,
        sync=False,
        spec=ONE_AT_A_TIME,
    )
    wait_for(lambda: len(gate.runs) == 4)
    before = {job["id"] for job in cluster.jobs(operation, "completed")}
    (cut_off,) = cluster.jobs(operation, "running")
    client = cluster.restart(how)
    gate.open()
    found = cluster.wait_until_over(operation)
    assert found["state"] == "completed"
    assert xs(client, "//tmp/out") == list(range(10))
    assert gate.runs == [0, 1, 2, 3, 3, 4]
    (aborted,) = cluster.jobs(operation, "aborted")
    assert (aborted["id"], aborted["job_cookie"]) == (cut_off["id"], 3)
    assert aborted["abort_reason"] == "revival_confirmation_timeout"
    assert aborted["error"]["message"] == "Job not confirmed after timeout"
    assert client.get_job_stderr(operation.id, aborted["id"]).read() == b"why\n"
    completed = cluster.jobs(operation, "completed")
    assert before < {job["id"] for job in completed}
    assert sorted(job["job_cookie"] for job in completed) == [0, 1, 2, 3, 4]
    counts = cluster.get(operation, "brief_progress")["jobs"]
    expected = {"completed": 5, "aborted": 1, "total": 5, "failed": 0, "running": 0, "pending": 0, "lost": 0}
    assert {name: counts[name] for name in expected} == expected
    assert found["progress"]["job_statistics"]["custom"]["n"]["$"]["completed"]["ordered_map"]["sum"] == 5
    states = [event["state"] for event in found["events"]]
    assert states[states.index("orphaned") :] == [*EVENTS, "running", "completing", "completed"]


def test_no_job_outlives_a_server_that_is_stopped(cluster: Cluster) -> None:
    operation = cluster.client.run_map("sleep 765", "//tmp/t", "//tmp/out", format="json", sync=False)
    wait_for(lambda: sleepers(765))
    cluster.server.stop()
    assert sleepers(765) == []
    cluster.restart()
    (again,) = wait_for(lambda: cluster.jobs(operation, "running"))
    assert again["job_cookie"] == 0
    cluster.client.abort_operation(operation.id)
    assert cluster.get(operation, "state") == "aborted"


def test_tasks_of_a_vanilla_operation_go_on(cluster: Cluster, gate: Gate) -> None:
    row = 'echo "{\\"cookie\\": $YT_JOB_COOKIE}"'
    spec = VanillaSpecBuilder()
    for name, count, command in (("quick", 2, "true"), ("slow", 1, gate.wait)):
        cluster.client.create("table", f"//tmp/{name}")
        task = spec.begin_task(name).command(f"{gate.note}; {command}; {row}").format("json").job_count(count)
        task.output_table_paths([f"//tmp/{name}"]).end_task()
    operation = cluster.client.run_operation(spec, sync=False)
    wait_for(lambda: len(cluster.jobs(operation, "completed")) == 2 and len(gate.runs) == 3)
    client = cluster.restart()
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert sorted(row["cookie"] for row in client.read_table("//tmp/quick")) == [0, 1]
    assert [row["cookie"] for row in client.read_table("//tmp/slow")] == [2]
    assert sorted(gate.runs) == [0, 1, 2, 2]


def test_a_reduce_keeps_its_slices(cluster: Cluster, gate: Gate) -> None:
    rows = [{"k": x // 10, "x": x} for x in range(60)]
    cluster.client.write_table("<sorted_by=[k]>//tmp/pairs", rows)
    command = f"{gate.note}; cat; [ $YT_JOB_COOKIE = 0 ] || {{ {gate.wait}; }}"
    operation = cluster.client.run_reduce(
        command, "//tmp/pairs", "//tmp/out", reduce_by=["k"], format="json", job_count=3, sync=False,
        spec=ONE_AT_A_TIME,
    )  # fmt: skip
    wait_for(lambda: len(gate.runs) == 2)
    client = cluster.restart()
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert list(client.read_table("//tmp/out")) == rows
    assert gate.runs == [0, 1, 1, 2]


@pytest.mark.parametrize("phase", ["map", "reduce"])
def test_a_map_reduce_goes_on_in_either_phase(cluster: Cluster, gate: Gate, phase: str) -> None:
    waits = {"map": "[ $YT_JOB_COOKIE = 0 ]", "reduce": "[ $YT_JOB_COOKIE -lt 4 ]"}
    shell = {name: f"{gate.note}; cat; {waits[name]} || {{ {gate.wait}; }}" for name in waits}
    shell["reduce" if phase == "map" else "map"] = f"{gate.note}; cat"
    operation = cluster.client.run_map_reduce(
        shell["map"], shell["reduce"], "//tmp/t", "//tmp/out", reduce_by=["x"], format="json", sync=False,
        spec={"map_job_count": 3, "partition_count": 2, **ONE_AT_A_TIME},
    )  # fmt: skip
    wait_for(lambda: len(gate.runs) == (2 if phase == "map" else 5))
    client = cluster.restart()
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert xs(client, "//tmp/out") == list(range(10))
    assert gate.runs == ([0, 1, 1, 2, 3, 4] if phase == "map" else [0, 1, 2, 3, 4, 4])


def test_operations_without_processes_begin_anew(cluster: Cluster) -> None:
    client = cluster.client
    many = [{"x": (x * 7919) % 50_000} for x in range(50_000)]
    client.write_table("//tmp/many", many)
    client.copy("//tmp/many", "//tmp/erased")
    started = [
        client.run_sort("//tmp/many", "//tmp/sorted", sort_by=["x"], sync=False),
        client.run_merge(["//tmp/many", "//tmp/t"], "//tmp/merged", mode="ordered", sync=False),
        client.run_erase("//tmp/erased[#0:#49990]", sync=False),
    ]
    client = cluster.restart()
    assert [cluster.wait_until_over(each)["state"] for each in started] == ["completed"] * 3
    assert xs(client, "//tmp/sorted") == list(range(50_000))
    assert client.get("//tmp/sorted/@sorted_by") == ["x"]
    assert xs(client, "//tmp/merged") == [row["x"] for row in many] + list(range(10))
    assert xs(client, "//tmp/erased") == [row["x"] for row in many[49_990:]]
    assert list((cluster.server.data_dir / "sandboxes").iterdir()) == []


def test_inputs_and_outputs_stay_those_that_were_locked(cluster: Cluster, gate: Gate) -> None:
    client = cluster.client
    client.write_table("//tmp/out", [{"x": -1}])
    command = f"{gate.note}; cat; {gate.wait}"
    operation = client.run_map(command, "//tmp/t", "<append=%true>//tmp/out", format="json", sync=False)
    wait_for(lambda: gate.runs)
    client.remove("//tmp/t")
    client.write_table("//tmp/t", [{"x": 1000}])
    client.write_table("<append=%true>//tmp/out", [{"x": -2}])
    client = cluster.restart()
    with pytest.raises(YtResponseError) as refused:
        client.write_table("//tmp/out", [])
    assert refused.value.contains_code(402)
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert xs(client, "//tmp/out") == [-1, -2, *range(10)]
    assert xs(client, "//tmp/t") == [1000]
    assert client.get("//tmp/out/@locks") == []
