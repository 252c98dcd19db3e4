"""Random sequences of commands through the real client, compared step by step with a model of Cypress.

Commands run outside and in every open transaction, also in outer ones while inner ones are open.
`YTCURATE_EXAMPLES=5000` runs more of them. A failure prints the shortest sequence that shows it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import yt.wrapper as yt
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtError

from .conftest import make_client
from .cypress_commands import Commands
from .cypress_model import Path, Refused
from .error_texts import ID, spelled

pytestmark = pytest.mark.checked_against("server source")

EXAMPLES = int(os.environ.get("YTCURATE_EXAMPLES", "12"))
STEPS = 40
MOST_OPEN = 4
"""Transactions at once."""
TIMEOUT_MS = 3_600_000
"""Of transactions: longer than the test, so that none needs pings."""

# Few names and short paths: commands must meet each other's nodes.
KEYS = st.sampled_from(["a", "b", "c"])
INSIDE = st.lists(KEYS, min_size=1, max_size=3).map(tuple)
THROUGH_A_LINK = st.lists(KEYS, max_size=2).map(lambda keys: ("l", *keys))
"""Links are made at `l` only and never lead there, so that they cannot lead in circles."""
PATHS = st.one_of(INSIDE, INSIDE, INSIDE, THROUGH_A_LINK)
FLAG = st.booleans()
RARELY = st.sampled_from([True, False, False, False])
NODES = st.sampled_from(["map_node", "table"])
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=5),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 9), max_size=2),
)
ROWS = st.lists(st.fixed_dictionaries({"x": st.integers(0, 99), "s": st.text(max_size=3)}), max_size=3)
RANGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1, max_size=2)
ATTRIBUTES = st.sampled_from(["p", "q"])
LOCKS = st.sampled_from(
    [("snapshot", ""), ("shared", ""), ("exclusive", ""), ("shared", "child a"), ("shared", "attribute p")]
)
FIRST_ROWS = [{"x": 1, "s": "one"}, {"x": 2, "s": "two"}, {"x": 3, "s": ""}]


def clients_of(proxy: str) -> list[YtClient]:
    """One for outside and one for each open transaction, each with a current transaction of its own."""
    made = [make_client(proxy) for _ in range(MOST_OPEN + 1)]
    for client in made:
        # Reads in one request: what the client adds for safety is tested elsewhere, and costs time here.
        yt.config.get_config(client)["read_retries"]["enable"] = False
    return made


class Cypress(RuleBasedStateMachine):
    """One run: a directory of its own, a tree of transactions, and the model."""

    pool: ClassVar[list[YtClient]] = []

    def __init__(self) -> None:
        super().__init__()
        self.root = f"//tmp/random-{uuid.uuid4().hex}"
        self.model = Commands(self.root)
        self.free = list(self.pool[1:])
        self.clients = {"": self.pool[0]}
        self.snapshots: dict[tuple[int, str], str] = {}
        self.pool[0].create("map_node", self.root)

    def at(self, path: Path) -> str:
        return "/".join((self.root, *path))

    def some_level(self, data: Any) -> str:
        """Outside, or one of the open transactions."""
        return str(data.draw(st.sampled_from(sorted(self.clients, key=list(self.clients).index))))

    def some_path(self, data: Any, tx: str) -> Path:
        """Mostly that of a node that is there."""
        there = self.model.paths(tx)
        often = st.sampled_from(there) if there else PATHS
        return tuple(data.draw(st.one_of(often, often, PATHS)))

    def both(self, on_cluster: Callable[[], Any], in_model: Callable[[], Any]) -> Any:
        """Do the same on both sides: the answers must be equal, or codes and texts of the refusals."""
        refusal, expected = None, None
        try:
            expected = in_model()
        except Refused as refused:
            refusal = refused
        if refusal is None:
            answer = on_cluster()
            assert expected is None or answer == expected
            return answer
        with pytest.raises(YtError) as caught:
            on_cluster()
        code, texts = spelled(caught.value)
        assert code == refusal.code, caught.value
        if refusal.texts:
            assert texts == [ID.sub("ID", text) for text in refusal.texts]
        return None

    # ---- transactions

    @precondition(lambda self: self.free)
    @rule(data=st.data())
    def start_transaction(self, data: Any) -> None:
        self.start_under(self.some_level(data))

    def start_under(self, parent: str) -> str:
        tx = str(self.clients[parent].start_transaction(timeout=TIMEOUT_MS))
        self.clients[tx] = self.free.pop()
        yt.config.set_command_param("transaction_id", tx, self.clients[tx])
        self.model.start(tx, parent)
        return tx

    @precondition(lambda self: len(self.clients) > 1)
    @rule(data=st.data(), commit=FLAG)
    def end_transaction(self, data: Any, commit: bool) -> None:
        tx = str(data.draw(st.sampled_from(list(self.clients)[1:])))
        if commit:
            self.pool[0].commit_transaction(tx)
            self.model.commit(tx)
        else:
            self.pool[0].abort_transaction(tx)
            self.model.abort(tx)
        for ended in [each for each in self.clients if each and each not in self.model.parents]:
            self.free.append(self.clients.pop(ended))
        self.snapshots = {key: value for key, value in self.snapshots.items() if key in self.model.frozen}

    @precondition(lambda self: len(self.clients) > 1)
    @rule(data=st.data(), lock=LOCKS)
    def lock(self, data: Any, lock: tuple[str, str]) -> None:
        tx = str(data.draw(st.sampled_from(list(self.clients)[1:])))
        path, (mode, key) = self.some_path(data, tx), lock
        what, _, name = key.partition(" ")
        keys = {f"{what}_key": name} if key else {}
        answer = self.both(
            lambda: self.clients[tx].lock(self.at(path), mode=mode, **keys),
            lambda: self.model.take_lock(path, mode, key, tx) and None,
        )
        if answer is not None and mode == "snapshot":
            node = self.model.find(path, tx)
            if (node, tx) in self.model.frozen:
                self.snapshots[node, tx] = str(answer["node_id"])

    # ---- nodes

    @initialize()
    def begin_with_something(self) -> None:
        self.pool[0].set(self.at(("a",)), {"b": 1, "c": {}})
        self.model.set(("a",), {"b": 1, "c": {}}, "", recursive=False, force=False)
        self.pool[0].write_table(self.at(("b",)), FIRST_ROWS)
        self.model.write_table(("b",), FIRST_ROWS, "", append=False)
        self.start_under(self.start_under(""))

    @rule(data=st.data(), kind=NODES, recursive=FLAG, ignore_existing=FLAG, force=RARELY)
    def create(self, data: Any, kind: str, recursive: bool, ignore_existing: bool, force: bool) -> None:
        tx = self.some_level(data)
        path = self.some_path(data, tx)
        flags = {"recursive": recursive, "ignore_existing": ignore_existing, "force": force}
        self.both(
            lambda: self.clients[tx].create(kind, self.at(path), **flags),
            lambda: self.model.create(path, kind, tx, **flags),
        )

    @rule(data=st.data(), ignore_existing=RARELY, force=FLAG)
    def link(self, data: Any, ignore_existing: bool, force: bool) -> None:
        tx = self.some_level(data)
        leads_to: Path = data.draw(INSIDE)
        flags = {"recursive": False, "ignore_existing": ignore_existing, "force": force}
        self.both(
            lambda: self.clients[tx].link(self.at(leads_to), self.at(("l",)), **flags),
            lambda: self.model.link(leads_to, ("l",), tx, **flags),
        )

    @rule(data=st.data(), value=VALUES, recursive=FLAG, force=FLAG)
    def set(self, data: Any, value: Any, recursive: bool, force: bool) -> None:
        tx = self.some_level(data)
        path = self.some_path(data, tx)
        self.both(
            lambda: self.clients[tx].set(self.at(path), value, recursive=recursive, force=force),
            lambda: self.model.set(path, value, tx, recursive=recursive, force=force),
        )

    @rule(data=st.data(), name=ATTRIBUTES, value=st.integers(0, 9), remove=RARELY)
    def change_an_attribute(self, data: Any, name: str, value: int, remove: bool) -> None:
        tx = self.some_level(data)
        path = self.some_path(data, tx)
        at, client = f"{self.at(path)}/@{name}", self.clients[tx]
        if remove:
            self.both(lambda: client.remove(at), lambda: self.model.remove_attribute(path, name, tx))
        else:
            self.both(lambda: client.set(at, value), lambda: self.model.set_attribute(path, name, value, tx))

    @rule(data=st.data(), verb=st.sampled_from(["get", "exists", "list", "read_table", "p", "q", "locks"]))
    def look(self, data: Any, verb: str) -> None:
        tx = self.some_level(data)
        path = self.some_path(data, tx)
        at, client, model = self.at(path), self.clients[tx], self.model
        on_cluster, in_model = {
            "get": (lambda: plain(client.get(at, attributes=["row_count"])), lambda: model.get(path, tx)),
            "exists": (lambda: client.exists(at), lambda: model.exists(path, tx)),
            "list": (lambda: sorted(client.list(at)), lambda: model.list(path, tx)),
            "read_table": (lambda: list(client.read_table(at)), lambda: model.read_table(path, tx)),
            "locks": (lambda: plain_locks(client.get(f"{at}/@locks")), lambda: model.locks_of(path, tx)),
        }.get(verb, (lambda: client.get(f"{at}/@{verb}"), lambda: model.attribute(path, verb, tx)))
        self.both(on_cluster, in_model)

    @rule(data=st.data(), recursive=FLAG, force=FLAG)
    def remove(self, data: Any, recursive: bool, force: bool) -> None:
        tx = self.some_level(data)
        path = self.some_path(data, tx)
        self.both(
            lambda: self.clients[tx].remove(self.at(path), recursive=recursive, force=force),
            lambda: self.model.remove(path, tx, recursive=recursive, force=force),
        )

    @rule(data=st.data(), verb=st.sampled_from(["copy", "move"]), recursive=FLAG, force=FLAG)
    def copy_or_move(self, data: Any, verb: str, recursive: bool, force: bool) -> None:
        tx = self.some_level(data)
        source, target = self.some_path(data, tx), self.some_path(data, tx)
        flags = {"recursive": recursive, "force": force}
        on_cluster = getattr(self.clients[tx], verb)
        self.both(
            lambda: on_cluster(self.at(source), self.at(target), **flags),
            lambda: self.model.copy(source, target, tx, **flags, move=verb == "move"),
        )

    # ---- tables

    @rule(data=st.data(), rows=ROWS, append=FLAG)
    def write_table(self, data: Any, rows: Any, append: bool) -> None:
        tx = self.some_level(data)
        tables = self.model.tables(tx)
        path = data.draw(st.sampled_from(tables)) if tables and data.draw(FLAG) else self.some_path(data, tx)
        self.both(
            lambda: self.clients[tx].write_table(TablePath(self.at(path), append=append), rows),
            lambda: self.model.write_table(path, rows, tx, append=append),
        )

    @rule(data=st.data(), ranges=RANGES)
    def read_tables_in_part(self, data: Any, ranges: Any) -> None:
        tx = self.some_level(data)
        limits = [{"lower_limit": {"row_index": a}, "upper_limit": {"row_index": b}} for a, b in ranges]
        for path in self.model.tables(tx):
            part = self.clients[tx].read_table(TablePath(self.at(path), ranges=limits))
            rows = self.model.read_table(path, tx)
            assert list(part) == [row for low, high in ranges for row in rows[low : max(low, high)]]

    # ---- what always holds

    @rule()
    def every_level_sees_its_own_tree(self) -> None:
        for tx, client in self.clients.items():
            assert plain(client.get(self.root, attributes=["row_count"])) == self.model.shown(0, tx)

    @precondition(lambda self: self.snapshots)
    @rule()
    def snapshots_show_what_was_there(self) -> None:
        for (node, tx), object_id in self.snapshots.items():
            found = self.clients[tx].get(f"#{object_id}&", attributes=["row_count"])
            assert plain(found) == self.model.shown(node, tx)
            if self.model.nodes[node].kind == "table":
                rows = list(self.clients[tx].read_table(f"#{object_id}"))
                assert rows == self.model.read(node, "rows", tx).all

    def teardown(self) -> None:
        for tx in [each for each, parent in self.model.parents.items() if not parent]:
            self.pool[0].abort_transaction(tx)
        self.pool[0].remove(self.root, recursive=True, force=True)


def plain(value: Any) -> Any:
    """A value without YSON's types; tables and links, which come as entities, as `shown` has them."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if value is None or isinstance(value, yt.yson.YsonEntity):
        count = (getattr(value, "attributes", None) or {}).get("row_count")
        return "link" if count is None else f"{int(count)} rows"
    return int(value) if isinstance(value, int) else str(value)


def plain_locks(locks: Any) -> list[tuple[str, str, str]]:
    """Transaction, mode and key of each."""
    found = []
    for lock in locks:
        keys = [f"{what} {lock[f'{what}_key']}" for what in ("child", "attribute") if f"{what}_key" in lock]
        found.append((str(lock["transaction_id"]), str(lock["mode"]), *(keys or [""])))
    return sorted(found)


def test_random_commands_do_what_the_model_says(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cypress, "pool", clients_of(proxy))
    run_state_machine_as_test(
        Cypress,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            # The same sequences each time, unless more are asked for: those are new ones.
            derandomize="YTCURATE_EXAMPLES" not in os.environ,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
