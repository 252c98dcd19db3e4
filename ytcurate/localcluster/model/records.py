"""The records the state is made of, and how each is written to the store.

A node has one base state, at the level of the transaction that created it (its `owner`; "" is the
trunk everyone sees), and any number of branches: what one transaction changed, on top.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import yt.yson as yson
from yt.yson.yson_types import YsonStringProxy


class _Gone:
    """An attribute removed in a branch."""

    def __repr__(self) -> str:
        return "GONE"


GONE = _Gone()


@dataclass
class Layer:
    """A node's content at one level: complete for a base or a snapshot, a difference for a branch."""

    children: dict[str, str | None] = field(default_factory=dict)
    """Key to node id; None hides a child that lies below."""
    attrs: dict[str, Any] = field(default_factory=dict)
    chunks: list[str] = field(default_factory=list)
    content: str = ""
    """"" chunks untouched, "overwrite" `chunks` replaces what lies below, "append" follows it."""
    frozen: bool = False
    """A snapshot lock: complete, and nothing below or above shows through."""
    seen: list[str] = field(default_factory=list)
    """What a branch saw below when it was made; `chunks` follow."""
    revision: int = 0
    """This and the next two are of a branch; those of a base are the node's."""
    content_revision: int = 0
    modified: str = ""

    def dump(self, with_children: bool) -> dict[str, Any]:
        return {
            "children": self.children if with_children else {},
            "attrs": {name: value for name, value in self.attrs.items() if value is not GONE},
            "gone": [name for name, value in self.attrs.items() if value is GONE],
            "chunks": self.chunks,
            "content": self.content,
            "frozen": self.frozen,
            "seen": self.seen,
            "stamp": [self.revision, self.content_revision, self.modified],
        }

    @classmethod
    def load(cls, data: dict[str, Any]) -> Layer:
        attrs = {**data["attrs"], **dict.fromkeys(data["gone"], GONE)}
        # Data directories of earlier versions have neither of the two.
        revision, content_revision, modified = data.get("stamp") or (0, 0, "")
        return cls(
            data["children"], attrs, data["chunks"], data["content"], bool(data["frozen"]),
            list(data.get("seen") or []), int(revision), int(content_revision), str(modified),
        )  # fmt: skip


@dataclass
class Node:
    """One object of the tree. `parent_id` and `key` never change: a moved node is a new node."""

    id: str
    type: str
    parent_id: str
    key: str
    owner: str
    created: str
    modified: str
    accessed: str
    revision: int
    content_revision: int
    creator: str
    detached: bool = False
    """Removed from the tree, kept only because a snapshot lock still needs it or a node above it."""
    base: Layer = field(default_factory=Layer)

    def dump(self) -> dict[str, Any]:
        # The children of a base are not written: they are the nodes that name it as their parent.
        data = {name: value for name, value in self.__dict__.items() if name != "base"}
        return {**data, "base": self.base.dump(with_children=False)}

    @classmethod
    def load(cls, data: dict[str, Any]) -> Node:
        fields = {**data, "base": Layer.load(data["base"]), "detached": bool(data["detached"])}
        return cls(**fields)


@dataclass
class Transaction:
    """`timeout_ms` 0 means it lives until it is ended (transactions of operations)."""

    id: str
    parent_id: str
    started: str
    timeout_ms: int
    attributes: dict[str, Any] = field(default_factory=dict)
    deadline: float = 0.0
    """Unix time, 0 for none."""

    def dump(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Lock:
    id: str
    node_id: str
    transaction_id: str
    mode: str
    child_key: str = ""
    attribute_key: str = ""
    state: str = "acquired"
    implicit: bool = False
    """Taken by a change, not by the command `lock`."""

    @property
    def key(self) -> tuple[str, str]:
        return self.child_key, self.attribute_key

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Lock:
        return cls(**{**data, "implicit": bool(data.get("implicit"))})


@dataclass
class Chunk:
    """One immutable file of rows or bytes."""

    id: str
    kind: str
    """"table" or "file"."""
    row_count: int
    data_weight: int
    uncompressed_size: int
    disk_size: int
    column_weights: dict[str, int] = field(default_factory=dict)
    first_key: list[Any] = field(default_factory=list)
    """Strings as bytes."""
    last_key: list[Any] = field(default_factory=list)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Chunk:
        keys = {name: stored_key(data[name]) for name in ("first_key", "last_key")}
        return cls(**{**data, **keys})


def stored_key(values: list[Any]) -> list[Any]:
    """A key as it was before it was stored: the store makes text of bytes, and wraps those that are none."""
    return [yson.get_bytes(value) if isinstance(value, str | YsonStringProxy) else value for value in values]
