import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import ytcurate
from ytcurate import connection
from ytcurate.errors import ClusterUnreachable


@pytest.fixture
def web_server():
    """A server that is no YT proxy: it answers 404 to everything."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cluster_that_answers_is_connected_to(proxy):
    assert connection.connect(proxy).exists("//tmp")


def test_a_closed_port_is_named_with_what_to_do():
    with pytest.raises(
        ClusterUnreachable, match=r"http://127.0.0.1:9: connection refused. `ytcurate cluster"
    ) as raised:
        connection.connect("http://127.0.0.1:9")
    assert raised.value.proxy == "http://127.0.0.1:9"
    assert isinstance(raised.value, ConnectionError)


def test_a_host_that_does_not_exist_is_said_not_to():
    with pytest.raises(ClusterUnreachable, match=r"no-such-host.invalid: no such host"):
        connection.connect("no-such-host.invalid")


def test_another_kind_of_server_is_told_from_a_proxy(web_server):
    with pytest.raises(ClusterUnreachable, match="answers, but not like a YT proxy"):
        connection.connect(web_server)


def test_a_server_that_never_answers_is_given_up_after_the_time_limit(monkeypatch):
    monkeypatch.setattr(connection, "_PROBE_TIMEOUT_MS", 1000)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(ClusterUnreachable, match="no answer within 1 s"):
        connection.connect(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_the_account_is_read_as_on_tracto(client):
    account = ytcurate.account(client)
    assert account.home_path == f"//home/{account.user}"
    assert {"default", "cpu", "gpu_h100", "gpu_h200"} <= set(account.pool_trees)


def test_each_run_gets_a_directory_of_its_own(client):
    account = ytcurate.account(client)
    one, two = account.new_workdir(client), account.new_workdir(client)
    assert one != two
    assert client.get(f"{one}/@type") == "map_node"
    for path in (one, two):
        client.remove(path)
