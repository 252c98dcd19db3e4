"""Corners of the transport: where parameters travel, resent requests, what must hold before a command."""

from __future__ import annotations

import base64
import json
import sys
import uuid
from typing import Any

import pytest
import requests
from yt.wrapper import YtClient

from tests.localcluster.error_texts import refusal
from ytcurate.localcluster import wire
from ytcurate.localcluster.errors import YtError

pytestmark = pytest.mark.checked_against("server source")

JSON = {"X-YT-Header-Format": "json"}


def ask(proxy: str, command: str, parameters: dict[str, Any], **headers: str) -> requests.Response:
    sent = {**JSON, "X-YT-Parameters": json.dumps(parameters), **headers}
    return requests.get(f"{proxy}/api/v4/{command}", headers=sent, timeout=10)


def change(proxy: str, command: str, parameters: dict[str, Any]) -> Any:
    data = json.dumps({"output_format": "json", **parameters})
    return requests.post(f"{proxy}/api/v4/{command}", headers=JSON, data=data, timeout=10).json()


def test_parameters_of_the_header_win_over_those_of_the_address(proxy: str) -> None:
    address = f"{proxy}/api/v4/exists?path=//no-such&output_format=json"
    assert requests.get(address, timeout=10).json() == {"value": False}
    sent = {**JSON, "X-YT-Parameters": '{"path":"//tmp"}'}
    assert requests.get(address, headers=sent, timeout=10).json() == {"value": True}


@pytest.mark.parametrize("name", ["X-YT-Parameters-{}", "X-YT-Parameters{}"])
def test_parameters_may_come_in_pieces(proxy: str, name: str) -> None:
    whole = base64.b64encode(b'{"path":"//tmp","output_format":"json"}').decode()
    pieces = [whole[i : i + 10] for i in range(0, len(whole), 10)]
    sent = {**JSON, **{name.format(i): piece for i, piece in enumerate(pieces)}}
    url = f"{proxy}/api/v4/exists"
    assert requests.get(url, headers=sent, timeout=10).json() == {"value": True}
    answer = requests.get(url, headers={**JSON, name.format(0): "!"}, timeout=10)
    assert answer.status_code == 400
    assert "in pieces" in answer.json()["message"]


def test_a_request_sent_again_gets_the_first_answer_if_it_says_so(proxy: str, folder: str) -> None:
    parameters = {"type": "table", "path": f"{folder}/t", "mutation_id": str(uuid.uuid4())}
    first = change(proxy, "create", parameters)
    assert change(proxy, "create", {**parameters, "retry": True}) == first
    refused = change(proxy, "create", parameters)
    assert (refused["code"], refused["message"]) == (1, 'Duplicate request is not marked as "retry"')
    assert refused["attributes"] == {"mutation_id": parameters["mutation_id"]}


def test_a_command_may_depend_on_a_transaction_and_on_a_revision(
    client: YtClient, proxy: str, folder: str
) -> None:
    tx = client.start_transaction(timeout=60_000)
    revision = int(client.get(f"{folder}/@revision"))
    after = {
        "prerequisite_transaction_ids": [tx],
        "prerequisite_revisions": [{"path": folder, "revision": revision}],
    }
    asked = {"type": "map_node", "path": f"{folder}/a", **after}
    assert set(change(proxy, "create", asked)) == {"node_id"}
    refused = change(proxy, "create", {**asked, "path": f"{folder}/b"})
    now = int(client.get(f"{folder}/@revision"))
    assert refused["code"] == 1000
    assert refused["message"] == (
        f"Prerequisite check failed: node {folder} revision mismatch: expected {revision:x}, found {now:x}"
    )
    client.abort_transaction(tx)
    refused = change(proxy, "create", {**asked, "prerequisite_revisions": []})
    assert (refused["code"], refused["message"]) == (
        1000,
        f"Prerequisite check failed: transaction {tx} is missing",
    )
    assert client.list(folder) == ["a"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("#", "Error parsing object id "),
        ("//tmp/", 'Unexpected end-of-string in YPath; please note that YPath cannot normally end with "/"'),
        ("//tmp//a", 'Unexpected "slash" token "/" in YPath'),
        ("/tmp", 'Expected "slash" in YPath but found "literal" token "tmp"'),
    ],
)
@pytest.mark.parametrize("command", ["get", "exists", "list"])
def test_a_malformed_path_is_an_error_even_for_exists(proxy: str, command: str, path: str, says: str) -> None:
    answer = ask(proxy, command, {"path": path})
    assert answer.status_code == 400
    found = answer.json()
    assert (found["code"], found["message"]) == (500, f"Error resolving path {path}")
    assert found["inner_errors"][0]["message"] == says


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize(
    ("command", "parameters", "named"),
    [
        ("create", {"type": "table", "path": "//tmp/q", "attributes": 5}, "/attributes"),
        ("start_transaction", {"attributes": [1]}, "/attributes"),
        ("start_transaction", {"timeout": "soon"}, "/timeout"),
        ("start_transaction", {"deadline": "soon"}, "/deadline"),
        ("start_transaction", {"prerequisite_transaction_ids": 5}, "/prerequisite_transaction_ids"),
        ("remove", {"path": "//tmp/q", "prerequisite_revisions": [5]}, "/prerequisite_revisions"),
        ("concatenate", {"source_paths": 5, "destination_path": "//tmp/q"}, "/source_paths"),
        ("execute_batch", {"requests": [5]}, "/requests"),
        (
            "create",
            {
                "type": "table",
                "path": "//tmp/q",
                "attributes": {"schema": [{"name": "a", "type_v3": {"type_name": "list"}}]},
            },
            'type_v3 of column "a"',
        ),
    ],
)
def test_a_parameter_of_another_shape_is_named(
    proxy: str, command: str, parameters: dict[str, Any], named: str
) -> None:
    found = change(proxy, command, parameters)
    assert named in found["message"]
    assert "Internal error" not in found["message"]


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize(
    "ranges", [5, [5], [{"lower_limit": 5}], [{"lower_limit": {"row_index": "x"}}], [{"exact": {"key": 5}}]]
)
def test_ranges_of_another_shape_are_refused(client: YtClient, proxy: str, ranges: Any) -> None:
    client.create("table", "//tmp/shapes", ignore_existing=True)
    path = {"$value": "//tmp/shapes", "$attributes": {"ranges": ranges}}
    found = ask(proxy, "read_table", {"path": path, "output_format": "json"}).json()
    assert "range" in found["message"]
    assert "Internal error" not in found["message"]


def test_attributes_of_a_path_do_not_matter_where_no_rows_are_read(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    with client.Transaction():
        client.lock(f"<columns=[x];ranges=[{{exact={{row_index=0}}}}]>{folder}/t", mode="snapshot")
    assert client.get(f"<append=%true>{folder}/t/@row_count") == 1
    client.create("table", f"<columns=[x]>{folder}/u")
    assert client.exists(f"{folder}/u")


@pytest.mark.parametrize("module", [None, object()])
def test_brotli_without_a_bound_is_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", module)  # none, or one of before 1.2
    with pytest.raises(YtError, match='set the client\'s "proxy/content_encoding" to "gzip"') as caught:
        wire.decoder("br")
    assert caught.value.status == 415


def test_a_missing_object_is_named(client: YtClient) -> None:
    assert refusal(lambda: client.get("#1-2-3-4/@x")) == (
        500,
        ["Error resolving path #ID/@x", "No such object ID"],
    )
    assert not client.exists("#1-2-3-4")


def test_a_list_of_permissions_is_looked_over(proxy: str) -> None:
    entry = {"action": "deny", "subjects": ["root"], "permissions": ["read"]}
    asked = {"user": "root", "permission": "read", "acl": [entry], "output_format": "json"}
    answer = ask(proxy, "check_permission_by_acl", asked)
    assert answer.json() == {"action": "allow", "missing_subjects": []}
    assert ask(proxy, "check_permission_by_acl", {**asked, "acl": [{}]}).status_code == 400
