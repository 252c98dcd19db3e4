"""Operations with real jobs: mappers of all forms, their input and output, what a job finds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, VanillaSpecBuilder, YtClient

from .conftest_helpers import xs

pytestmark = pytest.mark.checked_against("client")

MIB = 1024 * 1024


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


@pytest.mark.checked_against("documentation")
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


@pytest.mark.checked_against("documentation")
def test_an_operation_sees_the_input_as_it_was_at_start(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("sleep 2; cat", numbers, f"{folder}/out", format="json", sync=False)
    while not operation.get_state().is_running():
        time.sleep(0.05)
    client.remove(numbers)
    operation.wait(print_progress=False)
    assert xs(client, f"{folder}/out") == list(range(100))


@pytest.mark.checked_against("server source")
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


@pytest.mark.checked_against("nothing")
def test_sockets_fit_into_the_temporary_directory_of_a_job(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.run_map(listen_in_tmpdir, numbers, f"{folder}/out", job_count=1)
    assert list(client.read_table(f"{folder}/out")) == [{"ok": True}]


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


@pytest.mark.checked_against("documentation")
def test_a_job_too_large_for_row_splitting_still_has_one_row_each(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i} for i in range(3)])
    operation = client.run_map("cat", f"{folder}/t", f"{folder}/out", format="json", job_count=10)
    assert operation.get_progress()["total"] == 3


@pytest.mark.checked_against("documentation")
def test_data_weight_per_job_cuts_by_weight(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i, "v": "x" * 1000} for i in range(40)])
    operation = client.run_map(
        "cat", f"{folder}/t", f"{folder}/out", format="json", spec={"data_weight_per_job": 10_100}
    )
    assert operation.get_progress()["total"] == 4


@pytest.mark.checked_against("documentation")
def test_a_table_may_be_input_and_output_at_once(client: YtClient, numbers: str) -> None:
    client.run_map("head -n 3", numbers, numbers, format="json", job_count=1)
    assert xs(client, numbers) == [0, 1, 2]
