"""Limits of jobs and what they leave: memory, tmpfs, time, input, statistics, stderr and its table."""

from __future__ import annotations

from typing import Any

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtOperationFailedError, YtResponseError

from .job_helpers import error_of, wait_for_stderr, wait_until

pytestmark = pytest.mark.checked_against("server source")

MIB = 1024 * 1024
STDERR_COLUMNS = ["job_id", "part_index", "data"]


def failure(client: YtClient, table: str, command: str, spec: dict[str, Any]) -> list[tuple[int, str]]:
    """Code and text of an operation's error and of those inside, from the outermost."""
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map(
            command, table, f"{table}-out", format="json", spec={"max_failed_job_count": 1, **spec}
        )
    chain, error = [], caught.value.inner_errors[0]
    while error:
        chain.append((error["code"], error["message"]))
        error = next(iter(error["inner_errors"]), None)
    return chain


def of_job(code: int, text: str) -> list[tuple[int, str]]:
    return [(215, "Failed jobs limit exceeded"), (1205, "User job failed"), (code, text)]


# ---- memory, tmpfs, time


def test_files_in_tmpfs_count_as_memory(client: YtClient, numbers: str) -> None:
    command = "head -c 60000000 /dev/zero > t/file; sleep 60"
    mapper = {"memory_limit": 50 * MIB, "tmpfs_volumes": [{"path": "t", "size": 50 * MIB}]}
    assert failure(client, numbers, command, {"mapper": mapper}) == of_job(1200, "Memory limit exceeded")


@pytest.mark.checked_against("nothing")
def test_a_job_that_fills_one_of_its_volumes_fails(client: YtClient, numbers: str) -> None:
    volumes = [{"path": "a", "size": 100 * MIB}, {"path": "b/c", "size": MIB}]
    command = "head -c 2000000 /dev/zero > a/file; head -c 2000000 /dev/zero > b/c/file; sleep 60"
    errors = failure(client, numbers, command, {"mapper": {"tmpfs_volumes": volumes}})
    assert errors == of_job(1, 'No space left in tmpfs volume "b/c"')


def test_exec_time_limit_is_another_name_of_the_time_limit_of_a_job(client: YtClient, numbers: str) -> None:
    spec = {"mapper": {"exec_time_limit": 1000}}
    assert failure(client, numbers, "sleep 60", spec) == of_job(1202, "Job time limit exceeded")


def test_an_operation_over_its_time_limit_fails_and_says_the_limit(client: YtClient, numbers: str) -> None:
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("sleep 60", numbers, f"{numbers}-out", format="json", spec={"time_limit": 300})
    error = caught.value.inner_errors[0]
    assert (error["code"], error["message"]) == (1, "Operation is running for too long, aborted")
    assert error["attributes"]["time_limit"] == 300


# ---- input


@pytest.mark.parametrize("command", ["true", "head -c 8 > /dev/null", "exec < /dev/null"])
def test_a_job_may_have_to_read_all_its_input(client: YtClient, numbers: str, command: str) -> None:
    spec = {"mapper": {"check_input_fully_consumed": True}}
    client.run_map("cat > /dev/null", numbers, f"{numbers}-out", format="json", spec=spec)
    errors = failure(client, numbers, command, spec)
    assert errors == of_job(1, "Input stream was not fully consumed by user process")


def test_statistics_tell_that_a_job_left_input_unread(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("true", numbers, f"{folder}/out", format="json")
    found = operation.get_job_statistics()["data"]["input"]["not_fully_consumed"]["$"]["completed"]["map"]
    assert found == {"sum": 1, "count": 1, "min": 1, "max": 1}


# ---- statistics


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("{a=1.5};", 'expected map or integral type but found sample of type "double"'),
        ("{a=%true};", 'expected map or integral type but found sample of type "boolean"'),
        ('{a="x"};', 'expected map or integral type but found sample of type "string"'),
    ],
)
def test_statistics_that_are_no_whole_numbers_fail_the_job(
    client: YtClient, numbers: str, written: str, cause: str
) -> None:
    errors = failure(client, numbers, f"echo '{written}' >&5", {})
    assert errors[2:] == [
        (1, "Error writing custom job statistics"),
        (1, f"Invalid statistics type: {cause}"),
    ]


def test_there_may_be_so_many_names_of_statistics(client: YtClient, folder: str, numbers: str) -> None:
    limit = {"mapper": {"custom_statistics_count_limit": 3}}
    command = "echo '{a=1;b={c=2;d=3u;};};' >&5"
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", spec=limit)
    assert operation.get_job_statistics()["custom"]["b"]["d"]["$"]["completed"]["map"]["sum"] == 3
    errors = failure(client, numbers, "echo '{a=1;b=1;c=1;d=1;};' >&5", limit)
    assert errors[-1] == (1, "Custom statistics count exceeded: 4 > 3")
    errors = failure(client, numbers, f"echo '{{{'n' * 600}=1}};' >&5", {})
    assert errors[-1] == (1, "Custom statistics path is too long: 608 > 512")


@pytest.mark.checked_against("documentation")
def test_a_job_is_measured_under_the_names_of_a_cluster(client: YtClient, folder: str, numbers: str) -> None:
    mapper = {"tmpfs_path": "t", "tmpfs_size": 10 * MIB, "memory_reserve_factor": 0.5}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec={"mapper": mapper})
    found = operation.get_job_statistics()

    def of(*names: str) -> int:
        place = found
        for name in names:
            place = place[name]
        return int(place["$"]["completed"]["map"]["sum"])

    assert of("data", "input", "row_count") == of("data", "output", "0", "row_count") == 100
    assert of("data", "input", "chunk_count") == of("data", "output", "0", "chunk_count") == 1
    assert of("data", "input", "data_weight") == client.get(f"{numbers}/@data_weight")
    assert of("data", "output", "0", "data_weight") == client.get(f"{folder}/out/@data_weight")
    assert of("user_job", "memory_limit") == (512 + 10) * MIB
    assert of("user_job", "memory_reserve_factor_x10000") == 5000
    assert of("user_job", "tmpfs_volumes", "0", "max_size") == of("user_job", "max_tmpfs_size") == 0
    assert of("time", "total") >= of("time", "exec") + of("time", "prepare")
    assert sorted(found["user_job"]["cpu"]) == ["system", "user"]
    second = client.get_operation(operation.id, attributes=["progress"])["progress"]["job_statistics_v2"]
    (summary,) = second["data"]["input"]["row_count"]
    assert summary["summary"] == {"sum": 100, "count": 1, "min": 100, "max": 100}
    assert summary["tags"] == {"job_state": "completed", "job_type": "map", "pool_tree": "default"}


# ---- stderr


def test_of_a_long_stderr_the_head_and_the_tail_are_kept(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"mapper": {"max_stderr_size": 20}}
    operation = client.run_map("seq 100 999 >&2", numbers, f"{folder}/out", format="json", spec=spec)
    (job,) = client.list_jobs(operation.id)["jobs"]
    kept = client.get_job_stderr(operation.id, job["id"]).read()
    assert kept == b"100\n101\n10\n...skipped...\n7\n998\n999\n"
    assert job["stderr_size"] == len(kept)


@pytest.mark.checked_against("documentation")
def test_so_many_jobs_keep_their_stderr_and_failed_ones_always(
    client: YtClient, folder: str, numbers: str
) -> None:
    command = 'echo loud >&2; [ "$YT_JOB_INDEX" = 0 ] && exit 1; cat'
    spec = {"max_stderr_count": 2, "resource_limits": {"user_slots": 1}}
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", job_count=4, spec=spec)
    loud = client.list_jobs(operation.id, with_stderr=True)["jobs"]
    assert sorted(job["state"] for job in loud) == ["completed", "failed"]


def test_a_debug_table_has_to_be_there(client: YtClient, folder: str, numbers: str) -> None:
    # The client makes a stderr table that is not there, but no core table.
    spec = {"core_table_path": f"{folder}/missing"}
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    assert caught.value.contains_code(500)


@pytest.mark.parametrize("kind", ["stderr", "core"])
def test_nothing_is_appended_to_a_debug_table(client: YtClient, folder: str, numbers: str, kind: str) -> None:
    spec = {f"{kind}_table_path": f"<append=%true>{folder}/debug"}
    assert error_of(lambda: client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)) == (
        1,
        f"Cannot write {kind} table in append mode",
    )


def test_the_stderr_table_has_all_of_every_job(client: YtClient, folder: str, numbers: str) -> None:
    client.create("table", f"{folder}/stderr")
    command = "head -c 2500000 /dev/zero | tr '\\0' x >&2; cat"
    writer = {"max_part_size": MIB}
    spec = {
        "stderr_table_path": f"{folder}/stderr",
        "stderr_table_writer": writer,
        "max_stderr_count": 0,
        "mapper": {"max_stderr_size": 10},
    }
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", job_count=2, spec=spec)
    rows = list(client.read_table(f"{folder}/stderr"))
    ids = sorted(job["id"] for job in client.list_jobs(operation.id)["jobs"])
    assert [(row["job_id"], row["part_index"]) for row in rows] == [
        (i, part) for i in ids for part in range(3)
    ]
    assert [len(row["data"]) for row in rows[:3]] == [MIB, MIB, 2_500_000 - 2 * MIB]
    schema = client.get(f"{folder}/stderr/@schema")
    assert [column["name"] for column in schema] == STDERR_COLUMNS
    assert [column.get("sort_order") for column in schema] == ["ascending", "ascending", None]
    assert schema.attributes == {"strict": True, "unique_keys": True}
    assert client.get(f"{folder}/stderr/@part_size") == MIB


def test_the_stderr_table_is_there_when_the_operation_fails(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.write_table(f"{folder}/stderr", [{"old": 1}])
    spec = {"stderr_table_path": f"{folder}/stderr", "max_failed_job_count": 2}
    with pytest.raises(YtOperationFailedError):
        client.run_map("echo oh >&2; exit 1", numbers, f"{folder}/out", format="json", spec=spec)
    assert [row["data"] for row in client.read_table(f"{folder}/stderr")] == ["oh\n", "oh\n"]


def test_of_an_aborted_operation_the_stderr_table_has_the_jobs_that_were_over(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.create("table", f"{folder}/stderr")
    command = 'echo "job $YT_JOB_COOKIE" >&2; [ "$YT_JOB_COOKIE" = 0 ] || sleep 600'
    spec = {"stderr_table_path": f"{folder}/stderr", "resource_limits": {"user_slots": 1}}
    operation = client.run_map(
        command, numbers, f"{folder}/out", format="json", job_count=2, sync=False, spec=spec
    )
    wait_until(lambda: operation.get_progress().get("completed"))
    wait_for_stderr(client, operation)
    with pytest.raises(YtResponseError):
        client.write_table(f"{folder}/stderr", [])
    operation.abort()
    with pytest.raises(YtOperationFailedError):
        operation.wait(print_progress=False)
    assert [row["data"] for row in client.read_table(f"{folder}/stderr")] == ["job 0\n"]


@pytest.mark.checked_against("nothing")
def test_the_core_table_is_empty_with_its_schema(client: YtClient, folder: str, numbers: str) -> None:
    client.write_table(f"{folder}/core", [{"old": 1}])
    spec = {"core_table_path": f"{folder}/core"}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    names = [column["name"] for column in client.get(f"{folder}/core/@schema")]
    assert names == ["job_id", "core_id", "part_index", "data"]
    shown = client.get(f"{folder}/core", attributes=["row_count", "part_size", "sparse"]).attributes
    assert shown == {"row_count": 0, "part_size": 4 * MIB, "sparse": True}
    assert list(operation.get_attributes(fields=["alerts"])["alerts"]) == ["no_core_dumps"]


@pytest.mark.checked_against("nothing")
def test_an_option_that_would_change_the_environment_is_refused(
    client: YtClient, folder: str, numbers: str
) -> None:
    spec = {"mapper": {"extra_environment": ["discovery_server_addresses"]}}
    with pytest.raises(YtResponseError, match='"extra_environment" changes the result'):
        client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)


@pytest.mark.parametrize(
    ("mapper", "text"),
    [
        (
            {"tmpfs_size": 1, "tmpfs_volumes": [{"path": "a", "size": 1}]},
            'Options "tmpfs_size" and "tmpfs_path" cannot be specified simultaneously with "tmpfs_volumes"',
        ),
        ({"tmpfs_path": "../a"}, "Tmpfs path ../a does not point inside the sandbox directory"),
        (
            {"tmpfs_volumes": [{"path": "a", "size": 1}, {"path": "a/b", "size": 1}]},
            'Path of tmpfs volume "a/b" is prefix of other tmpfs volume "a"',
        ),
        (
            {"use_yamr_descriptors": True, "redirect_stdout_to_stderr": True},
            'Uncompatible options "use_yamr_descriptors" and "redirect_stdout_to_stderr" are both set',
        ),
        ({"max_stderr_size": 0}, "Error validating parameter /max_stderr_size"),
        (
            {"custom_statistics_count_limit": 1025},
            "Error validating parameter /custom_statistics_count_limit",
        ),
        ({"job_time_limit": 999}, "Error validating parameter /job_time_limit"),
    ],
)
def test_limits_that_cannot_be_are_refused_at_the_start(
    client: YtClient, folder: str, numbers: str, mapper: dict[str, Any], text: str
) -> None:
    spec = {"mapper": mapper}
    found = error_of(lambda: client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec))
    assert found == (1, text)
