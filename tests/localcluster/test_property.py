"""Random sequences of commands through the real client, compared step by step with a model of Cypress.

`YTCURATE_EXAMPLES=200` runs more of them. A failure prints the shortest sequence that shows it.
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
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtError

from .conftest import make_client
from .cypress_model import OTHER, Model, Path, Refused, Table, in_ranges, shown

pytestmark = pytest.mark.checked_against("documentation")

EXAMPLES = int(os.environ.get("YTCURATE_EXAMPLES", "15"))
STEPS = 30
MAX_DEPTH = 3
"""Transactions inside each other."""
TIMEOUT_MS = 600_000
"""Of transactions: longer than the test, so that none needs pings."""

# Few names and short paths: commands must meet each other's nodes.
PATHS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map(tuple)
FLAG = st.booleans()
NODES = st.sampled_from(["map_node", "table"])
VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=5),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 9), max_size=2),
)
ROWS = st.lists(st.fixed_dictionaries({"x": st.integers(0, 99), "s": st.text(max_size=3)}), max_size=4)
RANGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), min_size=1, max_size=2)
FIRST_ROWS = [{"x": 1, "s": "one"}, {"x": 2, "s": "two"}, {"x": 3, "s": ""}]


def clients_of(proxy: str) -> list[YtClient]:
    """One for outside and one for each level of transactions, each with a current transaction of its own."""
    made = [make_client(proxy) for _ in range(MAX_DEPTH + 1)]
    for client in made:
        # Reads in one request: what the client adds for safety is tested elsewhere, and costs time here.
        yt.config.get_config(client)["read_retries"]["enable"] = False
    return made


class Cypress(RuleBasedStateMachine):
    """One run: a directory of its own, transactions inside each other, and the model."""

    pool: ClassVar[list[YtClient]] = []

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.transactions: list[str] = []
        self.root = f"//tmp/random-{uuid.uuid4().hex}"
        self.pool[0].create("map_node", self.root)

    @property
    def clients(self) -> list[YtClient]:
        """Of the outside and of each open transaction."""
        return self.pool[: len(self.transactions) + 1]

    @property
    def client(self) -> YtClient:
        """The client whose current transaction is the innermost."""
        return self.clients[-1]

    def at(self, path: Path) -> str:
        return "/".join((self.root, *path))

    def both(self, on_cluster: Callable[[], Any], in_model: Callable[[], Any]) -> None:
        """Do the same on both sides: the answers must be equal, or the reasons of the refusals."""
        code = None
        expected: Any = None
        try:
            expected = in_model()
        except Refused as refusal:
            code = refusal.code
        if code is None:
            answer = on_cluster()
            assert expected is None or answer == expected
            return
        with pytest.raises(YtError) as caught:
            on_cluster()
        assert code == OTHER or caught.value.contains_code(code), caught.value

    # ---- transactions

    @precondition(lambda self: len(self.transactions) < MAX_DEPTH)
    @rule()
    def start_transaction(self) -> None:
        self.transactions.append(self.client.start_transaction(timeout=TIMEOUT_MS))
        yt.config.set_command_param("transaction_id", self.transactions[-1], self.client)
        self.model.start()

    @precondition(lambda self: self.transactions)
    @rule(commit=FLAG)
    def end_transaction(self, commit: bool) -> None:
        transaction = self.transactions.pop()
        if commit:
            self.client.commit_transaction(transaction)
            self.model.commit()
        else:
            self.client.abort_transaction(transaction)
            self.model.abort()

    # ---- nodes

    @initialize()
    def begin_with_something(self) -> None:
        self.client.set(self.at(("a",)), {"b": 1, "c": {}}, force=True)
        self.model.set(("a",), {"b": 1, "c": {}}, recursive=False, force=True)
        self.client.write_table(self.at(("b",)), FIRST_ROWS)
        self.model.write(("b",), FIRST_ROWS, append=False)

    def some_path(self, data: Any) -> Path:
        """Mostly that of a node that is there."""
        there = self.model.paths()
        return tuple(data.draw(st.one_of(st.sampled_from(there), PATHS) if there else PATHS))

    @rule(data=st.data(), kind=NODES, recursive=FLAG, ignore_existing=FLAG, force=FLAG)
    def create(self, data: Any, kind: str, recursive: bool, ignore_existing: bool, force: bool) -> None:
        path = self.some_path(data)
        flags = {"recursive": recursive, "ignore_existing": ignore_existing, "force": force}
        node: Any = {} if kind == "map_node" else Table()
        self.both(
            lambda: self.client.create(kind, self.at(path), **flags) and None,
            lambda: self.model.create(path, node, **flags),
        )

    @rule(data=st.data(), value=VALUES, recursive=FLAG, force=FLAG)
    def set(self, data: Any, value: Any, recursive: bool, force: bool) -> None:
        path = self.some_path(data)
        self.both(
            lambda: self.client.set(self.at(path), value, recursive=recursive, force=force),
            lambda: self.model.set(path, value, recursive=recursive, force=force),
        )

    @rule(data=st.data(), verb=st.sampled_from(["get", "exists", "list", "read_table"]))
    def look(self, data: Any, verb: str) -> None:
        path = self.some_path(data)
        at, client, model = self.at(path), self.client, self.model
        on_cluster, in_model = {
            "get": (lambda: plain(client.get(at, attributes=["row_count"])), lambda: shown(model.find(path))),
            "exists": (lambda: client.exists(at), lambda: model.exists(path)),
            "list": (lambda: sorted(client.list(at)), lambda: model.list(path)),
            "read_table": (lambda: [dict(row) for row in client.read_table(at)], lambda: model.read(path)),
        }[verb]
        self.both(on_cluster, in_model)

    @rule(data=st.data(), recursive=FLAG, force=FLAG)
    def remove(self, data: Any, recursive: bool, force: bool) -> None:
        path = self.some_path(data)
        self.both(
            lambda: self.client.remove(self.at(path), recursive=recursive, force=force),
            lambda: self.model.remove(path, recursive=recursive, force=force),
        )

    @rule(data=st.data(), verb=st.sampled_from(["copy", "move"]), recursive=FLAG, force=FLAG)
    def copy_or_move(self, data: Any, verb: str, recursive: bool, force: bool) -> None:
        source, destination = self.some_path(data), self.some_path(data)
        flags = {"recursive": recursive, "force": force}
        on_cluster, in_model = getattr(self.client, verb), getattr(self.model, verb)
        self.both(
            lambda: on_cluster(self.at(source), self.at(destination), **flags) and None,
            lambda: in_model(source, destination, **flags),
        )

    # ---- tables

    @rule(data=st.data(), rows=ROWS, append=FLAG)
    def write_table(self, data: Any, rows: Any, append: bool) -> None:
        tables = self.model.tables()
        path = data.draw(st.sampled_from(tables)) if tables and data.draw(FLAG) else self.some_path(data)
        self.both(
            lambda: self.client.write_table(TablePath(self.at(path), append=append), rows),
            lambda: self.model.write(path, rows, append=append),
        )

    @rule(data=st.data(), ranges=RANGES)
    def read_tables_as_seen_by_one_of_the_transactions(self, data: Any, ranges: Any) -> None:
        level = data.draw(st.integers(0, len(self.transactions)))
        model = self.model.seen_by(level)
        limits = [{"lower_limit": {"row_index": a}, "upper_limit": {"row_index": b}} for a, b in ranges]
        for path in model.tables():
            whole = self.clients[level].read_table(self.at(path))
            assert [dict(row) for row in whole] == model.read(path)
            part = self.clients[level].read_table(TablePath(self.at(path), ranges=limits))
            assert [dict(row) for row in part] == in_ranges(model.read(path), ranges)

    # ---- always

    @invariant()
    def the_innermost_transaction_and_the_outside_see_their_own_trees(self) -> None:
        for level in {0, len(self.transactions)}:
            found = self.pool[level].get(self.root, attributes=["row_count"])
            assert plain(found) == shown(self.model.trees[level])

    def teardown(self) -> None:
        if self.transactions:
            self.pool[0].abort_transaction(self.transactions[0])
        self.pool[0].remove(self.root, recursive=True, force=True)


def plain(value: Any) -> Any:
    """A value without YSON's types; tables, which come as entities, as `shown` has them."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, yt.yson.YsonEntity):
        return f"{int(value.attributes['row_count'])} rows"
    return int(value) if isinstance(value, int) else str(value)


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
