"""What is shown of jobs: list_jobs, get_job, their input, stderr, fail context and spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from yt.wrapper import YtClient
from yt.wrapper.errors import YtOperationFailedError
from yt.wrapper.job_commands import get_job_fail_context, get_job_spec

from .job_helpers import error_of, held_at, request, wait_for_stderr
from .test_cli import yt as run_yt

pytestmark = pytest.mark.checked_against("server source")


def failed_operation(client: YtClient, numbers: str, command: str, **mapper: Any) -> str:
    spec = {"max_failed_job_count": 1, "mapper": mapper}
    with pytest.raises(YtOperationFailedError) as caught:
        client.run_map(command, numbers, f"{numbers}-out", format="json", spec=spec)
    return str(caught.value.attributes["id"])


def test_a_job_shows_what_it_read_and_where(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec={"pool": "mine"})
    (job,) = client.list_jobs(operation.id)["jobs"]
    shown = client.get_job(operation.id, job["id"])
    assert (job["state"], job["type"], job["task_name"], job["pool"]) == ("completed", "map", "map", "mine")
    assert (job["progress"], job["job_cookie"], job["has_spec"], job["is_stale"]) == (1.0, 0, True, False)
    assert job["brief_statistics"]["processed_input_row_count"] == 100
    assert shown["job_id"] == job["id"]
    assert shown["operation_id"] == operation.id
    assert shown["statistics"]["data"]["output"]["0"]["row_count"]["sum"] == 100
    assert [event["phase"] for event in shown["events"]] == ["created", "finished"]
    assert job["id"] in shown["exec_attributes"]["sandbox_path"]
    assert "exec_attributes" not in job


def test_only_the_attributes_asked_for_are_shown(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json")
    (job,) = client.list_jobs(operation.id, attributes=["job_id", "type"])["jobs"]
    assert sorted(job) == ["id", "is_stale", "type"]
    assert error_of(lambda: client.list_jobs(operation.id, attributes=["colour"])) == (
        1920,
        'Job attribute "colour" is not supported',
    )


def test_jobs_are_filtered_sorted_and_counted(client: YtClient, folder: str, numbers: str) -> None:
    command = '[ "$YT_JOB_INDEX" = 0 ] && exit 1; [ "$YT_JOB_COOKIE" = 0 ] && echo x >&2; cat'
    operation = client.run_map(command, numbers, f"{folder}/out", format="json", job_count=2)
    everything = client.list_jobs(operation.id, sort_field="id")
    ids = [job["id"] for job in everything["jobs"]]
    assert ids == sorted(ids)
    assert (everything["type_counts"], everything["state_counts"]) == (
        {"map": 3},
        {"failed": 1, "completed": 2},
    )
    (failed,) = client.list_jobs(operation.id, with_fail_context=True)["jobs"]
    assert (failed["state"], failed["job_cookie"]) == ("failed", 0)
    (loud,) = client.list_jobs(operation.id, with_stderr=True)["jobs"]
    assert (loud["state"], loud["stderr_size"]) == ("completed", 2)
    assert client.list_jobs(operation.id, job_type="vanilla")["state_counts"] == {}
    assert client.list_jobs(operation.id, address="nowhere")["type_counts"] == {}
    assert client.list_jobs(operation.id, limit=1, offset=2)["jobs"] != []
    assert error_of(lambda: client.list_jobs(operation.id, offset=-1)) == (
        1,
        "offset and limit must be nonnegative numbers",
    )


def test_an_unknown_job_is_an_error_with_its_code(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json")
    (job,) = client.list_jobs(operation.id)["jobs"]
    wrong = "1-2-3-4"
    neither = f"Job {wrong} or operation {operation.id} not found neither in archive nor in controller agent"
    assert error_of(lambda: client.get_job(operation.id, wrong)) == (1916, neither)
    # Without an operation a real cluster asks the scheduler, which forgets a job when it is over.
    assert error_of(lambda: client.get_job(job_id=job["id"])) == (203, f"Allocation {job['id']} not found")
    assert error_of(lambda: client.get_job_stderr(operation.id, job["id"])) == (
        203,
        "Job stderr is not found",
    )
    assert error_of(lambda: client.get_job_input(wrong)) == (1, "Missing job spec in job archive table")
    assert error_of(lambda: client.abort_job(job["id"])) == (203, f"Allocation {job['id']} not found")
    assert error_of(lambda: request(client, "abandon_job", job_id=wrong)) == (
        203,
        f"Allocation {wrong} not found",
    )


def test_a_running_job_is_looked_into(client: YtClient, folder: str, numbers: str, tmp_path: Path) -> None:
    operation = client.run_map(
        f"{held_at(tmp_path / 'gate')}; cat", numbers, f"{folder}/out", format="json", sync=False
    )
    job_id = wait_for_stderr(client, operation)["id"]
    assert client.get_job_stderr(operation.id, job_id).read() == b"here\n"
    assert client.get_job(job_id=job_id)["operation_id"] == operation.id
    whole = b"".join(b'{"x":%d}\n' % x for x in range(100))
    assert client.get_job_input(job_id).read() == whole
    client.dump_job_context(job_id, f"{folder}/new/context")
    assert client.read_file(f"{folder}/new/context").read() == whole
    assert client.get(f"{folder}/new/context/@description") == {"type": "input_context", "job_id": job_id}
    operation.abort()


def test_the_input_of_a_job_can_be_had_again_as_long_as_its_data_is_there(
    client: YtClient, folder: str, numbers: str
) -> None:
    client.write_table(f"{folder}/more", [{"x": -1}, {"x": -2}])
    paths = [f"{numbers}[#10:#12,#50:#51]", f"{folder}/more"]
    operation = client.run_map("cat > /dev/null", paths, f"{folder}/out", format="json", ordered=True)
    (job,) = client.list_jobs(operation.id)["jobs"]
    lines = [json.loads(line) for line in client.get_job_input(job["id"]).read().splitlines()]
    assert [line["x"] for line in lines if "x" in line] == [10, 11, 50, -1, -2]
    found = client.get_job_input_paths(job["id"])
    limits = [
        (path.attributes["ranges"][i]["lower_limit"], path.attributes["ranges"][i]["upper_limit"])
        for path in found
        for i in range(len(path.attributes["ranges"]))
    ]
    assert [str(path) for path in found] == [numbers, f"{folder}/more"]
    assert limits == [
        ({"row_index": 10}, {"row_index": 12}),
        ({"row_index": 50}, {"row_index": 51}),
        ({"row_index": 0}, {"row_index": 2}),
    ]


@pytest.mark.checked_against("client")
def test_the_cli_gives_out_the_input_of_a_job(
    client: YtClient, proxy: str, folder: str, numbers: str
) -> None:
    operation = client.run_map("cat", f"{numbers}[:#2]", f"{folder}/out", format="json")
    job_id = client.list_jobs(operation.id)["jobs"][0]["id"]
    assert run_yt(proxy, "get-job-input", job_id) == b'{"x":0}\n{"x":1}\n'
    assert b'"shell_command" = "cat"' in run_yt(proxy, "get-job-spec", job_id)


def test_a_failed_job_keeps_the_input_it_was_given(client: YtClient, numbers: str) -> None:
    operation_id = failed_operation(client, numbers, "head -1 > /dev/null; exit 1")
    (job,) = client.list_jobs(operation_id)["jobs"]
    context = get_job_fail_context(operation_id, job["id"], client=client).read()
    assert context == b"".join(b'{"x":%d}\n' % x for x in range(100))
    assert job["fail_context_size"] == len(context)


def test_a_job_that_did_not_fail_has_no_fail_context(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json")
    job_id = client.list_jobs(operation.id)["jobs"][0]["id"]
    assert error_of(lambda: get_job_fail_context(operation.id, job_id, client=client)) == (
        203,
        "Job fail context is not found",
    )


def test_the_spec_of_a_job_says_what_it_runs(client: YtClient, folder: str, numbers: str) -> None:
    spec = {"mapper": {"memory_limit": 10**9, "job_time_limit": 60_000}}
    operation = client.run_map("cat", numbers, f"{folder}/out", format="json", spec=spec)
    job_id = client.list_jobs(operation.id)["jobs"][0]["id"]
    shown = get_job_spec(job_id, omit_output_table_specs=True, client=client)
    user_job = shown["job_spec_ext"]["user_job_spec"]
    assert shown["type"] == 1
    assert (user_job["shell_command"], user_job["memory_limit"]) == ("cat", 10**9)
    assert user_job["job_time_limit"] == 60_000
    (piece,) = shown["job_spec_ext"]["input_table_specs"][0]["chunk_specs"]
    assert piece["row_count_override"] == 100
    assert "output_table_specs" not in shown["job_spec_ext"]


def test_a_reducer_of_a_map_reduce_has_no_input_paths(client: YtClient, folder: str, numbers: str) -> None:
    operation = client.run_map_reduce(
        "cat", "cat", numbers, f"{folder}/out", format="json", reduce_by=["x"], sort_by=["x"]
    )
    attributes = client.get_operation(operation.id, attributes=["task_names", "progress"])
    tasks = {task["task_name"]: task for task in attributes["progress"]["tasks"]}
    assert attributes["task_names"] == list(tasks) == ["partition_map(0)", "partition_reduce"]
    assert tasks["partition_map(0)"]["job_counter"]["completed"]["total"] == 1
    (job,) = client.list_jobs(operation.id, job_type="partition_reduce")["jobs"]
    assert job["task_name"] == "partition_reduce"
    assert error_of(lambda: client.get_job_input_paths(job["id"])) == (
        1,
        "Cannot build job input paths; job has intermediate input",
    )
    assert error_of(lambda: client.get_job_input(job["id"])) == (
        1,
        "Failed to locate chunks used in job input",
    )


def test_operations_with_failed_jobs_are_found(client: YtClient, folder: str, numbers: str) -> None:
    operation_id = failed_operation(client, numbers, "exit 1")
    good = client.run_map("cat", numbers, f"{folder}/out", format="json").id
    failed = client.list_operations(with_failed_jobs=True)
    others = client.list_operations(with_failed_jobs=False)
    assert operation_id in [each["id"] for each in failed["operations"]]
    assert good in [each["id"] for each in others["operations"]]
    assert failed["failed_jobs_count"] == len(failed["operations"])


@pytest.mark.checked_against("nothing")
def test_a_job_shell_is_refused_by_name(proxy: str) -> None:
    answer = requests.post(f"{proxy}/api/v4/poll_job_shell", timeout=20)
    assert answer.status_code == 404
    assert '"poll_job_shell" is not implemented' in answer.json()["message"]
