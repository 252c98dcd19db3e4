"""A small model of Cypress, nested transactions and tables: what a cluster should hold after each command.

A tree is a dict of names to nodes; a node is a dict (a map node), a `Table`, or a plain value (a scalar
node). A model keeps one tree per open transaction, the innermost last: a transaction begins with a copy of
what its parent sees, and commits by putting its tree in the parent's place. That is right as long as only
the innermost changes anything, which is how the test uses it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
RESOLVE, EXISTS = 500, 501
OTHER = 0
"""A refusal whose code is not compared."""


class Refused(Exception):
    """The command fails and changes nothing."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Table:
    rows: list[dict[str, Any]] = field(default_factory=list)


def kind_of(node: Any) -> str:
    """The node type of a node."""
    if isinstance(node, dict):
        return "map_node"
    if isinstance(node, Table):
        return "table"
    return "int64_node" if isinstance(node, int) else "string_node"


def shown(node: Any) -> Any:
    """A node as `get` answers it, with the row counts of tables."""
    if isinstance(node, dict):
        return {name: shown(child) for name, child in node.items()}
    return f"{len(node.rows)} rows" if isinstance(node, Table) else node


class Model:
    def __init__(self) -> None:
        self.trees: list[dict[str, Any]] = [{}]

    @property
    def tree(self) -> dict[str, Any]:
        """What the innermost transaction sees."""
        return self.trees[-1]

    def start(self) -> None:
        self.trees.append(copy.deepcopy(self.tree))

    def commit(self) -> None:
        self.trees[-2:] = self.trees[-1:]

    def abort(self) -> None:
        self.trees.pop()

    def seen_by(self, level: int) -> Model:
        """What the transaction with `level` ancestors sees; 0 is outside of all."""
        seen = Model()
        seen.trees = [self.trees[level]]
        return seen

    # ---- looking

    def find(self, path: Path) -> Any:
        node: Any = self.tree
        for name in path:
            if not isinstance(node, dict) or name not in node:
                raise Refused(RESOLVE)
            node = node[name]
        return node

    def exists(self, path: Path) -> bool:
        try:
            self.find(path)
        except Refused:
            return False
        return True

    def list(self, path: Path) -> list[str]:
        node = self.find(path)
        if not isinstance(node, dict):
            raise Refused(OTHER)
        return sorted(node)

    def read(self, path: Path) -> list[dict[str, Any]]:
        node = self.find(path)
        if not isinstance(node, Table):
            raise Refused(OTHER)
        return node.rows

    def paths(self) -> list[Path]:
        """Of all nodes, those above before those below."""
        found: list[Path] = []

        def walk(node: Any, path: Path) -> None:
            for name, child in node.items() if isinstance(node, dict) else ():
                found.append((*path, name))
                walk(child, (*path, name))

        walk(self.tree, ())
        return found

    def tables(self) -> list[Path]:
        """Paths of all tables."""
        return [path for path in self.paths() if isinstance(self.find(path), Table)]

    # ---- changing; each works on a copy, so that a refusal changes nothing

    def _put(self, tree: dict[str, Any], path: Path, node: Any, recursive: bool) -> None:
        parent: Any = tree
        for name in path[:-1]:
            if isinstance(parent, dict) and recursive:
                parent.setdefault(name, {})
            if not isinstance(parent, dict) or name not in parent:
                raise Refused(RESOLVE)
            parent = parent[name]
        if not isinstance(parent, dict):
            raise Refused(RESOLVE)
        parent[path[-1]] = node

    def _drop(self, tree: dict[str, Any], path: Path) -> None:
        parent: Any = tree
        for name in path[:-1]:
            parent = parent[name]
        del parent[path[-1]]

    def _replace(self, path: Path, node: Any, recursive: bool) -> None:
        tree = copy.deepcopy(self.tree)
        self._put(tree, path, copy.deepcopy(node), recursive)
        self.trees[-1] = tree

    def create(self, path: Path, node: Any, *, recursive: bool, ignore_existing: bool, force: bool) -> None:
        if ignore_existing and force:
            raise Refused(OTHER)
        if self.exists(path) and ignore_existing:
            if kind_of(self.find(path)) != kind_of(node):
                raise Refused(EXISTS)
            return
        if self.exists(path) and not force:
            raise Refused(EXISTS)
        self._replace(path, node, recursive)

    def set(self, path: Path, value: Any, *, recursive: bool, force: bool) -> None:
        if self.exists(path):
            same = kind_of(self.find(path)) == kind_of(value) != "map_node"
            if not same and not force:
                raise Refused(OTHER)
        self._replace(path, value, recursive)

    def remove(self, path: Path, *, recursive: bool, force: bool) -> None:
        if not self.exists(path):
            if force:
                return
            raise Refused(RESOLVE)
        node = self.find(path)
        if isinstance(node, dict) and node and not recursive:
            raise Refused(OTHER)
        tree = copy.deepcopy(self.tree)
        self._drop(tree, path)
        self.trees[-1] = tree

    def copy(self, source: Path, target: Path, *, recursive: bool, force: bool) -> None:
        self._clone(source, target, recursive, force, move=False)

    def move(self, source: Path, target: Path, *, recursive: bool, force: bool) -> None:
        self._clone(source, target, recursive, force, move=True)

    def _clone(self, source: Path, target: Path, recursive: bool, force: bool, *, move: bool) -> None:
        node = copy.deepcopy(self.find(source))
        tree = copy.deepcopy(self.tree)
        if self.exists(target):
            if not force:
                raise Refused(EXISTS)
            if source[: len(target)] == target:
                raise Refused(OTHER)
            self._drop(tree, target)
        if move and target[: len(source)] == source and self.exists(target[:-1]):
            raise Refused(OTHER)  # is seen before it is that the parent may be no map node
        self._put(tree, target, node, recursive)
        if move:
            if target[: len(source)] == source:
                raise Refused(OTHER)
            self._drop(tree, source)
        self.trees[-1] = tree

    def write(self, path: Path, rows: list[dict[str, Any]], *, append: bool) -> None:
        """As the client does it: make the table if it is missing, then write."""
        self.create(path, Table(), recursive=False, ignore_existing=True, force=False)
        before = self.find(path).rows if append else []
        self._replace(path, Table([*before, *rows]), recursive=False)


def in_ranges(rows: list[dict[str, Any]], ranges: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Rows of half-open row ranges, one range after the other; what is past the end is not there."""
    return [row for low, high in ranges for row in rows[low : max(low, high)]]
