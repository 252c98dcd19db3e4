"""What was asked of an operation before a restart holds after it; what the restart breaks is said."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest
import requests
from yt.wrapper import VanillaSpecBuilder
from yt.wrapper.operation_commands import Operation

from tests.localcluster.commands.conftest_helpers import xs
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import Store

from .conftest import Cluster, Gate, wait_for

pytestmark = pytest.mark.checked_against("server source")

OPTION = "fail_on_job_restart"


def start(cluster: Cluster, gate: Gate, **more: Any) -> Operation:
    """A map of two jobs, the first of which has completed and the second of which waits."""
    command = f"{gate.note}; cat; [ $YT_JOB_COOKIE = 0 ] || {{ {gate.wait}; }}"
    operation = cluster.client.run_map(
        command, "//tmp/t", "//tmp/out", format="json", job_count=2, sync=False, **more
    )
    wait_for(lambda: len(gate.runs) == 2 and len(cluster.jobs(operation, "completed")) == 1)
    return operation


def failed_with(cluster: Cluster, operation: Operation) -> dict[str, Any]:
    found = cluster.wait_until_over(operation)
    assert found["state"] == "failed"
    error: dict[str, Any] = found["result"]["error"]
    return error


def change_record(cluster: Cluster, operation: Operation, **fields: Any) -> None:
    """What a server left that was killed at another moment."""
    cluster.server.kill()
    state = State(Store(cluster.server.data_dir / "state.sqlite"))
    with state.session():
        record = state.store.read("operations", operation.id)
        state.put("operations", operation.id, {**record, **fields})
    state.store.close()


def test_a_suspended_operation_stays_suspended(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    operation.suspend()
    gate.open()
    cluster.restart()
    wait_for(lambda: cluster.get(operation, "state") == "running")
    assert cluster.get(operation, "suspended")
    assert cluster.get(operation, "brief_progress")["jobs"]["pending"] == 1
    assert len(gate.runs) == 2
    cluster.client.resume_operation(operation.id)
    assert cluster.wait_until_over(operation)["state"] == "completed"


def test_failed_jobs_of_before_count(cluster: Cluster, gate: Gate) -> None:
    command = f"{gate.note}; [ $(wc -l < {gate.runs_file}) = 1 ] || {{ {gate.wait}; }}; echo why >&2; exit 3"
    spec = {"max_failed_job_count": 2}
    operation = cluster.client.run_map(command, "//tmp/t", "//tmp/out", format="json", sync=False, spec=spec)
    wait_for(lambda: len(gate.runs) == 2)
    cluster.restart()
    gate.open()
    error = failed_with(cluster, operation)
    assert (error["code"], error["message"]) == (215, "Failed jobs limit exceeded")
    assert len(gate.runs) == 3
    counts = cluster.get(operation, "brief_progress")["jobs"]
    assert (counts["failed"], counts["aborted"]) == (2, 1)
    for job in cluster.jobs(operation, "failed"):
        assert cluster.client.get_job_stderr(operation.id, job["id"]).read() == b"why\n"


def test_a_map_whose_jobs_may_not_run_twice_fails(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate, spec={OPTION: True})
    cluster.restart()
    error = failed_with(cluster, operation)
    assert error["message"] == "Operation has failed to revive"
    (inner,) = error["inner_errors"]
    assert (inner["code"], inner["message"]) == (
        210, f'Cannot revive operation when "{OPTION}" spec option is set',
    )  # fmt: skip
    assert xs(cluster.client, "//tmp/out") == []


@pytest.mark.parametrize("slots", [1, 2])
def test_a_vanilla_operation_whose_jobs_may_not_run_twice_fails(
    cluster: Cluster, gate: Gate, slots: int
) -> None:
    spec = VanillaSpecBuilder().spec({OPTION: True, "resource_limits": {"user_slots": slots}})
    spec.begin_task("w").command(f"{gate.note}; {gate.wait}").job_count(2).end_task()
    operation = cluster.client.run_operation(spec, sync=False)
    wait_for(lambda: len(gate.runs) == slots)
    cluster.restart()
    error = failed_with(cluster, operation)
    if slots == 2:
        assert error["code"] == 210
        assert error["message"] == f'Job aborted; failing operation since "{OPTION}" spec option is set'
        assert error["attributes"]["abort_reason"] == "revival_confirmation_timeout"
    else:
        (inner,) = error["inner_errors"]
        assert inner["code"] == 210
        assert "not all jobs have already been started" in inner["message"]
        counts = [inner["attributes"][f"{name}_job_count"] for name in ("expected", "started")]
        assert counts == [2, 1]


def test_an_operation_in_a_transaction_goes_on_in_it(cluster: Cluster, gate: Gate) -> None:
    client = cluster.client
    transaction = client.start_transaction(timeout=60_000)
    with client.Transaction(transaction_id=transaction, ping=False):
        command = f"{gate.note}; cat; {gate.wait}"
        operation = client.run_map(command, "//tmp/t", "//tmp/out", format="json", sync=False)
    wait_for(lambda: gate.runs)
    client = cluster.restart()
    client.ping_transaction(transaction)
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert not client.exists("//tmp/out")
    client.commit_transaction(transaction)
    assert xs(client, "//tmp/out") == list(range(10))


def test_an_operation_whose_transaction_was_aborted_is_aborted(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    change_record(cluster, operation, transaction_id="1-2-10001-3")
    cluster.restart()
    found = cluster.wait_until_over(operation)
    assert found["state"] == "aborted"
    error = found["result"]["error"]
    assert error["code"] == 11000
    assert error["message"] == "User transaction 1-2-10001-3 has expired or was aborted"
    assert cluster.client.get("//tmp/out/@locks") == []


def test_an_operation_without_its_own_transactions_begins_anew(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    change_record(cluster, operation, transactions=["1-2-10001-3", "1-2-10001-4"])
    gate.open()
    cluster.restart()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert sorted(xs(cluster.client, "//tmp/out")) == list(range(10))
    assert sorted(gate.runs) == [0, 0, 1, 1]


def test_an_operation_found_aborting_is_aborted(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    change_record(cluster, operation, state="aborting")
    cluster.restart()
    found = cluster.wait_until_over(operation)
    assert found["state"] == "aborted"
    expected = 'Operation aborted since it was found in "aborting" state during scheduler revival'
    assert found["result"]["error"]["message"] == expected
    assert xs(cluster.client, "//tmp/out") == []


@pytest.mark.checked_against("nothing")
def test_an_abort_that_was_answered_is_not_forgotten(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    operation.abort(reason="enough")
    cluster.restart()
    found = cluster.wait_until_over(operation)
    assert found["state"] == "aborted"
    assert found["result"]["error"]["inner_errors"][0]["message"] == "enough"


@pytest.mark.checked_against("nothing")
def test_an_operation_asked_to_complete_completes_with_what_it_has(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate)
    change_record(cluster, operation, complete_asked=True)
    cluster.restart()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert len(xs(cluster.client, "//tmp/out")) == 5
    assert len(gate.runs) == 2


def test_time_without_the_server_counts_towards_the_time_limit(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate, spec={"time_limit": 3_600_000})
    change_record(cluster, operation, start_time="2026-01-01T00:00:00.000000Z")
    cluster.restart()
    error = failed_with(cluster, operation)
    assert error["message"] == "Operation is running for too long, aborted"
    assert len(gate.runs) == 2


@pytest.mark.checked_against("documentation")
def test_the_secure_vault_is_kept_for_jobs_and_for_nobody_else(cluster: Cluster, gate: Gate) -> None:
    command = f"{gate.note}; cat > /dev/null; {gate.wait}; echo $YT_SECURE_VAULT_word > {gate.file}"
    spec = {"secure_vault": {"word": "sesame"}}
    operation = cluster.client.run_map(command, "//tmp/t", "//tmp/out", format="json", sync=False, spec=spec)
    wait_for(lambda: gate.runs)
    (file,) = (cluster.server.data_dir / "secure_vaults").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    cluster.restart()
    gate.open()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert gate.file.read_text() == "sesame\n"
    assert "sesame" not in str(cluster.client.get_operation(operation.id))
    wait_for(lambda: not file.exists())
    for path in cluster.server.data_dir.glob("*.*"):
        assert b"sesame" not in path.read_bytes()


@pytest.mark.checked_against("nothing")
def test_an_operation_that_the_new_settings_refuse_fails(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate, spec={"pool_trees": ["cpu"]})
    cluster.restart("stop", "--pool-trees", "default")
    error = failed_with(cluster, operation)
    assert error["message"] == "Operation has failed to revive"
    assert error["inner_errors"][0]["message"] == 'Pool tree "cpu" not found'
    assert cluster.jobs(operation, "running") == []
    assert cluster.client.get("//tmp/out/@locks") == []


@pytest.mark.checked_against("nothing")
def test_an_output_that_is_lost_is_made_again(cluster: Cluster, gate: Gate) -> None:
    before = {path.name for path in (cluster.server.data_dir / "chunks").glob("*/*")}
    operation = start(cluster, gate)
    cluster.server.kill()
    made = [path for path in (cluster.server.data_dir / "chunks").glob("*/*") if path.name not in before]
    for path in made:
        path.unlink()
    gate.open()
    cluster.restart()
    assert cluster.wait_until_over(operation)["state"] == "completed"
    assert sorted(xs(cluster.client, "//tmp/out")) == list(range(10))
    counts = cluster.get(operation, "brief_progress")["jobs"]
    assert (counts["completed"], counts["lost"], counts["aborted"]) == (2, 1, 1)


@pytest.mark.checked_against("server source")
def test_a_start_that_is_sent_again_after_a_restart_starts_nothing(cluster: Cluster, gate: Gate) -> None:
    cluster.client.create("table", "//tmp/out")
    parameters = {
        "operation_type": "map",
        "spec": {
            "input_table_paths": ["//tmp/t"],
            "output_table_paths": ["<append=%true>//tmp/out"],
            "mapper": {"command": f"{gate.note}; cat; {gate.wait}", "format": "json"},
        },
        "mutation_id": "11-22-33-44",
        "output_format": "json",
    }

    def send(**more: Any) -> str:
        answer = requests.post(
            f"{cluster.server.proxy}/api/v4/start_operation", data=json.dumps({**parameters, **more}),
            headers={"Content-Type": "application/json"}, timeout=20,
        )  # fmt: skip
        return str(answer.json()["operation_id"])

    first = send()
    wait_for(lambda: gate.runs)
    cluster.restart()
    gate.open()
    assert send(retry=True) == first
    assert cluster.wait_until_over(Operation(first, client=cluster.client))["state"] == "completed"
    assert send(retry=True) == first
    assert xs(cluster.client, "//tmp/out") == list(range(10))
