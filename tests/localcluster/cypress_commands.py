"""The commands of Cypress on the model: each changes all it should, or is refused and changes nothing."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from .cypress_model import (
    EXISTS,
    GENERIC,
    NOT_SUPPORTED,
    RESOLVE,
    SCALARS,
    Model,
    Path,
    Refused,
    Rows,
)

Result = TypeVar("Result")


def whole(method: Callable[..., Result]) -> Callable[..., Result]:
    """A refusal takes back what the command did before it."""

    @functools.wraps(method)
    def run(self: Commands, *args: Any, **flags: Any) -> Result:
        before = copy.deepcopy(vars(self))
        try:
            return method(self, *args, **flags)
        except Refused:
            vars(self).update(before)
            raise

    return run


def kind_of(value: Any) -> str:
    if isinstance(value, dict):
        return "map_node"
    return "int64_node" if isinstance(value, int) else "string_node"


class Commands(Model):
    # ---- looking

    def get(self, path: Path, tx: str) -> Any:
        return self.shown(self.find(path, tx), tx)

    def exists(self, path: Path, tx: str) -> bool:
        try:
            self.find(path, tx)
        except Refused:
            return False
        return True

    def list(self, path: Path, tx: str) -> list[str]:
        node = self.find(path, tx)
        if self.nodes[node].kind != "map_node":
            raise Refused(NOT_SUPPORTED, '"List" method is not supported')
        return sorted(self.names(node, "child", tx))

    def read_table(self, path: Path, tx: str) -> Any:
        node = self.find(path, tx, "/@")
        if self.nodes[node].kind != "table":  # the client looks first
            raise Refused(GENERIC, "Command read is supported only for tables")
        return self.read(node, "rows", tx).all

    def attribute(self, path: Path, name: str, tx: str) -> Any:
        value = self.read(self.find(path, tx, f"/@{name}"), f"attribute {name}", tx)
        if value is None:
            raise Refused(RESOLVE, f'Attribute "{name}" is not found')
        return value

    def locks_of(self, path: Path, tx: str) -> list[tuple[str, str, str]]:
        node = self.find(path, tx, "/@locks")
        return sorted((each.tx, each.mode, each.key) for each in self.locks if each.node == node)

    def tables(self, tx: str) -> list[Path]:
        return [path for path in self.paths(tx) if self.nodes[self.approach(path, tx)[0]].kind == "table"]

    # ---- changing

    @whole
    def create(
        self, path: Path, kind: str, tx: str, *, recursive: bool, ignore_existing: bool, force: bool,
        value: Any = None,
    ) -> None:  # fmt: skip
        self._check_flags(ignore_existing, force)
        node, left = self.approach(path, tx)
        if left:
            self.make_at(node, left, kind, tx, recursive=recursive, value=value)
        elif force:
            self.drop(node, tx)
            self.make(self.nodes[node].parent, path[-1], kind, tx, value)
        elif not ignore_existing:
            raise Refused(EXISTS, f"Node {self.path_of(node)} already exists")
        elif self.nodes[node].kind != kind:
            raise Refused(
                EXISTS,
                f'{self.path_of(node)} already exists and has type "{self.nodes[node].kind}" while node of '
                f'"{kind}" type is about to be created',
            )

    def _check_flags(self, ignore_existing: bool, force: bool) -> None:
        if ignore_existing and force:
            raise Refused(GENERIC, 'Cannot specify both "ignore_existing" and "force" options simultaneously')

    @whole
    def link(
        self, target: Path, path: Path, tx: str, *, recursive: bool, ignore_existing: bool, force: bool
    ) -> None:
        if not force:
            self.find(target, tx)
        flags = {"recursive": recursive, "ignore_existing": ignore_existing, "force": force}
        self.create(path, "link", tx, **flags, value=target)

    @whole
    def set(self, path: Path, value: Any, tx: str, *, recursive: bool, force: bool) -> None:
        node, left = self.approach(path, tx)
        if left and self.nodes[node].kind != "map_node":
            raise Refused(
                RESOLVE,
                f"Error resolving path {self.at(path)}",
                f"Node {self.path_of(node)} cannot have children",
            )
        if left:
            self._build(node, left, value, tx, recursive)
            return
        kind = self.nodes[node].kind
        if kind == "map_node" and not force:
            raise Refused(GENERIC, '"set" command without "force" flag is forbidden; use "create" instead')
        if kind_of(value) != kind:
            names = {"map_node": "map", **SCALARS}
            raise Refused(
                GENERIC,
                f'Cannot update "{names.get(kind, "entity")}" node with "{names[kind_of(value)]}" value; '
                "types must match",
            )
        if kind != "map_node":
            self.lock(node, tx, "exclusive")
            self.put(node, "value", value, tx)
            return
        self.lock(node, tx, "shared")
        for child in list(self.names(node, "child", tx).values()):
            self.drop(child, tx)
        for key, item in value.items():
            self._build(node, (key,), item, tx, False)

    def _build(self, node: int, left: Path, value: Any, tx: str, recursive: bool) -> None:
        kind = kind_of(value)
        made = self.make_at(
            node, left, kind, tx, recursive=recursive, value=None if kind == "map_node" else value
        )
        for key, item in value.items() if kind == "map_node" else ():
            self._build(made, (key,), item, tx, False)

    @whole
    def remove(self, path: Path, tx: str, *, recursive: bool, force: bool) -> None:
        node, left = self.approach(path, tx)
        if left and self.nodes[node].kind != "map_node":
            raise Refused(
                RESOLVE,
                f"Error resolving path {self.at(path)}",
                f"Node {self.path_of(node)} cannot have children",
            )
        if left:
            if not force:
                raise Refused(RESOLVE, f'Node {self.path_of(node)} has no child with key "{left[0]}"')
            return
        if self.names(node, "child", tx) and not recursive:
            raise Refused(GENERIC, "Cannot remove non-empty composite node")
        self.drop(node, tx)

    @whole
    def copy(self, source: Path, target: Path, tx: str, *, recursive: bool, force: bool, move: bool) -> None:
        place, left = self.approach(target, tx)
        node = self.find(source, tx)
        if place == node:
            raise Refused(GENERIC, "Cannot copy or move a node to itself")
        if self._is_above(node, place):
            raise Refused(GENERIC, "Cannot copy or move a node to its descendant")
        if move:
            for each in list(self.subtree(node, tx)):
                self._check_somewhere(each, tx)
            for each in list(self.subtree(node, tx)):
                self.lock(each, tx, "exclusive")
        if not left and not force:
            raise Refused(EXISTS, f"Node {self.path_of(place)} already exists")
        tree = self._content(node, tx)
        inside = not left and self._is_above(place, node)
        if left:
            made = self.make_at(place, left, self.nodes[node].kind, tx, recursive=recursive, value=tree[0])
        else:
            self.drop(place, tx)
            parent, key = self.nodes[place].parent, self.nodes[place].key
            made = self.make(parent, key, self.nodes[node].kind, tx, tree[0])
        self._fill(made, tree, tx)
        if move and not inside:
            self.drop(node, tx)

    def _is_above(self, upper: int, lower: int) -> bool:
        while lower >= 0:
            lower = self.nodes[lower].parent
            if lower == upper:
                return True
        return False

    def _content(self, node: int, tx: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Value or rows, attributes, and the children's kinds and contents."""
        table = self.nodes[node].kind == "table"
        value = self.read(node, "rows", tx).all if table else self.read(node, "value", tx)
        children = self.names(node, "child", tx)
        below = {key: (self.nodes[each].kind, self._content(each, tx)) for key, each in children.items()}
        return value, self.names(node, "attribute", tx), below

    def _fill(self, node: int, tree: tuple[Any, dict[str, Any], dict[str, Any]], tx: str) -> None:
        for name, value in tree[1].items():
            self.put(node, f"attribute {name}", value, tx)
        for key, (kind, below) in tree[2].items():
            self._fill(self.make(node, key, kind, tx, below[0]), below, tx)

    @whole
    def set_attribute(self, path: Path, name: str, value: Any, tx: str) -> None:
        node = self.find(path, tx, f"/@{name}")
        self.lock(node, tx, "shared", f"attribute {name}")
        self.put(node, f"attribute {name}", value, tx)

    @whole
    def remove_attribute(self, path: Path, name: str, tx: str) -> None:
        node = self.find(path, tx, f"/@{name}")
        if self.read(node, f"attribute {name}", tx) is None:
            raise Refused(RESOLVE, f'Attribute "{name}" is not found')
        self.lock(node, tx, "shared", f"attribute {name}")
        self.put(node, f"attribute {name}", None, tx)

    @whole
    def take_lock(self, path: Path, mode: str, key: str, tx: str) -> int:
        node = self.find(path, tx)
        self.lock(node, tx, mode, key, explicit=True)
        return node

    @whole
    def write_table(self, path: Path, rows: list[Any], tx: str, *, append: bool) -> None:
        """As the client does it: a transaction, in it the table, and in a nested one the rows."""
        self.start("outer", tx)
        self.create(path, "table", "outer", recursive=False, ignore_existing=True, force=False)
        self.start("inner", "outer")
        node = self.find(path, "inner")
        self.lock(node, "inner", "shared" if append else "exclusive")
        before = self.read(node, "rows", "inner")
        after = Rows(before.seen, (*before.own, *rows)) if append else Rows(None, tuple(rows))
        self.put(node, "rows", after, "inner")
        self.commit("inner")
        self.commit("outer")
