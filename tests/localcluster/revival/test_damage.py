"""What somebody did to the data directory while the server was down fails one operation, and only that."""

from __future__ import annotations

import pytest
from yt.wrapper.operation_commands import Operation

from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import Store

from .conftest import Cluster, Gate, wait_for

pytestmark = pytest.mark.checked_against("nothing")

DAMAGE = [
    ("tables", {"nonsense": 1}),
    ("plan/0/0", {"phase": 0, "cookie": 0}),
    ("job/000000007", {"job_id": "1-2-3-4"}),
]


def start(cluster: Cluster, gate: Gate, number: int) -> Operation:
    command = f"{gate.note}; cat; {gate.wait}"
    spec = {"secure_vault": {"word": "sesame"}}
    output = f"//tmp/out{number}"
    return cluster.client.run_map(command, "//tmp/t", output, format="json", sync=False, spec=spec)


def test_a_damaged_record_of_progress_fails_its_operation(cluster: Cluster, gate: Gate) -> None:
    *damaged, other = [start(cluster, gate, number) for number in range(4)]
    wait_for(lambda: len(gate.runs) == 4)
    cluster.server.kill()
    state = State(Store(cluster.server.data_dir / "state.sqlite"))
    with state.session():
        for operation, (name, record) in zip(damaged, DAMAGE, strict=True):
            state.put("progress", f"{operation.id}/{name}", record)
    state.store.close()
    gate.open()
    client = cluster.restart()
    for number, operation in enumerate(damaged):
        found = cluster.wait_until_over(operation)
        assert found["state"] == "failed"
        assert "Internal error of the local cluster" in str(found["result"]["error"])
        assert client.get(f"//tmp/out{number}/@locks") == []
    assert cluster.wait_until_over(other)["state"] == "completed"


def test_a_damaged_vault_fails_its_operation_and_shows_nothing(cluster: Cluster, gate: Gate) -> None:
    operation = start(cluster, gate, 1)
    wait_for(lambda: gate.runs)
    cluster.server.kill()
    file = cluster.server.data_dir / "secure_vaults" / operation.id
    file.write_bytes(file.read_bytes()[:-1])
    cluster.restart()
    found = cluster.wait_until_over(operation)
    assert found["state"] == "failed"
    (inner,) = found["result"]["error"]["inner_errors"]
    expected = f"Secure vault of operation {operation.id} cannot be read: its file is damaged"
    assert inner["message"] == expected
    assert "sesame" not in str(found)
    assert not file.exists()
