"""What transactions see, on the model alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.ids import now
from ytcurate.localcluster.model.locks import Locks
from ytcurate.localcluster.model.records import Layer, Lock, Node
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.store import Store
from ytcurate.localcluster.model.transactions import Transactions

pytestmark = pytest.mark.checked_against("documentation")


class World:
    def __init__(self, path: Path) -> None:
        self.state = State(Store(path))
        self.locks = Locks(self.state)
        self.cypress = Cypress(self.state, self.locks)
        self.transactions = Transactions(self.state, self.cypress)
        if "root" not in self.state.nodes:
            root = Node("root", "map_node", "", "", "", now(), now(), now(), 1, 1, "root")
            self.state.nodes["root"] = root
            with self.state.session():
                self.state.put("nodes", "root", root)

    def start(self, parent: str = "") -> str:
        with self.state.session():
            return self.transactions.start(parent, 60_000, {}).id

    def create(self, path: str, tx: str = "", kind: str = "table") -> Node:
        rich = ypath.parse(path)
        with self.state.session():
            parent = self.cypress.node(rich.parent()[0], tx)
            return self.cypress.create(parent, rich.steps[-1].key, kind, tx, {}, "me")

    def write(self, path: str, chunks: list[str], tx: str, *, append: bool = False) -> None:
        with self.state.session():
            node = self.cypress.node(path, tx)
            self.locks.acquire(node, tx, "shared" if append else "exclusive")
            self.cypress.set_chunks(node, chunks, tx, append=append)

    def remove(self, path: str, tx: str = "") -> None:
        with self.state.session():
            self.cypress.remove(self.cypress.node(path, tx), tx)

    def commit(self, tx: str) -> None:
        with self.state.session():
            self.transactions.commit(tx)

    def abort(self, tx: str) -> None:
        with self.state.session():
            self.transactions.abort(tx)

    def content(self, path: str, tx: str = "") -> list[str]:
        return self.cypress.chunks(self.cypress.node(path, tx), tx)

    def names(self, tx: str = "") -> list[str]:
        return sorted(self.cypress.children(self.cypress.root, tx))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state.sqlite")


def test_nested_changes_climb_level_by_level(world: World) -> None:
    outer = world.start()
    inner = world.start(outer)
    world.create("//t", outer)
    world.write("//t", ["c1"], inner)
    assert world.content("//t", outer) == []
    world.commit(inner)
    assert world.content("//t", outer) == ["c1"]
    assert world.names() == []
    world.commit(outer)
    assert world.content("//t") == ["c1"]


def test_concurrent_nested_appends_add_up(world: World) -> None:
    world.create("//t")
    outer = world.start()
    first, second = world.start(outer), world.start(outer)
    world.write("//t", ["a"], first, append=True)
    world.write("//t", ["b"], second, append=True)
    world.commit(second)
    world.commit(first)
    assert world.content("//t", outer) == ["b", "a"]
    world.commit(outer)
    assert world.content("//t") == ["b", "a"]


def test_overwrite_then_append_in_one_transaction_replaces(world: World) -> None:
    world.create("//t")
    world.write("//t", ["old"], "")
    outer = world.start()
    for chunk, append in (("x", False), ("y", True)):
        inner = world.start(outer)
        world.write("//t", [chunk], inner, append=append)
        world.commit(inner)
    assert world.content("//t") == ["old"]
    world.commit(outer)
    assert world.content("//t") == ["x", "y"]


def test_remove_and_create_again_in_a_transaction(world: World) -> None:
    old = world.create("//t").id
    tx = world.start()
    world.remove("//t", tx)
    assert world.names(tx) == []
    new = world.create("//t", tx).id
    assert world.cypress.node("//t", "").id == old
    world.commit(tx)
    assert world.cypress.node("//t", "").id == new
    assert old not in world.state.nodes


def test_an_aborted_parent_takes_its_children_along(world: World) -> None:
    outer = world.start()
    inner = world.start(outer)
    world.create("//t", inner)
    world.abort(outer)
    assert world.names() == []
    assert world.state.transactions == {}
    assert world.state.locks == {}
    assert set(world.state.nodes) == {"root"}


@pytest.mark.parametrize(("append", "code"), [(False, 402), (True, None)])
def test_strangers_conflict_on_overwrite_only(world: World, append: bool, code: int | None) -> None:
    world.create("//t")
    first, second = world.start(), world.start()
    world.write("//t", ["a"], first, append=True)
    if code is None:
        world.write("//t", ["b"], second, append=append)
        return
    with pytest.raises(YtError) as caught:
        world.write("//t", ["b"], second, append=append)
    assert caught.value.code == code
    assert caught.value.attributes["winner_transaction"]["id"] == first


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize(
    ("wanted", "held", "code", "says"),
    [
        ("exclusive", "exclusive", 402, '"exclusive" lock is taken by concurrent transaction {inner}'),
        ("snapshot", "shared", 401, '"shared" lock is already taken by a descendant transaction'),
    ],
)
def test_a_nested_transaction_is_in_the_way_of_those_around_it(
    world: World, wanted: str, held: str, code: int, says: str
) -> None:
    node = world.create("//t")
    outer = world.start()
    inner = world.start(outer)
    with world.state.session():
        world.locks.take(node, inner, held)
        with pytest.raises(YtError) as caught:
            world.locks.take(node, outer, wanted)
    assert caught.value.code == code
    assert (
        caught.value.message == f'Cannot take "{wanted}" lock for node //t since {says.format(inner=inner)}'
    )


@pytest.mark.checked_against("server source")
def test_who_has_a_snapshot_may_not_change_the_node(world: World) -> None:
    node = world.create("//t")
    outer = world.start()
    inner = world.start(outer)
    with world.state.session():
        world.locks.take(node, outer, "snapshot")
    for tx, whose in ((outer, "same"), (inner, "parent")):
        with pytest.raises(YtError) as caught:
            world.write("//t", ["a"], tx)
        assert caught.value.code == 400
        assert caught.value.message == (
            'Cannot take "exclusive" lock for node //t since "snapshot" lock is already taken by '
            f"{whose} transaction {outer}"
        )


@pytest.mark.checked_against("server source")
def test_an_append_sees_nothing_of_what_others_append_meanwhile(world: World) -> None:
    world.create("//t")
    world.write("//t", ["old"], "")
    tx = world.start()
    world.write("//t", ["mine"], tx, append=True)
    world.write("//t", ["theirs"], "", append=True)
    assert world.content("//t", tx) == ["old", "mine"]
    world.commit(tx)
    assert world.content("//t") == ["old", "theirs", "mine"]


@pytest.mark.checked_against("server source")
def test_a_snapshot_of_a_map_keeps_what_was_in_it(world: World) -> None:
    world.create("//m", kind="map_node")
    world.create("//m/d", kind="map_node")
    child = world.create("//m/d/t").id
    tx = world.start()
    with world.state.session():
        world.locks.take(world.cypress.node("//m", tx), tx, "snapshot")
    world.remove("//m/d")
    world.create("//m/new")
    assert world.cypress.node("//m/d/t", tx).id == child
    assert [*world.cypress.children(world.cypress.node("//m", tx), tx)] == ["d"]
    world.abort(tx)
    assert child not in world.state.nodes


@pytest.mark.checked_against("server source")
def test_a_change_in_a_transaction_has_a_revision_of_its_own(world: World) -> None:
    node = world.create("//t")
    before = node.revision
    tx = world.start()
    with world.state.session():
        world.cypress.set_attr(node, "a", 1, tx)
    inside = world.cypress.branches.stamp(node, tx).revision
    assert before == world.cypress.branches.stamp(node, "").revision < inside
    world.commit(tx)
    assert node.revision > inside


def test_two_transactions_may_not_create_the_same_child(world: World) -> None:
    first, second = world.start(), world.start()
    world.create("//t", first)
    with pytest.raises(YtError) as caught:
        world.create("//t", second)
    assert caught.value.code == 402
    world.create("//u", second)


@pytest.mark.checked_against("nothing")
def test_records_of_earlier_versions_are_read(world: World) -> None:
    old_layer = {"children": {}, "attrs": {}, "gone": [], "chunks": ["c"], "content": "", "frozen": False}
    assert Layer.load(old_layer) == Layer(chunks=["c"])
    lock = {"id": "1", "node_id": "2", "transaction_id": "3", "mode": "shared"}
    assert Lock.load(lock) == Lock("1", "2", "3", "shared", implicit=False)


@pytest.mark.checked_against("nothing")
def test_a_failed_session_changes_nothing(world: World) -> None:
    with pytest.raises(RuntimeError), world.state.session():  # noqa: PT012
        world.create("//t")
        raise RuntimeError
    assert world.names() == []


@pytest.mark.checked_against("nothing")
def test_everything_is_there_after_loading_again(world: World, tmp_path: Path) -> None:
    world.create("//a", kind="map_node")
    world.create("//a/t")
    world.write("//a/t", ["c"], "")
    tx = world.start()
    world.create("//a/u", tx)
    world.write("//a/t", ["d"], tx, append=True)
    world.state.store.close()
    again = World(tmp_path / "state.sqlite")
    assert again.content("//a/t") == ["c"]
    assert again.content("//a/t", tx) == ["c", "d"]
    assert again.cypress.exists("//a/u", tx)
    assert not again.cypress.exists("//a/u", "")
    again.commit(tx)
    assert again.content("//a/t") == ["c", "d"]
    assert again.cypress.exists("//a/u", "")


@pytest.mark.checked_against("nothing")
def test_snapshots_and_pinned_rows_are_there_after_loading_again(world: World, tmp_path: Path) -> None:
    place = f"#{world.create('//m', kind='map_node').id}"
    world.create("//m/t")
    world.write("//m/t", ["old"], "")
    reader, writer = world.start(), world.start()
    with world.state.session():
        world.locks.take(world.cypress.node("//m", reader), reader, "snapshot")
    world.write("//m/t", ["mine"], writer, append=True)
    world.write("//m/t", ["theirs"], "", append=True)
    world.state.store.close()
    again = World(tmp_path / "state.sqlite")
    assert again.content("//m/t", writer) == ["old", "mine"]
    again.abort(writer)
    again.remove("//m")
    assert again.content(f"{place}/t", reader) == ["old", "theirs"]
    again.abort(reader)
    assert set(again.state.nodes) == {"root"}
