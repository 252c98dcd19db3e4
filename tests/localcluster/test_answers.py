"""A request that is sent again after a restart: the change is made once, and the answer is the first one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.localcluster.conftest import Server

pytestmark = pytest.mark.checked_against("documentation")


def send(server: Server, command: str, mutation: str, **parameters: Any) -> Any:
    """A change, sent by hand: the client would ask a server that is gone for minutes."""
    answer = requests.post(
        f"{server.proxy}/api/v4/{command}",
        json={**parameters, "mutation_id": mutation, "retry": True, "output_format": "json"},
        timeout=20,
    )
    return answer.json()


def test_a_change_that_is_sent_again_is_made_once(start_server: Callable[..., Server]) -> None:
    server = start_server()
    transaction = send(server, "start_transaction", "1-1-1-1", timeout=60_000)["transaction_id"]
    parameters = {"path": "//tmp/t", "type": "table", "transaction_id": transaction}
    node = send(server, "create", "1-1-1-2", **parameters)
    server.kill()
    server = start_server(data_dir=server.data_dir)
    assert send(server, "create", "1-1-1-2", **parameters) == node
    assert send(server, "create", "1-1-1-3", **parameters)["code"] == 501
    assert send(server, "commit_transaction", "1-1-1-4", transaction_id=transaction) == {}
    server.kill()
    server = start_server(data_dir=server.data_dir)
    assert send(server, "commit_transaction", "1-1-1-4", transaction_id=transaction) == {}
    assert send(server, "commit_transaction", "1-1-1-5", transaction_id=transaction)["code"] == 11000
    assert server.client().get("//tmp/t/@id") == node["node_id"]


def test_a_batch_that_is_sent_again_is_made_once(start_server: Callable[..., Server]) -> None:
    server = start_server()
    create = {"command": "create", "parameters": {"path": "//tmp/t", "type": "table"}}
    read = {"command": "get", "parameters": {"path": "//tmp/t/@id"}}
    first = send(server, "execute_batch", "1-1-1-1", requests=[create, read])
    server.kill()
    server = start_server(data_dir=server.data_dir)
    assert send(server, "execute_batch", "1-1-1-1", requests=[create, read]) == first
    again = send(server, "execute_batch", "1-1-1-2", requests=[create, read])
    assert again["results"][0]["error"]["code"] == 501


def test_a_refused_change_may_be_made_later(start_server: Callable[..., Server]) -> None:
    server = start_server()
    parameters = {"path": "//tmp/below/t", "type": "table"}
    assert send(server, "create", "1-1-1-1", **parameters)["code"] == 500
    server.kill()
    server = start_server(data_dir=server.data_dir)
    server.client().create("map_node", "//tmp/below")
    assert "node_id" in send(server, "create", "1-1-1-1", **parameters)
