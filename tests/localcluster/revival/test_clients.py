"""Clients that wait for an operation while the server is killed and started again on its port."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from yt.wrapper import YtClient

from tests.localcluster.commands.conftest_helpers import xs

from .conftest import Cluster, Gate, wait_for

pytestmark = pytest.mark.checked_against("client")


def patient(proxy: str) -> YtClient:
    """Asks again, as clients do by default, only sooner."""
    soon = {"policy": "constant_time", "constant_time": 300}
    retries = {"enable": True, "count": 100, "backoff": soon}
    kinds = ("start_operation_retries", "get_operation_retries", "read_retries", "write_retries")
    config = {"proxy": {"retries": retries}, "operation_tracker": {"poll_period": 200}}
    return YtClient(proxy=proxy, config=config | {kind: {"backoff": soon, "count": 100} for kind in kinds})


def test_a_client_that_waits_sees_its_operation_complete(cluster: Cluster, gate: Gate) -> None:
    client = patient(cluster.server.proxy)
    port = cluster.server.proxy.rsplit(":", 1)[1]
    command = f"{gate.note}; cat; {gate.wait}"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.run_map, command, "//tmp/t", "//tmp/out", format="json")
        wait_for(lambda: gate.runs)
        cluster.restart("kill", "--port", port)
        gate.open()
        running.result(timeout=60)
    assert xs(client, "//tmp/out") == list(range(10))
