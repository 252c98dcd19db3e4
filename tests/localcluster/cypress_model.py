"""A model of Cypress with nested transactions and locks: what a cluster should hold and answer.

It keeps facts: a child of a map node, an attribute, a value, the rows of a table; each with the value it
has at every level (outside, "", and in each transaction) that changed it. A transaction reads the value of
the nearest level around it. Its rules are those of the server's source (`cypress_manager.cpp`, `DoCheckLock`
and its neighbours), not of the local cluster's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
RESOLVE, EXISTS, NOT_SUPPORTED = 500, 501, 103
OWN_LOCK, NESTED_LOCK, LOST = 400, 401, 402
GENERIC = 1
SCALARS = {"int64_node": "int64", "string_node": "string"}


class Refused(Exception):
    """The command fails and changes nothing. `texts` are those of the error and of the ones inside it."""

    def __init__(self, code: int, *texts: str) -> None:
        super().__init__(code, texts)
        self.code, self.texts = code, list(texts)


@dataclass
class Node:
    kind: str
    parent: int
    key: str
    level: str
    """Where it was made: moves outwards with every commit."""


@dataclass(frozen=True)
class Rows:
    """`seen` is what the level around had when this one began to write; None if that was thrown away."""

    seen: tuple[Any, ...] | None
    own: tuple[Any, ...] = ()

    @property
    def all(self) -> list[Any]:
        return [*(self.seen or ()), *self.own]


@dataclass
class Lock:
    node: int
    tx: str
    mode: str
    key: str = ""
    """`child k`, `attribute k`, or "" for all of the node."""
    explicit: bool = False


@dataclass
class Model:
    root: str
    nodes: dict[int, Node] = field(default_factory=lambda: {0: Node("map_node", -1, "", "")})
    facts: dict[int, dict[str, dict[str, Any]]] = field(default_factory=lambda: {0: {}})
    parents: dict[str, str] = field(default_factory=dict)
    locks: list[Lock] = field(default_factory=list)
    frozen: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict)
    branched: set[tuple[int, str]] = field(default_factory=set)

    # ---- reading

    def chain(self, tx: str) -> list[str]:
        return [tx, *self.chain(self.parents[tx])] if tx else [""]

    def read(self, node: int, fact: str, tx: str) -> Any:
        for level in self.chain(tx):
            if (node, level) in self.frozen:
                return self.frozen[node, level].get(fact)
            if level in self.facts[node].get(fact, {}):
                return self.facts[node][fact][level]
        return None

    def names(self, node: int, kind: str, tx: str) -> dict[str, Any]:
        """All facts of one kind (`child`, `attribute`) that there are for `tx`."""
        names = [fact for fact in self.facts[node] if fact.startswith(f"{kind} ")]
        found = {fact.split(" ", 1)[1]: self.read(node, fact, tx) for fact in names}
        return {name: value for name, value in found.items() if value is not None}

    def path_of(self, node: int) -> str:
        made = self.nodes[node]
        return f"{self.path_of(made.parent)}/{made.key}" if made.parent >= 0 else self.root

    def approach(self, path: Path, tx: str) -> tuple[int, Path]:
        """The last node of the way, a link at its end not followed, and what is left of the path."""
        node = 0
        for index, key in enumerate(path):
            if self.nodes[node].kind == "link":
                return self.approach((*self.read(node, "value", tx), *path[index:]), tx)
            child = self.read(node, f"child {key}", tx)
            if child is None:
                return node, path[index:]
            node = child
        return node, ()

    def find(self, path: Path, tx: str, suffix: str = "") -> int:
        """The node at the end; `suffix` is what follows in the path that was asked for."""
        node, left = self.approach(path, tx)
        if not left and self.nodes[node].kind == "link":
            node, left = self.approach(self.read(node, "value", tx), tx)
        if left:
            text = f"Error resolving path {self.at(path)}{suffix}"
            raise Refused(RESOLVE, text, self._why_not(node, left))
        return node

    def _why_not(self, node: int, left: Path) -> str:
        if self.nodes[node].kind != "map_node":
            return f"Node {self.path_of(node)} cannot have children"
        return f'Node {self.path_of(node)} has no child with key "{left[0]}"'

    def at(self, path: Path) -> str:
        return "/".join((self.root, *path))

    def shown(self, node: int, tx: str) -> Any:
        """A node as `get` answers it, with the row counts of tables."""
        kind = self.nodes[node].kind
        if kind == "map_node":
            return {key: self.shown(child, tx) for key, child in self.names(node, "child", tx).items()}
        if kind == "table":
            return f"{len(self.read(node, 'rows', tx).all)} rows"
        return "link" if kind == "link" else self.read(node, "value", tx)

    def subtree(self, node: int, tx: str) -> Iterator[int]:
        yield node
        for child in self.names(node, "child", tx).values():
            yield from self.subtree(child, tx)

    def paths(self, tx: str) -> list[Path]:
        """Of all nodes but the root, those above before those below."""

        def walk(node: int, path: Path) -> Iterator[Path]:
            for key, child in self.names(node, "child", tx).items():
                yield (*path, key)
                yield from walk(child, (*path, key))

        return list(walk(0, ()))

    # ---- transactions

    def start(self, tx: str, parent: str) -> None:
        self.parents[tx] = parent

    def commit(self, tx: str) -> None:
        self._end_nested(tx)
        parent = self.parents[tx]
        for node, facts in self.facts.items():
            for levels in facts.values():
                if tx in levels:
                    levels[parent] = self._merged(levels.pop(tx), levels.get(parent))
            if self.nodes[node].level == tx:
                self.nodes[node].level = parent
        for lock in [each for each in self.locks if each.tx == tx]:
            self.locks.remove(lock)
            twin = any((each.node, each.tx, each.mode, each.key) == (lock.node, parent, lock.mode, lock.key)
                       for each in self.locks)  # fmt: skip
            if parent and lock.mode != "snapshot" and (lock.explicit or not twin):
                self.locks.append(Lock(lock.node, parent, lock.mode, lock.key, lock.explicit))
        self._forget(tx)

    def _merged(self, inner: Any, outer: Any) -> Any:
        if not isinstance(inner, Rows) or outer is None or inner.seen is None:
            return inner
        return Rows(outer.seen, outer.own + inner.own)

    def abort(self, tx: str) -> None:
        self._end_nested(tx)
        for facts in self.facts.values():
            for levels in facts.values():
                levels.pop(tx, None)
        self.locks = [each for each in self.locks if each.tx != tx]
        self._forget(tx)

    def _end_nested(self, tx: str) -> None:
        for nested in [each for each, parent in self.parents.items() if parent == tx]:
            self.abort(nested)

    def _forget(self, tx: str) -> None:
        self.frozen = {key: value for key, value in self.frozen.items() if key[1] != tx}
        self.branched = {key for key in self.branched if key[1] != tx}
        del self.parents[tx]

    # ---- locks

    def lock(self, node: int, tx: str, mode: str, key: str = "", *, explicit: bool = False) -> None:
        self.check(node, tx, mode, key)
        same = any((each.node, each.tx, each.mode, each.key) == (node, tx, mode, key) for each in self.locks)
        if not tx or (same and not explicit):
            return
        self.locks.append(Lock(node, tx, mode, key, explicit))
        if mode != "snapshot":
            self._branch(node, tx)
        elif (node, tx) not in self.branched and (node, tx) not in self.frozen:
            self.frozen[node, tx] = {fact: self.read(node, fact, tx) for fact in self.facts[node]}

    def _branch(self, node: int, tx: str) -> None:
        """The transaction and those around it, as far as the node is not theirs, pin the rows they see."""
        chain = self.chain(tx)
        for level in reversed(chain[: chain.index(self.nodes[node].level)]):
            if (node, level) not in self.branched:
                if self.nodes[node].kind == "table":
                    seen = self.read(node, "rows", level).all
                    self.facts[node]["rows"][level] = Rows(tuple(seen))
                self.branched.add((node, level))

    def check(self, node: int, tx: str, mode: str, key: str = "") -> None:
        held = [each for each in self.locks if each.node == node]
        path, chain = self.path_of(node), self.chain(tx)
        frozen = {each.tx for each in held if each.mode == "snapshot"}
        changes = [each for each in held if each.mode != "snapshot"]
        cannot = f'Cannot take "{mode}" lock for node {path} since'
        if tx in frozen:
            if mode != "snapshot":
                raise Refused(OWN_LOCK, f'{cannot} "snapshot" lock is already taken by same transaction {tx}')
            return
        if mode == "snapshot":
            own = {each.mode for each in changes if each.tx == tx}
            if own:
                raise Refused(
                    OWN_LOCK, f'{cannot} "{min(own)}" lock is already taken by same transaction {tx}'
                )
            below = {each.mode for each in changes if tx in self.chain(each.tx)}
            if below:
                raise Refused(
                    NESTED_LOCK, f'{cannot} "{min(below)}" lock is already taken by a descendant transaction'
                )
            return
        for above in chain[1:]:
            if above in frozen:
                raise Refused(
                    OWN_LOCK, f'{cannot} "snapshot" lock is already taken by parent transaction {above}'
                )
        for each in sorted(changes, key=lambda lock: lock.mode):
            at_odds = "exclusive" in (mode, each.mode) or (key and key == each.key)
            if each.tx not in chain and at_odds:
                raise self._lost(path, mode, key, each)

    def _lost(self, path: str, mode: str, key: str, winner: Lock) -> Refused:
        end = f"by concurrent transaction {winner.tx}"
        if not key:
            return Refused(
                LOST, f'Cannot take "{mode}" lock for node {path} since "{winner.mode}" lock is taken {end}'
            )
        what, name = key.split(" ", 1)
        return Refused(
            LOST, f'Cannot take lock for {what} "{name}" of node {path} since this {what} is locked {end}'
        )

    # ---- changes of one node

    def put(self, node: int, fact: str, value: Any, tx: str) -> None:
        self.facts[node].setdefault(fact, {})[tx] = value

    def make(self, parent: int, key: str, kind: str, tx: str, value: Any = None) -> int:
        if self.nodes[parent].kind != "map_node":
            raise Refused(GENERIC, f"Node {self.path_of(parent)} cannot have children")
        self.lock(parent, tx, "shared", f"child {key}")
        node = len(self.nodes)
        self.nodes[node], self.facts[node] = Node(kind, parent, key, tx), {}
        if kind == "table":
            self.put(node, "rows", Rows(None, tuple(value or ())), tx)
        elif kind != "map_node":
            self.put(node, "value", value, tx)
        self.lock(node, tx, "exclusive")
        self.put(parent, f"child {key}", node, tx)
        return node

    def make_at(
        self, node: int, left: Path, kind: str, tx: str, *, recursive: bool, value: Any = None
    ) -> int:
        """Where a path leads to nothing: below `node`, with map nodes on the way if that is asked for."""
        if self.nodes[node].kind != "map_node":
            raise Refused(GENERIC, f"Node {self.path_of(node)} cannot have children")
        if len(left) > 1 and not recursive:
            raise Refused(RESOLVE, f'Node {self.path_of(node)} has no child with key "{left[0]}"')
        for key in left[:-1]:
            node = self.make(node, key, "map_node", tx)
        return self.make(node, left[-1], kind, tx, value)

    def drop(self, node: int, tx: str) -> None:
        for each in self.subtree(node, tx):
            self._check_somewhere(each, tx)
        for each in list(self.subtree(node, tx)):
            self.lock(each, tx, "exclusive")
        made = self.nodes[node]
        self.lock(made.parent, tx, "shared", f"child {made.key}")
        self.put(made.parent, f"child {made.key}", None, tx)

    def _check_somewhere(self, node: int, tx: str) -> None:
        """As `check`; which node of a subtree is named first is not said anywhere."""
        try:
            self.check(node, tx, "exclusive")
        except Refused as refusal:
            raise Refused(refusal.code) from None
