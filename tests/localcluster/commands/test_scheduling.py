"""Operations in pools and trees: what runs, what waits, what is refused, preempted, and told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtConcurrentOperationsLimitExceeded, YtResponseError

from tests.localcluster.conftest import Server

pytestmark = pytest.mark.checked_against("documentation")

OWN = "//sys/scheduler/orchid/scheduler/scheduling_info_per_pool_tree/own"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Tree "own" has two CPUs and a GiB of memory; a pool in it that starves preempts at once."""
    server = Server(tmp_path_factory.mktemp("pools") / "data", "--pool-tree", "own={cpu=2;memory=1073741824}")
    server.client().set("//sys/pool_trees/own/@config", {"fair_share_starvation_timeout": 0})
    yield server
    server.stop()


@pytest.fixture
def client(cluster: Server) -> Iterator[YtClient]:
    """No operation is left, and no pool."""
    found = cluster.client()
    yield found
    for operation in found.list_operations()["operations"]:
        if operation["state"] not in ("completed", "failed", "aborted"):
            found.abort_operation(operation["id"])
    for pool in found.list("//sys/pool_trees/own"):
        found.remove(f"//sys/pool_trees/own/{pool}", recursive=True)


def make_pool(client: YtClient, name: str, **attributes: Any) -> None:
    client.create("scheduler_pool", attributes={"name": name, "pool_tree": "own", **attributes})


def start(client: YtClient, command: str = "sleep 60", count: int = 1, **spec: Any) -> Any:
    task = {"command": command, "job_count": count, **spec.pop("task", {})}
    return client.run_operation(
        yt.VanillaSpecBuilder().spec({"tasks": {"t": task}, "pool_trees": ["own"], **spec}), sync=False
    )


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 30 s"
        time.sleep(0.05)


def running(operation: Any) -> int:
    return int(operation.get_progress().get("running", 0))


def test_jobs_at_once_are_what_the_tree_has_room_for(client: YtClient) -> None:
    operation = start(client, count=5)
    wait(lambda: running(operation) == 2)
    assert client.get(f"{OWN}/resource_usage") == {"user_slots": 2, "cpu": 2.0, "memory": 1 << 30, "gpu": 0}
    info = client.get_operation(operation.id)["progress"]["scheduling_info_per_pool_tree"]["own"]
    assert (info["pool"], info["dominant_usage_share"]) == ("tester", 1.0)
    assert client.get(f"{OWN}/fair_share_info/pools/tester/is_ephemeral")
    assert operation.get_progress()["pending"] == 3


def test_a_task_that_waits_for_room_does_not_hold_up_another(client: YtClient) -> None:
    tasks = {
        name: {"command": "sleep 60", "job_count": 2, "cpu_limit": cpu}
        for name, cpu in (("large", 1.5), ("small", 0.5))
    }
    operation = client.run_operation(
        yt.VanillaSpecBuilder().spec({"tasks": tasks, "pool_trees": ["own"]}), sync=False
    )
    wait(lambda: running(operation) == 2)
    jobs = client.list_jobs(operation.id)["jobs"]
    assert sorted(job["task_name"] for job in jobs) == ["large", "small"]


def test_what_comes_free_goes_to_the_operation_that_has_less(client: YtClient, tmp_path: Path) -> None:
    until_told = f"while [ ! -e {tmp_path}/$YT_JOB_COOKIE ]; do sleep 0.05; done"
    first = start(client, until_told, 4)
    wait(lambda: running(first) == 2)
    second = start(client, "sleep 60", 2)
    wait(lambda: second.get_progress().get("pending") == 2)
    (tmp_path / "0").touch()
    wait(lambda: running(second) == 1)
    assert (running(first), first.get_progress()["pending"]) == (1, 2)


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize("limit", [{"cpu_limit": 3}, {"memory_limit": 2 << 30}, {"gpu_limit": 1}], ids=str)
def test_a_job_that_cannot_fit_into_its_tree_fails_the_operation(client: YtClient, limit: Any) -> None:
    operation = start(client, task=limit)
    wait(lambda: operation.get_state().is_finished())
    error = client.get_operation(operation.id)["result"]["error"]
    assert operation.get_state().name == "failed"
    assert (error["code"], error["message"]) == (4410, "No online node can satisfy the resource demand")
    assert error["attributes"]["task_name"] == "t"


@pytest.mark.checked_against("nothing")
def test_on_the_whole_machine_a_job_larger_than_it_runs_and_an_alert_says_so(client: YtClient) -> None:
    operation = start(client, "true", 2, task={"cpu_limit": 1000}, pool_trees=["default", "cpu"])
    operation.wait(print_progress=False)
    alert = operation.get_attributes()["alerts"]["job_takes_whole_machine"]
    assert "each takes all of its slots" in alert["message"]
    assert alert["attributes"] == {"t": {"cpu_limit": 1000.0, "memory_limit": 512 << 20}}


@pytest.mark.checked_against("server source")
def test_an_operation_over_max_running_operation_count_is_pending(client: YtClient) -> None:
    make_pool(client, "one", max_running_operation_count=1)
    first = start(client, pool="one")
    wait(lambda: running(first) == 1)
    second = start(client, "true", pool="one")
    wait(lambda: second.get_state().name == "pending")
    wait(lambda: "operation_pending" in second.get_attributes()["alerts"])
    pools = client.get(f"{OWN}/fair_share_info/pools")
    assert (pools["one"]["running_operation_count"], pools["one"]["operation_count"]) == (1, 2)
    first.abort()
    second.wait(print_progress=False)
    assert second.get_attributes()["alerts"] == {}


@pytest.mark.checked_against("client")
def test_an_operation_over_max_operation_count_is_refused_as_the_client_knows_it(client: YtClient) -> None:
    make_pool(client, "one", max_operation_count=1, max_running_operation_count=1)
    start(client, pool="one")
    yt.config.get_config(client)["start_operation_retries"]["enable"] = False
    with pytest.raises(
        YtConcurrentOperationsLimitExceeded, match="Limit for the number of concurrent"
    ) as caught:
        start(client, pool="one")
    assert caught.value.contains_code(202)


def test_limits_of_a_pool_change_while_its_operation_runs(client: YtClient) -> None:
    make_pool(client, "small", resource_limits={"user_slots": 1})
    operation = start(client, count=2, pool="small")
    wait(lambda: running(operation) == 1)
    assert operation.get_progress()["pending"] == 1
    client.set("//sys/pool_trees/own/small/@resource_limits/user_slots", 2)
    wait(lambda: running(operation) == 2)


@pytest.mark.checked_against("client")
def test_parameters_of_a_running_operation_are_updated(client: YtClient) -> None:
    make_pool(client, "narrow", resource_limits={"user_slots": 1})
    operation = start(client, count=2, pool="narrow", annotations={"a": 1})
    wait(lambda: running(operation) == 1)
    client.update_operation_parameters(operation.id, {"pool": "wide", "weight": 2.5, "annotations": {"b": 2}})
    wait(lambda: running(operation) == 2)
    change = {"scheduling_options_per_pool_tree": {"own": {"resource_limits": {"user_slots": 1}}}}
    client.update_operation_parameters(operation.id, change)
    assert client.get_operation(operation.id)["runtime_parameters"] == {
        "acl": [],
        "annotations": {"b": 2},
        "scheduling_options_per_pool_tree": {
            "own": {"pool": "wide", "weight": 2.5, "resource_limits": {"user_slots": 1}}
        },
    }
    assert [each["id"] for each in client.list_operations(pool="wide")["operations"]] == [operation.id]


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"scheduling_options_per_pool_tree": {"cpu": {"weight": 2.0}}},
            'Pool tree "cpu" was not configured',
        ),
        ({"weight": -1}, "Error validating parameter /weight"),
        ({"pool": "a/b"}, "must match regular expression"),
        (
            {"resource_limits": {"user_slots": 1}},
            'Parameter "resource_limits" of an operation cannot be updated',
        ),
        ({"scheduling_options_per_pool_tree": 1}, "Expected a map"),
    ],
)
def test_a_wrong_update_changes_nothing(client: YtClient, change: Any, said: str) -> None:
    operation = start(client)
    before = client.get_operation(operation.id)["runtime_parameters"]
    with pytest.raises(YtResponseError) as caught:
        client.update_operation_parameters(operation.id, change)
    assert said in str(caught.value)
    assert client.get_operation(operation.id)["runtime_parameters"] == before


def test_a_starving_pool_preempts_a_job_which_runs_again_with_its_cookie(
    client: YtClient, tmp_path: Path
) -> None:
    make_pool(client, "prod", strong_guarantee_resources={"cpu": 1})
    script = (
        f'echo "$YT_JOB_COOKIE $YT_JOB_ID" >> {tmp_path}/log; '
        f"while [ ! -e {tmp_path}/end ]; do sleep 0.05; done"
    )
    greedy = start(client, script, 2)
    wait(lambda: running(greedy) == 2)
    urgent = start(client, "true", pool="prod")
    urgent.wait(print_progress=False)
    (tmp_path / "end").touch()
    greedy.wait(print_progress=False)
    (aborted,) = [job for job in client.list_jobs(greedy.id)["jobs"] if job["state"] == "aborted"]
    assert (aborted["abort_reason"], aborted["error"]["message"]) == ("preemption", "Job preempted")
    progress = greedy.get_progress()
    assert (progress["completed"], progress["aborted"], progress["failed"]) == (2, 1, 0)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    again = [job_id for cookie, job_id in lines if int(cookie) == aborted["job_cookie"]]
    assert len(lines) == 3
    assert again[0] == aborted["id"] != again[1]


@pytest.mark.checked_against("server source")
def test_cpu_time_is_counted_and_idle_jobs_are_said(client: YtClient) -> None:
    client.set(
        "//sys/controller_agents/config",
        {
            "alert_manager": {
                "low_cpu_usage_alert_min_execution_time": 1,
                "low_cpu_usage_alert_min_average_job_time": 1,
            }
        },
    )
    idle = start(client, "sleep 1")
    idle.wait(print_progress=False)
    assert list(idle.get_attributes()["alerts"]) == ["low_cpu_usage"]
    spin = "python3 -c 'import time; [None for _ in iter(lambda: time.process_time() < 1, False)]'"
    busy = start(client, f"({spin}) | cat")
    busy.wait(print_progress=False)
    times = busy.get_job_statistics()["user_job"]["cpu"]
    used = sum(times[kind]["$"]["completed"]["vanilla"]["sum"] for kind in ("user", "system"))
    assert 1000 <= used < 60_000
    client.set("//sys/controller_agents/config", {})
