"""The tree over HTTP, with the real client."""

from __future__ import annotations

import json

import pytest
import requests
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResolveError, YtResponseError

pytestmark = pytest.mark.checked_against("documentation")


def test_the_root_has_what_every_cluster_has(client: YtClient) -> None:
    assert {"home", "sys", "tmp"} <= set(client.list("/"))
    assert {"home", "sys", "tmp"} <= set(client.list("//"))


def test_the_user_finds_a_home_and_the_pool_trees_as_on_tracto(client: YtClient) -> None:
    user = client.get_user_name()
    info = client.get(f"//sys/users/{user}/@user_info")
    assert info == {
        "home_path": "//home/tester",
        "available_pool_trees": ["default", "cpu", "gpu_h100", "gpu_h200"],
    }
    assert client.exists(info["home_path"])
    assert sorted(client.list("//sys/pool_trees")) == ["cpu", "default", "gpu_h100", "gpu_h200"]


def test_create_needs_its_parent_unless_recursive(client: YtClient, folder: str) -> None:
    with pytest.raises(YtResolveError):
        client.create("map_node", f"{folder}/a/b")
    client.create("map_node", f"{folder}/a/b", recursive=True)
    assert client.list(f"{folder}/a") == ["b"]


def test_create_over_an_existing_node_is_501_unless_it_is_ignored(client: YtClient, folder: str) -> None:
    first = client.create("table", f"{folder}/t")
    with pytest.raises(YtResponseError) as caught:
        client.create("table", f"{folder}/t")
    assert caught.value.contains_code(501)
    assert client.create("table", f"{folder}/t", ignore_existing=True) == first
    assert client.create("table", f"{folder}/t", force=True) != first


def test_set_and_get_documents_and_scalars(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/n", 5)
    client.set(f"{folder}/m", {"x": {"y": "text"}, "z": 1.5})
    assert client.get(f"{folder}/n") == 5
    assert client.get(f"{folder}/n/@type") == "int64_node"
    assert client.get(f"{folder}/m") == {"x": {"y": "text"}, "z": 1.5}
    client.create("document", f"{folder}/d", attributes={"value": {"a": [1, 2]}})
    assert client.get(f"{folder}/d") == {"a": [1, 2]}
    assert client.get(f"{folder}/d/a/1") == 2


def test_attributes_are_set_read_and_removed(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/@run", {"model": "m", "step": 3})
    assert client.get(f"{folder}/@run/step") == 3
    client.set(f"{folder}/@run/step", 4)
    assert client.get_attribute(folder, "run") == {"model": "m", "step": 4}
    assert client.get(f"{folder}/@", attributes=["run", "no_such"]) == {"run": {"model": "m", "step": 4}}
    client.remove(f"{folder}/@run")
    assert not client.exists(f"{folder}/@run")
    with pytest.raises(YtResolveError):
        client.get(f"{folder}/@run")


def test_many_attributes_are_set_at_once(client: YtClient, proxy: str, folder: str) -> None:
    parameters = json.dumps({"path": f"{folder}/@", "input_format": "json"})
    headers = {"X-YT-Header-Format": "json", "X-YT-Parameters": parameters}
    url = f"{proxy}/api/v4/multiset_attributes"
    assert requests.put(url, headers=headers, data='{"a": 1, "b": "x"}', timeout=10).status_code == 200
    assert client.get(f"{folder}/@", attributes=["a", "b"]) == {"a": 1, "b": "x"}


def test_computed_attributes_cannot_be_set(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t")
    for name in ("row_count", "schema", "id"):
        with pytest.raises(YtResponseError):
            client.set(f"{folder}/t/@{name}", 1)


def test_list_carries_asked_attributes(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t")
    (name,) = client.list(folder, attributes=["type", "row_count"])
    assert str(name) == "t"
    assert dict(name.attributes) == {"type": "table", "row_count": 0}


def test_get_of_a_tree_shows_tables_as_entities(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/sub/t", recursive=True)
    tree = client.get(folder, attributes=["type"])
    assert tree["sub"]["t"].attributes == {"type": "table"}


def test_remove_refuses_a_full_folder_and_force_forgives_a_missing_one(client: YtClient, folder: str) -> None:
    client.create("map_node", f"{folder}/a/b", recursive=True)
    with pytest.raises(YtResponseError):
        client.remove(f"{folder}/a")
    client.remove(f"{folder}/a", recursive=True)
    client.remove(f"{folder}/a", force=True)
    with pytest.raises(YtResolveError):
        client.remove(f"{folder}/a")


def test_copy_keeps_content_and_move_takes_the_source_away(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.set(f"{folder}/t/@note", "n")
    client.copy(f"{folder}/t", f"{folder}/deep/u", recursive=True)
    client.move(f"{folder}/t", f"{folder}/v")
    assert list(client.read_table(f"{folder}/deep/u")) == [{"x": 1}]
    assert list(client.read_table(f"{folder}/v")) == [{"x": 1}]
    assert client.get(f"{folder}/v/@note") == "n"
    assert not client.exists(f"{folder}/t")


def test_a_link_leads_to_its_target_and_can_be_seen_itself(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.link(f"{folder}/t", f"{folder}/l")
    assert list(client.read_table(f"{folder}/l")) == [{"x": 1}]
    assert client.get(f"{folder}/l&/@target_path") == f"{folder}/t"
    client.remove(f"{folder}/l")
    assert client.exists(f"{folder}/t")


@pytest.mark.checked_against("client")
def test_a_batch_reports_each_part(client: YtClient, folder: str) -> None:
    batch = client.create_batch_client()
    made = batch.create("map_node", f"{folder}/x")
    missing = batch.get(f"{folder}/nope")
    there = batch.exists(folder)
    batch.commit_batch()
    assert made.is_ok()
    assert there.get_result()
    assert missing.get_error()["code"] == 500


@pytest.mark.checked_against("server source")
def test_an_unknown_command_is_named_and_not_listed(client: YtClient, proxy: str) -> None:
    listed = {each["name"] for each in requests.get(f"{proxy}/api/v4", timeout=10).json()}
    assert "start_query" not in listed
    answer = requests.post(f"{proxy}/api/v4/start_query", timeout=10)
    assert answer.status_code == 404
    assert '"start_query" is not implemented' in answer.json()["message"]


@pytest.mark.checked_against("client")
def test_parameters_of_300_kilobytes_pass_in_the_header(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": i} for i in range(10)])
    ranges = [
        {"lower_limit": {"row_index": i % 10}, "upper_limit": {"row_index": i % 10 + 1}} for i in range(6000)
    ]
    path = yt.TablePath(f"{folder}/t", ranges=ranges)
    assert sum(1 for _ in client.read_table(path)) == 6000
