import uuid

import pytest

from ytcurate.errors import ClusterUnreachable, OperationFailed
from ytcurate.operations import follow as following
from ytcurate.operations import submit


def copy_row(row):
    yield row


def copy_slowly(row):
    import time

    time.sleep(row["n"])
    yield row


def read_shipped(row):
    from pathlib import Path

    yield {"text": Path("here/note.txt").read_text()}


def give_up(row):
    raise ModuleNotFoundError("No module named 'cleverness'")


@pytest.fixture
def numbers(client, workdir):
    client.write_table(f"{workdir}/numbers", [{"n": 3}])
    return f"{workdir}/numbers"


def test_what_is_started_can_be_followed_by_its_id_alone(client, workdir, numbers):
    started = submit.start(client, copy_row, numbers, f"{workdir}/copy", spec={})
    seen = []
    progress = submit.follow(client, started, seen.append)
    assert (progress.operation_id, progress.state, progress.jobs["completed"]) == (started, "completed", 1)
    assert seen[-1] == progress
    submit.require_completed(client, progress)
    assert submit.follow(client, started).state == "completed"  # also long after


def test_an_alias_finds_its_operation_and_keeps_a_second_one_out(client, workdir, numbers):
    alias = f"*{uuid.uuid4().hex}"
    assert submit.find(client, alias) is None
    started = submit.start(client, copy_slowly, numbers, f"{workdir}/copy", spec={"alias": alias})
    with pytest.raises(submit.OperationExists, match=r"\*.* runs already") as refused:
        submit.start(client, copy_row, numbers, f"{workdir}/other", spec={"alias": alias})
    assert refused.value.alias == alias
    found = submit.find(client, alias)
    assert found is not None
    assert found[0] == started
    assert submit.follow(client, started).state == "completed"
    assert submit.find(client, alias) == (started, "completed")


def test_files_of_the_cluster_lie_in_the_sandbox(client, workdir, numbers):
    client.write_file(f"{workdir}/note", b"hello")
    note = submit.CypressFile(f"{workdir}/note", "here/note.txt")
    submit.run(client, read_shipped, numbers, f"{workdir}/texts", spec={}, cypress_files=[note])
    assert list(client.read_table(f"{workdir}/texts")) == [{"text": "hello"}]


def test_options_the_cluster_does_not_know_can_be_read_back(client, workdir, numbers):
    spec = {"max_failed_jobs": 1, "mapper": {"memory_limt": 1}}
    done = submit.run(client, copy_row, numbers, f"{workdir}/copy", spec=spec)
    unknown = submit.unrecognised_options(client, done.operation_id)
    assert unknown == ["mapper.memory_limt", "max_failed_jobs"]


def test_a_failure_says_what_to_do(client, workdir, numbers):
    with pytest.raises(
        OperationFailed, match=r"No module named 'cleverness' .*add it to the image"
    ) as failed:
        submit.run(client, give_up, numbers, f"{workdir}/none", spec={"max_failed_job_count": 1})
    assert failed.value.state == "failed"
    assert "Traceback" in failed.value.stderr


def test_a_cluster_that_is_away_for_a_while_is_asked_again(client, workdir, numbers, monkeypatch):
    started = submit.start(client, copy_row, numbers, f"{workdir}/copy", spec={})
    proxy, ask, asked = client.config["proxy"]["url"], following._ask, []

    def ask_in_vain_at_first(*arguments):
        asked.append(1)
        # Nobody listens at port 1: the connection is refused, as while a cluster restarts.
        client.config["proxy"]["url"] = "127.0.0.1:1" if len(asked) <= 2 else proxy
        return ask(*arguments)

    monkeypatch.setattr(following, "_ask", ask_in_vain_at_first)
    assert submit.follow(client, started).state == "completed"
    assert len(asked) >= 3


def test_a_cluster_that_stays_away_is_given_up(client):
    proxy = client.config["proxy"]["url"]
    client.config["proxy"]["url"] = "127.0.0.1:1"
    with pytest.raises(ClusterUnreachable, match="operation 1-2-3-4: the cluster has not answered for 1 s"):
        submit.follow(client, "1-2-3-4", patience_s=1)
    assert client.config["proxy"]["retries"]["enable"]
    client.config["proxy"]["url"] = proxy
