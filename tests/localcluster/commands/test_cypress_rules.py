"""What a real cluster allows and refuses in the tree, with its texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yt.yson as yson
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResolveError

from tests.localcluster.error_texts import refusal

pytestmark = pytest.mark.checked_against("server source")


def test_set_of_a_map_keeps_the_node_and_its_attributes(client: YtClient, folder: str) -> None:
    path = f"{folder}/m"
    client.set(path, {"a": 1})
    client.set(f"{path}/@kept", 5)
    before = client.get(f"{path}/@id")
    refused = '"set" command without "force" flag is forbidden; use "create" instead'
    assert refusal(lambda: client.set(path, {"b": 2})) == (1, [refused])
    client.set(path, {"b": 2}, force=True)
    assert client.get(path) == {"b": 2}
    assert (client.get(f"{path}/@id"), client.get(f"{path}/@kept")) == (before, 5)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (1, "text", 'Cannot update "int64" node with "string" value; types must match'),
        ("text", {}, 'Cannot update "string" node with "map" value; types must match'),
        ({}, 1, 'Cannot update "map" node with "int64" value; types must match'),
        (None, 1, 'Cannot update "entity" node with "int64" value; types must match'),
    ],
)
def test_set_changes_no_types(client: YtClient, folder: str, first: Any, second: Any, says: str) -> None:
    if first is None:
        client.create("table", f"{folder}/n")
    else:
        client.set(f"{folder}/n", first)
    assert refusal(lambda: client.set(f"{folder}/n", second, force=True)) == (1, [says])


def test_numbers_of_both_kinds_fit_into_each_others_nodes(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/n", yson.YsonUint64(5))
    client.set(f"{folder}/n", 7)
    assert client.get(f"{folder}/n/@type") == "uint64_node"
    assert client.get(f"{folder}/n") == 7


def test_entities_cannot_be_made_by_set(client: YtClient, folder: str) -> None:
    code, texts = refusal(lambda: client.set(f"{folder}/n", None))
    assert (code, texts) == (1, ["Entity nodes cannot be created inside Cypress"])


def test_all_attributes_are_replaced_at_once(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/@a", 1)
    client.set(f"{folder}/@", {"b": 2})
    assert client.get(f"{folder}/@user_attributes") == {"b": 2}


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda c, f: c.set(f"{f}/@id", 1), 1, 'Builtin attribute "id" cannot be set'),
        (lambda c, f: c.set(f"{f}/@a/b", 1), 500, 'Custom attribute "a" is not found'),
        (lambda c, f: c.remove(f"{f}/@key", force=True), 1, 'Attribute "key" cannot be removed'),
        (lambda c, f: c.remove(f"{f}/@a"), 500, 'Attribute "a" is not found'),
        (lambda c, f: c.get(f"{f}/@a"), 500, 'Attribute "a" is not found'),
        (lambda c, f: c.create("table", f"{f}/a/b"), 500, 'Node {folder} has no child with key "a"'),
        (lambda c, f: c.remove(f"{f}/a"), 500, 'Node {folder} has no child with key "a"'),
        (lambda c, f: c.remove("/", recursive=True), 1, "Node / cannot be removed"),
        (lambda c, f: c.copy(f, "/", force=True), 1, "Node / cannot be replaced"),
        (lambda c, f: c.copy(f, f"{f}/a"), 1, "Cannot copy or move a node to itself"),
        (lambda c, f: c.list(f"{f}/@id"), 103, '"List" method is not supported'),
        (
            lambda c, f: c.create("table", f"{f}/a/@b", recursive=True),
            1,
            'Expected "literal" in YPath but found "at" token "@"',
        ),
        (
            lambda c, f: c.create("table", f, lock_existing=True),
            1,
            'Cannot specify "lock_existing" without "ignore_existing"',
        ),
        (
            lambda c, f: c.create("table", f, ignore_existing=True, force=True),
            1,
            'Cannot specify both "ignore_existing" and "force" options simultaneously',
        ),
        (
            lambda c, f: c.create("table", f, ignore_existing=True),
            501,
            '{folder} already exists and has type "map_node" while node of "table" type is about to be '
            "created",
        ),
    ],
)
def test_refusals_have_the_texts_of_a_real_cluster(
    client: YtClient, folder: str, change: Callable[[YtClient, str], Any], code: int, says: str
) -> None:
    assert refusal(lambda: change(client, folder)) == (code, [says.format(folder=folder)])


def test_below_a_table_there_is_nothing(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t")
    says = f"Node {folder}/t cannot have children"
    assert refusal(lambda: client.create("table", f"{folder}/t/x")) == (1, [says])
    assert refusal(lambda: client.get(f"{folder}/t/x")) == (
        500,
        [f"Error resolving path {folder}/t/x", says],
    )
    assert not client.exists(f"{folder}/t/x")


def test_a_star_removes_all_children(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/m", {"a": 1, "b": {"c": 2}})
    client.remove(f"{folder}/m/*")
    assert client.get(f"{folder}/m") == {}
    with pytest.raises(YtResolveError, match="only allowed for Remove"):
        client.get(f"{folder}/*")


def test_lists_take_items_at_any_place(client: YtClient, folder: str) -> None:
    path = f"{folder}/list"
    client.set(path, [1, 2])
    for place, item in (("end", 3), ("begin", 0), ("before:1", "b"), ("after:-1", "a"), ("0", "first")):
        client.set(f"{path}/{place}", item)
    assert client.get(path) == ["first", "b", 1, 2, 3, "a"]
    client.remove(f"{path}/1")
    assert client.get(f"{path}/1") == 1
    assert not client.exists(f"{path}/42")


def test_commands_that_change_nodes_mean_the_link_itself(client: YtClient, folder: str) -> None:
    target, link = f"{folder}/t", f"{folder}/l"
    client.write_table(target, [{"x": 1}])
    client.link(target, link)
    assert client.get(f"{link}/@type") == "table"
    assert client.get(f"{link}&/@type") == "link"
    code, texts = refusal(lambda: client.create("table", link, ignore_existing=True))
    assert (code, texts) == (
        501,
        [f'{link} already exists and has type "link" while node of "table" type is about to be created'],
    )
    client.copy(link, f"{folder}/copy")
    assert client.get(f"{folder}/copy/@type") == "table"
    client.remove(link)
    assert client.exists(target)


def test_a_link_to_itself_is_refused(client: YtClient, folder: str) -> None:
    client.create("map_node", f"{folder}/a")
    client.link(f"{folder}/a", f"{folder}/l")
    cyclic = (1, ["Failed to create link: link is cyclic"])
    assert refusal(lambda: client.link(f"{folder}/l", f"{folder}/l", force=True)) == cyclic
    assert refusal(lambda: client.link(f"{folder}/l", f"{folder}/a", force=True)) == cyclic
    assert refusal(lambda: client.link(f"{folder}/new", f"{folder}/new", force=True)) == cyclic


def test_a_path_leads_on_behind_a_link_that_ends_nowhere(client: YtClient, folder: str) -> None:
    client.link(f"{folder}/later", f"{folder}/l", force=True)
    assert client.get(f"{folder}/l&/@broken")
    assert not client.exists(f"{folder}/l")
    client.create("map_node", f"{folder}/l/x", recursive=True)
    assert client.exists(f"{folder}/later/x")


def test_a_moved_node_keeps_what_a_copy_loses(client: YtClient, folder: str) -> None:
    acl = [{"action": "allow", "subjects": ["users"], "permissions": ["read"]}]
    client.create("table", f"{folder}/t", attributes={"acl": acl, "inherit_acl": False})
    created = client.get(f"{folder}/t/@creation_time")
    client.copy(f"{folder}/t", f"{folder}/c")
    client.copy(f"{folder}/t", f"{folder}/k", preserve_acl=True, preserve_creation_time=True)
    client.move(f"{folder}/t", f"{folder}/m")
    found = {key: client.get(f"{folder}/{key}/@", attributes=["acl", "creation_time"]) for key in "ckm"}
    assert [found[key]["acl"] for key in "ckm"] == [[], acl, acl]
    assert [found[key]["creation_time"] == created for key in "ckm"] == [False, True, True]


def test_a_child_may_take_its_parents_place(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/a", {"b": 5, "c": 6})
    client.move(f"{folder}/a/b", f"{folder}/a", force=True)
    assert client.get(f"{folder}/a") == 5


def test_acl_is_given_back_and_inherited(client: YtClient, folder: str) -> None:
    above = [{"action": "allow", "subjects": ["users"], "permissions": ["read"]}]
    own = [{"action": "deny", "subjects": ["users"], "permissions": ["write"]}]
    client.set(f"{folder}/@acl", above)
    client.create("table", f"{folder}/t", attributes={"acl": own})
    assert client.get(f"{folder}/t/@effective_acl") == own + above
    client.set(f"{folder}/t/@inherit_acl", False)
    assert client.get(f"{folder}/t/@effective_acl") == own
    code, texts = refusal(lambda: client.set(f"{folder}/@acl", [{"action": "allow"}]))
    assert code == 1
    assert texts[0] == 'Error setting builtin attribute "acl"'


def test_access_attributes_cannot_be_set_in_a_transaction(client: YtClient, folder: str) -> None:
    with client.Transaction():
        assert refusal(lambda: client.set(f"{folder}/@inherit_acl", False)) == (
            1,
            ['Error setting builtin attribute "inherit_acl"', "Operation cannot be performed in transaction"],
        )


def test_a_list_that_is_cut_says_so(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/m", {"a": 1, "b": 2, "c": 3})
    names = client.list(f"{folder}/m", max_size=2)
    assert len(names) == 2
    assert dict(names.attributes) == {"incomplete": True}
    assert not client.list(f"{folder}/m", max_size=3).attributes
