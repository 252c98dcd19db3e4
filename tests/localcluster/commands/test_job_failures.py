"""Jobs that fail, limits that are exceeded, specs that are refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtOperationFailedError, YtResponseError

pytestmark = pytest.mark.checked_against("server source")

MIB = 1024 * 1024
GIB = 1024 * MIB


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


@pytest.mark.checked_against("client")
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


@pytest.mark.checked_against("documentation")
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


@pytest.mark.checked_against("documentation")
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
        ({"pool_trees": []}, "No pool trees are specified for operation"),
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


@pytest.mark.checked_against("nothing")
def test_other_operation_types_are_named(client: YtClient, folder: str, numbers: str) -> None:
    with pytest.raises(YtResponseError, match='"remote_copy" is not implemented'):
        client.run_remote_copy(numbers, f"{folder}/out", cluster_name="other")


def test_a_missing_job_file_is_known_before_any_job(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"mapper": {"file_paths": [f"{folder}/no-such-file"]}}
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert caught.value.contains_code(500)
    operation = client.list_operations(limit=1)["operations"][0]
    assert client.list_jobs(operation["id"])["jobs"] == []
