"""Jobs that are ended from outside: aborted, interrupted, abandoned, preempted, lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yt.wrapper import VanillaSpecBuilder, YtClient
from yt.wrapper.errors import YtOperationFailedError

from ytcurate.testing import YtCluster

from .conftest_helpers import xs
from .job_helpers import error_of, held_at, request, wait_for_jobs, wait_for_stderr, wait_until

pytestmark = pytest.mark.checked_against("server source")

Vanilla = Callable[..., Any]
ONE_ROW_AT_A_TIME = {"job_io": {"buffer_row_count": 1, "pipe_capacity": 4096}}
ROWS = 12


@pytest.fixture
def wide(client: YtClient, folder: str) -> str:
    """A table of rows that do not fit into a pipe: x = 0..11."""
    client.write_table(f"{folder}/wide", [{"x": x, "pad": "-" * 20_000} for x in range(ROWS)])
    return f"{folder}/wide"


@pytest.fixture
def cluster(proxy: str, tmp_path: Path) -> YtCluster:
    return YtCluster(proxy, tmp_path)


@pytest.fixture
def vanilla(client: YtClient) -> Vanilla:
    """Start one task of one job."""

    def start(command: str, task: dict[str, Any] | None = None, **spec: Any) -> Any:
        tasks = {"main": {"job_count": 1, "command": command, **(task or {})}}
        builder = VanillaSpecBuilder().spec({"tasks": tasks, **spec})
        return client.run_operation(builder, sync=False)

    return start


def counters(client: YtClient, operation: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get_operation(operation.id, attributes=["progress"])["progress"]["jobs"]
    return found


def held_map(client: YtClient, table: str, gate: Path, **spec: Any) -> Any:
    """A map that copies one row, waits at the gate and copies the others."""
    command = f'read line; echo "$line"; {held_at(gate)}; cat'
    options = {**ONE_ROW_AT_A_TIME, **spec}
    return client.run_map(command, table, f"{table}-out", format="json", sync=False, spec=options)


# ---- abort


def test_an_aborted_job_is_run_again_and_not_counted_as_failed(
    client: YtClient, folder: str, numbers: str
) -> None:
    command = 'echo "$YT_JOB_ID $YT_JOB_COOKIE" >&2; [ "$YT_JOB_INDEX" = 0 ] && sleep 600; cat'
    spec = {"max_failed_job_count": 1}
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False, spec=spec)
    first = wait_for_stderr(client, operation)
    client.abort_job(first["id"])
    operation.wait(print_progress=False)
    aborted, completed = client.list_jobs(operation.id)["jobs"]
    assert aborted["error"]["message"] == "Job aborted by user request"
    assert aborted["error"]["attributes"] == {"abort_reason": "user_request", "user": "tester"}
    assert (aborted["state"], aborted["abort_reason"]) == ("aborted", "user_request")
    stderr = client.get_job_stderr(operation.id, completed["id"]).read().decode()
    assert stderr.split() == [completed["id"], "0"]
    assert completed["id"] != aborted["id"]
    assert counters(client, operation)["aborted"]["scheduled"]["user_request"] == 1
    assert counters(client, operation)["failed"] == 0
    assert xs(client, f"{folder}/out") == list(range(100))


def test_an_aborted_job_fails_an_operation_whose_jobs_must_not_restart(vanilla: Vanilla) -> None:
    operation = vanilla("sleep 600", fail_on_job_restart=True)
    (job,) = wait_for_jobs(operation.client, operation, "running")
    operation.client.abort_job(job["id"])
    with pytest.raises(YtOperationFailedError) as caught:
        operation.wait(print_progress=False)
    error = caught.value.inner_errors[0]
    assert error["code"] == 210
    assert error["message"] == 'Job aborted; failing operation since "fail_on_job_restart" spec option is set'
    found = {name: error["attributes"][name] for name in ("job_id", "reason", "job_abort_reason")}
    assert found == {"job_id": job["id"], "reason": "job_aborted", "job_abort_reason": "user_request"}


def test_an_abandoned_job_counts_as_completed_and_its_rows_are_gone(
    client: YtClient, folder: str, numbers: str
) -> None:
    command = 'cat; [ "$YT_JOB_COOKIE" = 0 ] && sleep 600; true'
    operation = client.run_map(
        command, numbers, f"{folder}/out", format="json", job_count=2, ordered=True, sync=False
    )
    wait_for_jobs(client, operation, "completed")
    (job,) = wait_for_jobs(client, operation, "running")
    request(client, "abandon_job", job_id=job["id"])
    operation.wait(print_progress=False)
    assert xs(client, f"{folder}/out") == list(range(50, 100))
    assert operation.get_progress()["completed"] == 2


# ---- interruption


@pytest.mark.parametrize("ordered", [False, True])
def test_an_interrupted_job_ends_well_and_another_reads_the_rest(
    client: YtClient, wide: str, tmp_path: Path, ordered: bool
) -> None:
    operation = held_map(client, wide, tmp_path / "gate", ordered=ordered)
    interrupted = wait_for_stderr(client, operation)
    client.abort_job(interrupted["id"], interrupt_timeout=600_000)
    (tmp_path / "gate").touch()
    operation.wait(print_progress=False)
    first, second = sorted(client.list_jobs(operation.id)["jobs"], key=lambda job: job["job_cookie"])
    assert (first["id"], first["state"], second["state"]) == (interrupted["id"], "completed", "completed")
    assert first["interruption_info"]["interruption_reason"] == "user_request"
    assert first["interruption_info"]["interruption_timeout"] == 600_000
    read = [job["brief_statistics"]["processed_input_row_count"] for job in (first, second)]
    assert 0 < read[0] < ROWS
    assert sum(read) == ROWS
    assert sorted(xs(client, f"{wide}-out")) == list(range(ROWS))
    if ordered:
        assert xs(client, f"{wide}-out") == list(range(ROWS))
    assert counters(client, operation)["completed"]["interrupted"]["user_request"] == 1


def test_a_job_interrupted_after_its_last_row_does_not_count_as_interrupted(
    client: YtClient, folder: str, numbers: str, tmp_path: Path
) -> None:
    command = f"{held_at(tmp_path / 'gate')}; cat"
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    job = wait_for_stderr(client, operation)
    wait_until(lambda: client.get_job(operation.id, job["id"])["progress"] == 1.0)
    client.abort_job(job["id"], interrupt_timeout=600_000)
    (tmp_path / "gate").touch()
    operation.wait(print_progress=False)
    (shown,) = client.list_jobs(operation.id)["jobs"]
    assert shown["interruption_info"]["interruption_reason"] == "user_request"
    assert counters(client, operation)["completed"]["non-interrupted"] == 1
    assert xs(client, f"{folder}/out") == list(range(100))


def test_the_rest_of_an_interrupted_job_keeps_its_place_in_the_output(
    client: YtClient, wide: str, tmp_path: Path
) -> None:
    weight = {"data_weight_per_job": 20_100 * ROWS // 2, "force_allow_job_interruption": True}
    operation = held_map(client, wide, tmp_path / "gate", ordered=True, job_count=2, **weight)
    first = min(wait_for_jobs(client, operation, "running", 2), key=lambda job: job["job_cookie"])
    wait_until(lambda: client.get_job(operation.id, first["id"]).get("stderr_size"))
    client.abort_job(first["id"], interrupt_timeout=600_000)
    (tmp_path / "gate").touch()
    operation.wait(print_progress=False)
    assert len(client.list_jobs(operation.id)["jobs"]) == 3
    assert xs(client, f"{wide}-out") == list(range(ROWS))


def test_a_job_that_does_not_end_in_time_is_aborted(client: YtClient, folder: str, numbers: str) -> None:
    command = 'echo here >&2; [ "$YT_JOB_INDEX" = 0 ] && sleep 600; cat'
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    client.abort_job(wait_for_stderr(client, operation)["id"], interrupt_timeout=1)
    operation.wait(print_progress=False)
    (aborted,) = client.list_jobs(operation.id, job_state="aborted")["jobs"]
    assert (aborted["error"]["code"], aborted["error"]["message"]) == (1210, "Interruption is timed out")
    assert aborted["abort_reason"] == "interruption_timeout"
    assert aborted["interruption_info"]["interruption_timeout"] == 1
    assert xs(client, f"{folder}/out") == list(range(100))


def test_with_a_fixed_number_of_jobs_none_can_be_interrupted(
    client: YtClient, folder: str, numbers: str
) -> None:
    operation = client.run_map("sleep 600", numbers, f"{folder}/out", format="json", job_count=1, sync=False)
    (job,) = wait_for_jobs(client, operation, "running")
    code, text = error_of(lambda: client.abort_job(job["id"], interrupt_timeout=1000))
    operation.abort()
    assert (code, text) == (1, f"Error interrupting job {job['id']} of operation {operation.id}")


# ---- vanilla


def test_a_vanilla_job_is_sent_the_signal_it_asks_for_and_restarts(
    client: YtClient, vanilla: Vanilla
) -> None:
    command = "trap 'echo bye >&2; exit 17' USR1; echo here >&2; while true; do sleep 0.05; done"
    task = {"interruption_signal": "SIGUSR1", "restart_exit_code": 17, "signal_root_process_only": True}
    operation = vanilla(command, task, max_failed_job_count=1)
    job = wait_for_stderr(client, operation)
    client.abort_job(job["id"], interrupt_timeout=600_000)
    wait_until(lambda: operation.get_progress().get("lost"))
    shown = client.get_job(operation.id, job["id"])
    assert (shown["state"], shown["interruption_info"]["interruption_reason"]) == (
        "completed",
        "user_request",
    )
    assert client.get_job_stderr(operation.id, job["id"]).read() == b"here\nbye\n"
    (again,) = wait_for_jobs(client, operation, "running")
    assert again["job_cookie"] == job["job_cookie"]
    operation.abort()


def test_the_signal_reaches_all_processes_of_a_job(client: YtClient, vanilla: Vanilla) -> None:
    child = "trap 'echo child >&2; exit 0' TERM; echo here >&2; while true; do sleep 0.05; done"
    operation = vanilla(f'trap : TERM; bash -c "{child}" & wait; wait', {"interruption_signal": "SIGTERM"})
    job = wait_for_stderr(client, operation)
    client.abort_job(job["id"], interrupt_timeout=600_000)
    wait_for_jobs(client, operation, "completed")
    operation.complete()
    operation.wait(print_progress=False)
    assert client.get_job_stderr(operation.id, job["id"]).read().endswith(b"child\n")


def test_a_vanilla_job_without_a_signal_cannot_be_interrupted(client: YtClient, vanilla: Vanilla) -> None:
    operation = vanilla("sleep 600")
    (job,) = wait_for_jobs(client, operation, "running")
    code, text = error_of(lambda: client.abort_job(job["id"], interrupt_timeout=1000))
    operation.abort()
    assert (code, text) == (1, f"Error interrupting job {job['id']} of operation {operation.id}")


def test_an_exit_code_asks_for_a_restart_and_is_no_failure(client: YtClient, vanilla: Vanilla) -> None:
    command = '[ "$YT_JOB_INDEX" -lt 2 ] && exit 17; exit 0'
    operation = vanilla(command, {"restart_exit_code": 17}, max_failed_job_count=1)
    operation.wait(print_progress=False)
    progress = operation.get_progress()
    assert (progress["completed"], progress["lost"], progress["failed"]) == (1, 2, 0)


def test_completed_jobs_are_restarted_until_somebody_completes_the_operation(vanilla: Vanilla) -> None:
    operation = vanilla('[ "$YT_JOB_COOKIE" = 0 ]', {"restart_completed_jobs": True}, max_failed_job_count=1)
    wait_until(lambda: operation.get_progress().get("lost", 0) >= 3)
    operation.complete()
    operation.wait(print_progress=False)


@pytest.mark.checked_against("nothing")
def test_a_signal_nobody_knows_is_refused(vanilla: Vanilla) -> None:
    assert error_of(lambda: vanilla("true", {"interruption_signal": "SIGNOTHING"})) == (
        1,
        'Unknown signal name "SIGNOTHING" in "interruption_signal"',
    )


# ---- preempted, lost


def test_a_preempted_job_is_run_again(
    client: YtClient, cluster: YtCluster, folder: str, numbers: str
) -> None:
    command = 'echo here >&2; [ "$YT_JOB_INDEX" = 0 ] && sleep 600; cat'
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    cluster.preempt_job(operation.id, wait_for_stderr(client, operation)["id"])
    operation.wait(print_progress=False)
    (aborted,) = client.list_jobs(operation.id, job_state="aborted")["jobs"]
    assert (aborted["abort_reason"], aborted["error"]["message"]) == ("preemption", "Job preempted")
    assert aborted["error"]["inner_errors"][0]["code"] == 1209
    assert aborted["interruption_info"]["interruption_reason"] == "preemption"
    assert counters(client, operation)["aborted"]["scheduled"]["preemption"] == 1
    assert xs(client, f"{folder}/out") == list(range(100))


def test_preemption_with_grace_interrupts(
    client: YtClient, cluster: YtCluster, wide: str, tmp_path: Path
) -> None:
    operation = held_map(client, wide, tmp_path / "gate")
    job_id = wait_for_stderr(client, operation)["id"]
    cluster.preempt_job(operation.id, job_id, timeout_ms=600_000)
    (tmp_path / "gate").touch()
    operation.wait(print_progress=False)
    shown = client.get_job(operation.id, job_id)
    assert (shown["state"], shown["interruption_info"]["interruption_reason"]) == ("completed", "preemption")
    assert sorted(xs(client, f"{wide}-out")) == list(range(ROWS))


def test_a_job_lost_with_its_node_is_run_again(
    client: YtClient, cluster: YtCluster, folder: str, numbers: str
) -> None:
    command = 'echo here >&2; [ "$YT_JOB_INDEX" = 0 ] && sleep 600; cat'
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", sync=False)
    cluster.lose_job(operation.id, wait_for_stderr(client, operation)["id"])
    operation.wait(print_progress=False)
    (aborted,) = client.list_jobs(operation.id, job_state="aborted")["jobs"]
    assert (aborted["abort_reason"], aborted["error"]["message"]) == ("node_offline", "Node offline")
    assert xs(client, f"{folder}/out") == list(range(100))


def test_a_completed_job_whose_output_is_lost_is_run_again(
    client: YtClient, cluster: YtCluster, folder: str, numbers: str, tmp_path: Path
) -> None:
    command = f'[ "$YT_JOB_COOKIE" = 0 ] || {{ {held_at(tmp_path / "gate")}; }}; cat'
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", job_count=2, sync=False)
    (done,) = wait_for_jobs(client, operation, "completed")
    cluster.lose_job(operation.id, done["id"])
    wait_for_jobs(client, operation, "completed", 2)
    (tmp_path / "gate").touch()
    operation.wait(print_progress=False)
    jobs = client.list_jobs(operation.id)["jobs"]
    assert sorted(job["job_cookie"] for job in jobs) == [0, 0, 1]
    progress = operation.get_progress()
    assert (progress["completed"], progress["lost"], progress["total"]) == (2, 1, 2)
    assert sorted(xs(client, f"{folder}/out")) == list(range(100))


@pytest.mark.checked_against("nothing")
def test_what_cannot_be_preempted_or_lost_is_named(
    client: YtClient, cluster: YtCluster, folder: str, numbers: str
) -> None:
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json")
    job_id = client.list_jobs(operation.id)["jobs"][0]["id"]
    with pytest.raises(RuntimeError, match=f"preempt job {job_id}: No such operation {operation.id}"):
        cluster.preempt_job(operation.id, job_id)
    with pytest.raises(RuntimeError, match="lose job 1-2-3-4: No such operation 5-6-7-8"):
        cluster.lose_job("5-6-7-8", "1-2-3-4")
    running = client.run_map("sleep 600", numbers, f"{folder}/out", format="json", sync=False)
    wait_for_jobs(client, running, "running")
    with pytest.raises(RuntimeError, match=f"No such job 1-2-3-4 in operation {running.id}"):
        cluster.lose_job(running.id, "1-2-3-4")
    running.abort()
