"""Operations with real jobs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, VanillaSpecBuilder, YtClient
from yt.wrapper.errors import YtOperationFailedError, YtResponseError

MIB = 1024 * 1024
GIB = 1024 * MIB


@yt.aggregator
def count_and_keep(rows: Any) -> Iterator[dict[str, Any]]:
    n = 0
    for row in rows:
        n += 1
        yield {"x": row["x"], "doubled": row["x"] * 2}
    yt.write_statistics({"rows_seen": n})


class Times:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"x": row["x"] * self.factor}


def split_by_parity(row: dict[str, Any]) -> Iterator[Any]:
    yield yt.create_table_switch(row["x"] % 2)
    yield row


def explode(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    raise ValueError(f"cannot describe row {row['x']}")
    yield row


def kill_myself(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    yield row


def eat_memory(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    import time

    kept = b"x" * (400 * MIB)
    time.sleep(30)
    yield {"x": len(kept)}


@yt.aggregator
def listen_in_tmpdir(rows: Any) -> Iterator[dict[str, Any]]:
    import socket
    import tempfile
    import uuid

    # vLLM names its sockets like this; the system takes 107 bytes.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tempfile.gettempdir()}/{uuid.uuid4()}")
    list(rows)
    yield {"ok": True}


@pytest.fixture
def numbers(client: YtClient, folder: str) -> str:
    """A table of x = 0..99."""
    client.write_table(f"{folder}/numbers", [{"x": i} for i in range(100)])
    return f"{folder}/numbers"


def xs(client: YtClient, path: str) -> list[int]:
    return [row["x"] for row in client.read_table(path)]


def test_the_notebook_flow(client: YtClient, folder: str) -> None:
    home = f"{folder}/{client.get_user_name()}"
    assert not client.exists(home)
    schema = [{"name": "x", "type": "int64"}]
    client.create("table", f"{home}/source", recursive=True, attributes={"schema": schema})
    client.write_table(f"{home}/source", ({"x": i} for i in range(100)))
    operation = client.run_map(count_and_keep, f"{home}/source", f"{home}/result", job_count=3)
    rows = list(client.read_table(f"{home}/result"))
    assert sorted(row["x"] for row in rows) == list(range(100))
    assert all(row["doubled"] == 2 * row["x"] for row in rows)
    seen = operation.get_job_statistics()["custom"]["rows_seen"]["$"]["completed"]["map"]
    assert (seen["sum"], seen["count"]) == (100, 3)
    assert operation.get_progress()["completed"] == 3


def test_a_class_instance_is_a_mapper(client: YtClient, folder: str, numbers: str) -> None:
    client.run_map(Times(3), numbers, f"{folder}/out")
    assert xs(client, f"{folder}/out") == [3 * i for i in range(100)]


def test_a_string_command_with_many_inputs_in_order(client: YtClient, folder: str, numbers: str) -> None:
    client.write_table(f"{folder}/more", [{"x": i} for i in range(100, 110)])
    client.run_map(
        "grep -v table_index",
        [numbers, f"{folder}/more"],
        f"{folder}/out",
        format="json",
        ordered=True,
        job_count=7,
    )
    assert xs(client, f"{folder}/out") == list(range(110))


def test_the_table_index_is_announced_for_many_inputs(client: YtClient, folder: str, numbers: str) -> None:
    client.write_table(f"{folder}/more", [{"x": 7}])
    script = """grep -c table_index | sed 's/.*/{"n":&}/'"""
    client.run_map(script, [numbers, f"{folder}/more"], f"{folder}/out", format="json", job_count=1)
    assert list(client.read_table(f"{folder}/out")) == [{"n": 2}]


def test_two_outputs(client: YtClient, folder: str, numbers: str) -> None:
    client.run_map(split_by_parity, numbers, [f"{folder}/even", f"{folder}/odd"])
    assert xs(client, f"{folder}/even") == list(range(0, 100, 2))
    assert xs(client, f"{folder}/odd") == list(range(1, 100, 2))


def test_columns_and_ranges_of_the_input(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i, "blob": "b" * 1000} for i in range(10)])
    client.run_map(
        "cat",
        TablePath(f"{folder}/t", columns=["x"], start_index=2, end_index=4),
        f"{folder}/out",
        format="json",
    )
    assert list(client.read_table(f"{folder}/out")) == [{"x": 2}, {"x": 3}]


def test_a_failing_mapper_shows_its_traceback(client: YtClient, folder: str, numbers: str) -> None:
    client.write_table(f"{folder}/out", [{"old": 1}])
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map(explode, numbers, f"{folder}/out", spec={"max_failed_job_count": 1})
    error = caught.value
    assert "cannot describe row 0" in error.attributes["stderrs"][0]["stderr"]
    assert error.contains_code(215)
    assert error.contains_code(1205)
    assert error.contains_code(10000)
    assert list(client.read_table(f"{folder}/out")) == [{"old": 1}]


def test_a_failing_job_is_run_again_up_to_the_limit(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(YtOperationFailedError):
        client.run_map("exit 3", numbers, f"{folder}/out", format="json", spec={"max_failed_job_count": 3})
    operation = client.list_operations(limit=1)["operations"][0]
    failed = client.list_jobs(operation["id"], job_state="failed")["jobs"]
    assert len(failed) == 3
    assert failed[0]["error"]["inner_errors"][0]["attributes"]["exit_code"] == 3
    assert len({job["id"] for job in failed}) == 3
    assert {job["job_cookie"] for job in failed} == {0}


def test_a_killed_job_names_the_signal(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map(kill_myself, numbers, f"{folder}/out", spec={"max_failed_job_count": 1})
    assert caught.value.contains_code(10001)


def test_a_row_over_the_limit_of_job_io_fails_the_operation_at_once(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"v": "x" * (9 * MIB)}], table_writer={"max_row_weight": 16 * MIB})
    limit = {"job_io": {"table_writer": {"max_row_weight": 8 * MIB}}}
    with pytest.raises(YtOperationFailedError, match="Job failed with fatal error") as caught:
        client.run_map("cat", f"{folder}/t", f"{folder}/out", format="json", spec=limit)
    assert caught.value.contains_code(308)


def test_job_output_is_checked_against_the_schema(client: YtClient, folder: str, numbers: str) -> None:
    client.create("table", f"{folder}/out", attributes={"schema": [{"name": "x", "type": "string"}]})
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec={"max_failed_job_count": 1})
    assert caught.value.contains_code(307)


def test_memory_is_a_limit_on_use_not_a_reservation(client: YtClient, folder: str, numbers: str) -> None:
    client.run_map(
        "cat", numbers, f"{folder}/out", format="json", spec={"mapper": {"memory_limit": 120 * GIB}}
    )
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map(
            eat_memory,
            numbers,
            f"{folder}/out",
            job_count=1,
            memory_limit=256 * MIB,
            spec={"max_failed_job_count": 1},
        )
    assert caught.value.contains_code(1200)


def test_a_job_over_its_time_limit_fails(client: YtClient, folder: str, numbers: str) -> None:
    begun = time.monotonic()
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("sleep 60", numbers, f"{folder}/out", format="json",
                       spec={"max_failed_job_count": 1, "mapper": {"job_time_limit": 1000}})  # fmt: skip
    assert caught.value.contains_code(1202)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"pool_trees": ["gpu_b200"]}, '"gpu_b200"'),
        ({"pool_trees": []}, "PoolTreesAreUnspecified"),
        (
            {"mapper": {"memory_limit": 10, "tmpfs_volumes": [{"path": "t", "size": 11}]}},
            "Total size of tmpfs",
        ),
        ({"mapper": {"tmpfs_path": "t", "tmpfs_volumes": [{"path": "u", "size": 1}]}}, "simultaneously"),
    ],
)
def test_a_wrong_spec_is_refused_at_start(
    client: YtClient, folder: str, numbers: str, spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(YtResponseError, match=message):
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)


def test_an_unknown_option_is_reported_not_refused(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"job_cuont": 4, "mapper": {"gpu_limti": 1}}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    unknown = operation.get_attributes(fields=["unrecognized_spec"])["unrecognized_spec"]
    assert unknown["job_cuont"] == 4
    assert unknown["mapper"]["gpu_limti"] == 1
    assert "memory_limit" not in unknown["mapper"]


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


def test_an_operation_sees_the_input_as_it_was_at_start(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("sleep 2; cat", numbers, f"{folder}/out", format="json", sync=False)
    while not operation.get_state().is_running():
        time.sleep(0.05)
    client.remove(numbers)
    operation.wait(print_progress=False)
    assert xs(client, f"{folder}/out") == list(range(100))


def test_an_operation_ends_with_its_transaction(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(RuntimeError), client.Transaction():  # noqa: PT012
        operation = client.run_map("sleep 60", numbers, f"{folder}/out", format="json", sync=False)
        raise RuntimeError
    deadline = time.monotonic() + 10
    while not operation.get_state().is_finished() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert operation.get_state().name == "aborted"


def test_a_job_finds_its_files_environment_and_descriptors(
    client: YtClient, folder: str, tmp_path: Any, numbers: str
) -> None:
    script = tmp_path / "job.sh"
    script.write_text(
        "cat >/dev/null; test -d big || exit 7; test -x tools/job.sh || exit 8\n"
        'printf \'{"home":"%s","var":"%s","vault":"%s","cuda":"%s","python":"%s"}\\n\' '
        '"$([ "$HOME" = "$PWD" ] && echo sandbox)" "$VAR" "$YT_SECURE_VAULT_TOKEN" '
        '"$CUDA_VISIBLE_DEVICES" "$(which python3)"\n'
    )
    script.chmod(0o755)
    operation = client.run_map(
        "./tools/job.sh", numbers, f"{folder}/out", format="json", job_count=1,
        local_files=[f'<file_name="tools/job.sh">{script}'],
        spec={"secure_vault": {"TOKEN": "secret"},
              "mapper": {"environment": {"VAR": "value"}, "tmpfs_path": "big", "tmpfs_size": MIB}},
    )  # fmt: skip
    (row,) = client.read_table(f"{folder}/out")
    assert (row["home"], row["var"], row["vault"], row["cuda"]) == ("sandbox", "value", "secret", "")
    assert row["python"].startswith(sys.prefix)
    assert "secret" not in str(client.get_operation(operation.id))


def test_sockets_fit_into_the_temporary_directory_of_a_job(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.run_map(listen_in_tmpdir, numbers, f"{folder}/out", job_count=1)
    assert list(client.read_table(f"{folder}/out")) == [{"ok": True}]


def test_a_gpu_job_runs_on_one_simulated_device(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"pool_trees": ["gpu_h100"], "mapper": {"gpu_limit": 1, "cpu_limit": 4}}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert xs(client, f"{folder}/out") == list(range(100))
    assert client.list_jobs(operation.id)["jobs"][0]["pool_tree"] == "gpu_h100"


def test_vanilla_tasks_run_their_jobs_and_write_their_tables(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/out")
    builder = (
        VanillaSpecBuilder()
        .begin_task("w")
        .command('echo "{\\"cookie\\":$YT_JOB_COOKIE}"')
        .job_count(2)
        .format("json")
        .output_table_paths([f"{folder}/out"])
        .end_task()
    )
    client.run_operation(builder)
    assert sorted(row["cookie"] for row in client.read_table(f"{folder}/out")) == [0, 1]


def test_merge_copies_rows_into_the_output(client: YtClient, folder: str, numbers: str) -> None:
    client.write_table(f"{folder}/more", [{"x": 100}])
    client.run_merge([numbers, f"{folder}/more"], f"{folder}/out", mode="ordered")
    assert xs(client, f"{folder}/out") == list(range(101))


def test_other_operation_types_are_named(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(YtResponseError, match='"sort" is not implemented'):
        client.run_sort(numbers, f"{folder}/out", sort_by=["x"])


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


def test_an_operation_cut_off_by_a_kill_is_failed_after_a_restart(start_server: Callable[..., Any]) -> None:
    server = start_server()
    client = server.client()
    client.write_table("//tmp/t", [{"x": 1}])
    client.write_table("//tmp/out", [{"old": 1}])
    operation = client.run_map("cat; sleep 543", "//tmp/t", "//tmp/out", format="json", sync=False)
    while not operation.get_state().is_running():
        time.sleep(0.05)
    server.kill()
    again = start_server(data_dir=server.data_dir).client()
    assert [
        each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "543"]
    ] == []
    found = again.get_operation(operation.id, attributes=["state", "result"])
    assert found["state"] == "failed"
    assert "interrupted" in found["result"]["error"]["message"]
    assert list(again.read_table("//tmp/out")) == [{"old": 1}]


def test_a_job_too_large_for_row_splitting_still_has_one_row_each(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i} for i in range(3)])
    operation = client.run_map("cat", f"{folder}/t", f"{folder}/out", format="json", job_count=10)
    assert operation.get_progress()["total"] == 3


def test_data_weight_per_job_cuts_by_weight(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i, "v": "x" * 1000} for i in range(40)])
    operation = client.run_map(
        "cat", f"{folder}/t", f"{folder}/out", format="json", spec={"data_weight_per_job": 10_100}
    )
    assert operation.get_progress()["total"] == 4


def test_a_missing_job_file_is_known_before_any_job(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"mapper": {"file_paths": [f"{folder}/no-such-file"]}}
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert caught.value.contains_code(500)
    operation = client.list_operations(limit=1)["operations"][0]
    assert client.list_jobs(operation["id"])["jobs"] == []


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


def test_a_table_may_be_input_and_output_at_once(client: YtClient, numbers: str) -> None:
    client.run_map("head -n 3", numbers, numbers, format="json", job_count=1)
    assert xs(client, numbers) == [0, 1, 2]


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
    with pytest.raises(YtResponseError, match="more than the 2 GPUs"):
        client.run_map("cat", "//tmp/t", "//tmp/out", format="json", spec={"mapper": {"gpu_limit": 8}})
