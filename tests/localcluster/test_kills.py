"""Kills of the server at any moment: what was acknowledged is there, what was not committed is not."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtError

from tests.localcluster.conftest import Server
from tests.localcluster.revival.conftest import wait_for

pytestmark = pytest.mark.checked_against("nothing")

KILLS = 4
ROWS = 100
"""Of one append."""
SOURCE = [{"x": x} for x in range(30)]
WRITERS = ("a", "b")


class Workload:
    """Works until the server is gone; knows what was acknowledged, and what at most was asked for."""

    def __init__(self, server: Server, number: int) -> None:
        self.server, self.number = server, number
        self.table = f"//tmp/append-{number}"
        self.appends: Counter[str] = Counter()
        """Acknowledged appends by writer."""
        self.asked: Counter[str] = Counter()
        self.committed: set[str] = set()
        self.maybe_committed: set[str] = set()
        self.aborted: set[str] = set()
        self.files: list[str] = []
        """What was written into the file, acknowledged but perhaps for the last one."""
        self.files_written = 0
        self.batches = 0
        self.batches_asked = 0
        self.operations: dict[str, str] = {}
        """Operation to its output."""

    def run(self) -> list[threading.Thread]:
        works: list[Callable[[YtClient], None]] = [
            *(lambda client, writer=writer: self.append(client, writer) for writer in WRITERS),
            self.transact, self.write_file, self.send_batch, self.operate,
        ]  # fmt: skip
        threads = [threading.Thread(target=self._until_it_is_gone, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        return threads

    def _until_it_is_gone(self, work: Callable[[YtClient], None]) -> None:
        client = self.server.client(ping_failed_mode="pass")
        # The server is gone for good: who asks again waits for minutes.
        for kind in ("write", "read", "start_operation", "get_operation", "batch_requests"):
            client.config[f"{kind}_retries"]["enable"] = False
        with contextlib.suppress(YtError, OSError, requests.RequestException):
            while True:
                work(client)

    @property
    def has_done_everything(self) -> bool:
        """Once at least, and with an answer."""
        return bool(
            len(self.appends) == len(WRITERS)
            and self.committed
            and self.files_written
            and self.batches
            and self.operations
        )

    def append(self, client: YtClient, writer: str) -> None:
        self.asked[writer] += 1
        rows = [{"writer": writer, "x": x, "pad": "y" * 500} for x in range(ROWS)]
        client.write_table(yt.TablePath(self.table, append=True), rows)
        self.appends[writer] += 1

    def transact(self, client: YtClient) -> None:
        name = f"//tmp/tx-{self.number}-{len(self.maybe_committed) + len(self.aborted)}"
        keep = random.random() < 0.7
        (self.maybe_committed if keep else self.aborted).add(name)
        transaction = client.start_transaction(timeout=60_000)
        with client.Transaction(transaction_id=transaction, ping=False):
            client.create("map_node", name)
            client.set(f"{name}/@whole", True)
            client.write_table(f"{name}/table", [{"x": 1}, {"x": 2}])
        if keep:
            client.commit_transaction(transaction)
            self.committed.add(name)
        else:
            client.abort_transaction(transaction)

    def write_file(self, client: YtClient) -> None:
        self.files.append(f"{len(self.files)}-" * 50_000)
        client.write_file(f"//tmp/file-{self.number}", self.files[-1].encode())
        self.files_written += 1

    def send_batch(self, client: YtClient) -> None:
        self.batches_asked += 1
        batch = client.create_batch_client()
        for name in ("left", "right"):
            batch.set(f"//tmp/@{name}{self.number}", self.batches_asked)
        batch.commit_batch()
        self.batches += 1

    def operate(self, client: YtClient) -> None:
        output = f"//tmp/out-{self.number}-{len(self.operations)}"
        operation = client.run_map(
            "cat; sleep 0.2", "//tmp/source", output, format="json", job_count=5, sync=False
        )
        self.operations[operation.id] = output
        while client.list_operations(state="running")["operations"][3:]:
            time.sleep(0.05)


def test_nothing_acknowledged_is_lost_and_nothing_uncommitted_is_seen(
    start_server: Callable[..., Server],
) -> None:
    random.seed(20)
    server = start_server()
    server.client().write_table("//tmp/source", SOURCE)
    past: list[Workload] = []
    for number in range(KILLS):
        server.client().create("table", f"//tmp/append-{number}")
        load = Workload(server, number)
        threads = load.run()
        while not load.has_done_everything:
            assert all(thread.is_alive() for thread in threads)
            time.sleep(0.01)
        time.sleep(random.random())
        server.kill()
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        past.append(load)
        server = start_server(data_dir=server.data_dir)
        for each in past:
            check(server.client(), each)
    check_operations(
        server.client(), {each: load.operations[each] for load in past for each in load.operations}
    )
    check_files(server.client(), server.data_dir)


def check(client: YtClient, load: Workload) -> None:
    rows = list(client.read_table(load.table))
    assert [row["x"] for row in rows] == list(range(ROWS)) * (len(rows) // ROWS)
    for writer in WRITERS:
        found = sum(row["writer"] == writer for row in rows) / ROWS
        # The one append that was under way may have arrived: whole, or not at all.
        assert found in (load.appends[writer], load.asked[writer])
    for name in load.maybe_committed:
        if client.exists(name):
            assert client.get(f"{name}/@whole")
            assert [row["x"] for row in client.read_table(f"{name}/table")] == [1, 2]
        else:
            assert name not in load.committed
    for name in load.aborted:
        assert not client.exists(name)
    if load.files_written:
        content = client.read_file(f"//tmp/file-{load.number}").read().decode()
        assert content in load.files[load.files_written - 1 :]
    attributes = client.get("//tmp/@")
    for name in ("left", "right"):
        assert load.batches <= attributes.get(f"{name}{load.number}", 0) <= load.batches_asked


def check_operations(client: YtClient, outputs: dict[str, str]) -> None:
    """Every operation that anybody was told of goes on over all the kills, and no row is lost or doubled."""
    for operation, output in outputs.items():
        wait_for(lambda operation=operation: client.get_operation_state(operation).is_finished())
        assert client.get_operation_state(operation) == "completed"
        assert sorted(row["x"] for row in client.read_table(output)) == [row["x"] for row in SOURCE]


def check_files(client: YtClient, data: Path) -> None:
    """Of all operations, also those nobody was told of, nothing stays behind."""
    wait_for(lambda: not client.list_operations(state="running")["operations"])
    referenced: set[str] = set()
    for path in client.search("//tmp", node_type=["table", "file"]):
        referenced |= set(client.get(f"{path}/@chunk_ids"))
    assert referenced <= {path.name for path in (data / "chunks").glob("*/*")}
    assert list((data / "sandboxes").iterdir()) == []
    assert client.get("//tmp/source/@locks") == []
