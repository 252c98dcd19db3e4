"""Jobs that name an image, and jobs that ask for ports."""

from __future__ import annotations

import pytest
from yt.common import YtResponseError
from yt.wrapper import VanillaSpecBuilder, YtClient
from yt.wrapper.errors import YtOperationFailedError

from ytcurate.localcluster.scheduler import container

pytestmark = pytest.mark.checked_against("documentation")

needs_namespaces = pytest.mark.skipif(
    not container.is_possible(), reason="this machine allows no mount namespaces"
)
IMAGE = {"docker_image": "registry/image:1"}


def run(client: YtClient, command: str, count: int = 1, **task: object) -> list[str]:
    """What the jobs wrote to stderr, with one job at a time failing the operation."""
    builder = VanillaSpecBuilder().begin_task("t").command(command).job_count(count).spec(task)
    operation = client.run_operation(builder.end_task().max_failed_job_count(1))
    jobs = client.list_jobs(operation.id)["jobs"]
    return [client.get_job_stderr(operation.id, job["id"]).read().decode() for job in jobs]


@needs_namespaces
def test_a_job_with_an_image_works_in_slot_sandbox(client: YtClient, folder: str):
    client.write_file(f"{folder}/note", b"hello\n")
    command = "pwd >&2; cat /slot/sandbox/note >&2; echo mine > /slot/sandbox/new; cat new >&2"
    (text,) = run(client, command, file_paths=[f"{folder}/note"], **IMAGE)
    assert text == "/slot/sandbox\nhello\nmine\n"


@needs_namespaces
def test_what_a_job_writes_beside_its_sandbox_is_gone_with_it(client: YtClient):
    command = "test ! -e /of-a-job && echo x > /of-a-job && ls -A /slot/sandbox >&2"
    assert run(client, command, **IMAGE) == [".tmp\n"]
    assert run(client, command, **IMAGE) == [".tmp\n"]


@needs_namespaces
def test_a_mapper_with_an_image_reads_writes_and_fails_as_any_other(client: YtClient, folder: str):
    client.write_table(f"{folder}/in", [{"x": 1}, {"x": 2}])
    client.run_map("cat", f"{folder}/in", f"{folder}/out", format="json", spec={"mapper": IMAGE})
    assert list(client.read_table(f"{folder}/out")) == [{"x": 1}, {"x": 2}]
    for command, message in (
        ("exit 3", "Process exited with code 3"),
        ("kill -9 $$", "Process terminated by signal 9"),
    ):
        spec = {"mapper": IMAGE, "max_failed_job_count": 1}
        with pytest.raises(YtOperationFailedError) as caught:
            client.run_map(command, f"{folder}/in", f"{folder}/out", format="json", spec=spec)
        failed = caught.value.attributes["stderrs"][0]["error"]
        assert (failed["message"], failed["inner_errors"][0]["message"]) == ("User job failed", message)


def test_without_an_image_there_is_no_container(client: YtClient):
    (text,) = run(client, "pwd >&2; test ! -e /slot/sandbox")
    assert text.strip() != "/slot/sandbox"


def test_jobs_get_ports_of_their_own(client: YtClient):
    listen = (
        "import os, socket; ports = [int(os.environ[f'YT_PORT_{i}']) for i in (0, 1)]; "
        "sockets = [socket.create_server(('', port)) for port in ports]; "
        "print(*ports, 'YT_PORT_2' in os.environ, file=__import__('sys').stderr)"
    )
    first, second = (text.split() for text in run(client, f'python3 -c "{listen}"', count=2, port_count=2))
    assert (first[2], second[2]) == ("False", "False")
    assert len({*first[:2], *second[:2]}) == 4


def test_a_wrong_number_of_ports_is_refused(client: YtClient):
    with pytest.raises(YtResponseError) as caught:
        run(client, "true", port_count=-1)
    assert caught.value.error["message"] == "Error validating parameter /port_count"
