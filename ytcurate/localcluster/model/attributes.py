"""Attributes of nodes: computed ones by type, defaults of settable ones, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.acl import check_acl
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.records import Chunk, Node
from ytcurate.localcluster.model.schema import Schema

VALUE = "\0value"
"""Where the value of a document or a scalar node is kept (no attribute can have this name)."""
SCHEMA = "\0schema"
"""Where a table's schema is kept."""

DATA_DEFAULTS: dict[str, Any] = {
    "compression_codec": "lz4",
    "erasure_codec": "none",
    "primary_medium": "default",
    "replication_factor": 1,
    "in_memory_mode": "none",
    "optimize_for": "lookup",
    "vital": True,
}
DATA_TYPES = ("table", "file")

Compute = Callable[[Cypress, Node, str], Any]


def schema_of(cypress: Cypress, node: Node, tx: str) -> Schema:
    stored = cypress.attr(node, SCHEMA, tx)
    return schemas.load(stored) if stored is not None else Schema()


def chunks_of(cypress: Cypress, node: Node, tx: str) -> list[Chunk]:
    return [cypress.state.chunks[chunk_id] for chunk_id in cypress.chunks(node, tx)]


def _total(name: str) -> Compute:
    return lambda cypress, node, tx: sum(getattr(chunk, name) for chunk in chunks_of(cypress, node, tx))


def _usage(cypress: Cypress, node: Node, tx: str) -> dict[str, Any]:
    chunks = chunks_of(cypress, node, tx)
    disk = sum(chunk.disk_size for chunk in chunks)
    return {
        "node_count": 1,
        "chunk_count": len(chunks),
        "disk_space": disk,
        "disk_space_per_medium": {"default": disk},
        "tablet_count": 0,
        "tablet_static_memory": 0,
        "master_memory": 0,
    }


def _recursive_usage(cypress: Cypress, node: Node, tx: str) -> dict[str, Any]:
    total = {"node_count": 0, "chunk_count": 0, "disk_space": 0}
    for below in cypress.subtree(node, tx):
        usage = _usage(cypress, below, tx)
        for name in total:
            total[name] += usage[name]
    return {**total, "disk_space_per_medium": {"default": total["disk_space"]}}


def _locks(cypress: Cypress, node: Node, tx: str) -> list[dict[str, Any]]:
    return [
        {
            "id": lock.id,
            "state": lock.state,
            "transaction_id": lock.transaction_id,
            "mode": lock.mode,
            **({"child_key": lock.child_key} if lock.child_key else {}),
            **({"attribute_key": lock.attribute_key} if lock.attribute_key else {}),
        }
        for lock in cypress.locks.of(node.id)
    ]


def _lock_mode(cypress: Cypress, node: Node, tx: str) -> str:
    rank = ["none", "snapshot", "shared", "exclusive"]
    held = [lock.mode for lock in cypress.locks.of(node.id) if lock.transaction_id == tx]
    return max(held, key=rank.index, default="none")


def _ratio(cypress: Cypress, node: Node, tx: str) -> float:
    chunks = chunks_of(cypress, node, tx)
    raw = sum(chunk.uncompressed_size for chunk in chunks)
    return sum(chunk.disk_size for chunk in chunks) / raw if raw else 0.0


COMMON: dict[str, Compute] = {
    "id": lambda cypress, node, tx: node.id,
    "type": lambda cypress, node, tx: node.type,
    "path": lambda cypress, node, tx: cypress.path_of(node),
    "key": lambda cypress, node, tx: node.key,
    "parent_id": lambda cypress, node, tx: node.parent_id,
    "creation_time": lambda cypress, node, tx: node.created,
    "modification_time": lambda cypress, node, tx: cypress.branches.stamp(node, tx).modified,
    "access_time": lambda cypress, node, tx: node.accessed,
    "owner": lambda cypress, node, tx: node.creator,
    "revision": lambda cypress, node, tx: revision(cypress, node, tx),
    "attribute_revision": lambda cypress, node, tx: revision(cypress, node, tx),
    "content_revision": lambda cypress, node, tx: yson.YsonUint64(
        cypress.branches.stamp(node, tx).content_revision
    ),
    "account": lambda cypress, node, tx: "tmp" if cypress.path_of(node).startswith("//tmp") else "default",
    "acl": lambda cypress, node, tx: [],
    "inherit_acl": lambda cypress, node, tx: True,
    "effective_acl": lambda cypress, node, tx: _effective_acl(cypress, node, tx),
    "ref_counter": lambda cypress, node, tx: 1,
    "locks": _locks,
    "lock_count": lambda cypress, node, tx: len(cypress.locks.of(node.id)),
    "lock_mode": _lock_mode,
    "resource_usage": _usage,
    "recursive_resource_usage": _recursive_usage,
    "native_cell_tag": lambda cypress, node, tx: yson.YsonUint64(1),
    "user_attribute_keys": lambda cypress, node, tx: user_keys(cypress, node, tx),
    "user_attributes": lambda cypress, node, tx: {
        name: cypress.attr(node, name, tx) for name in user_keys(cypress, node, tx)
    },
}
DATA: dict[str, Compute] = {
    "chunk_count": lambda cypress, node, tx: len(cypress.chunks(node, tx)),
    "chunk_ids": lambda cypress, node, tx: cypress.chunks(node, tx),
    "uncompressed_data_size": _total("uncompressed_size"),
    "compressed_data_size": _total("disk_size"),
    "compression_ratio": _ratio,
}
BY_TYPE: dict[str, dict[str, Compute]] = {
    "map_node": {"count": lambda cypress, node, tx: len(cypress.children(node, tx))},
    "table": {
        **DATA,
        "row_count": _total("row_count"),
        "chunk_row_count": _total("row_count"),
        "data_weight": _total("data_weight"),
        "schema": lambda cypress, node, tx: schema_of(cypress, node, tx).to_yson(),
        "schema_mode": lambda cypress, node, tx: "weak" if schema_of(cypress, node, tx).is_weak else "strong",
        "sorted": lambda cypress, node, tx: bool(schema_of(cypress, node, tx).key_columns),
        "sorted_by": lambda cypress, node, tx: schema_of(cypress, node, tx).key_columns,
        "key_columns": lambda cypress, node, tx: schema_of(cypress, node, tx).key_columns,
        "dynamic": lambda cypress, node, tx: False,
    },
    "file": DATA,
    "link": {
        "broken": lambda cypress, node, tx: not cypress.exists(cypress.attr(node, "target_path", tx), tx),
    },
    "document": {"value": lambda cypress, node, tx: cypress.attr(node, VALUE, tx)},
}
HIDDEN_IN_ALL = frozenset(
    {"recursive_resource_usage", "effective_acl", "chunk_ids", "value", "user_attributes"}
)
"""Read by name only, as a real cluster hides its opaque attributes."""
SETTABLE = frozenset({"account", "acl", "inherit_acl", "owner"})
NOT_IN_A_TRANSACTION = frozenset({*SETTABLE, "replication_factor", "primary_medium", "media"})


def computed(kind: str) -> dict[str, Compute]:
    return {**COMMON, **BY_TYPE.get(kind, {})}


def is_builtin(node: Node, name: str) -> bool:
    return name in computed(node.type) or (node.type in DATA_TYPES and name in DATA_DEFAULTS)


def user_keys(cypress: Cypress, node: Node, tx: str) -> list[str]:
    """Names of stored attributes that are no built-in ones."""
    return [
        name for name in cypress.attrs(node, tx) if not name.startswith("\0") and not is_builtin(node, name)
    ]


def revision(cypress: Cypress, node: Node, tx: str) -> yson.YsonUint64:
    return yson.YsonUint64(cypress.branches.stamp(node, tx).revision)


def _effective_acl(cypress: Cypress, node: Node, tx: str) -> list[Any]:
    found = list(read(cypress, node, "acl", tx))
    parent = cypress.state.nodes.get(node.parent_id)
    inherits = str(read(cypress, node, "inherit_acl", tx)).lower() == "true"
    return found + (_effective_acl(cypress, parent, tx) if parent is not None and inherits else [])


_ABSENT = object()


def read(cypress: Cypress, node: Node, name: str, tx: str, default: Any = _ABSENT) -> Any:
    """One attribute.

    Raises:
        YtError: 500, there is none and no default was given.
    """
    stored = cypress.attr(node, name, tx, _ABSENT)
    if stored is not _ABSENT:
        return stored
    compute = BY_TYPE.get(node.type, {}).get(name) or COMMON.get(name)
    hidden = name in ("sorted_by", "key_columns") and not schema_of(cypress, node, tx).key_columns
    if compute is not None and not hidden:
        return compute(cypress, node, tx)
    if node.type in DATA_TYPES and name in DATA_DEFAULTS:
        if node.type == "file" and name == "compression_codec":
            return "none"
        return DATA_DEFAULTS[name]
    if default is _ABSENT:
        raise errors.no_attribute(name)
    return default


def read_all(cypress: Cypress, node: Node, tx: str) -> dict[str, Any]:
    names = [name for name in computed(node.type) if name not in HIDDEN_IN_ALL]
    if node.type in DATA_TYPES:
        names += DATA_DEFAULTS
    names += [name for name in cypress.attrs(node, tx) if not name.startswith("\0")]
    return pick(cypress, node, names, tx)


def pick(cypress: Cypress, node: Node, names: list[str], tx: str) -> dict[str, Any]:
    """Those of the named attributes that the node has."""
    found = {}
    for name in dict.fromkeys(names):
        value = read(cypress, node, name, tx, None)
        if value is not None:
            found[name] = value
    return found


def check_settable(node: Node, name: str, tx: str) -> None:
    """Refuse to set what is computed, or what no transaction may change.

    Raises:
        YtError: naming it.
    """
    if name.startswith("\0") or not name:
        raise YtError("Attribute key cannot be empty")
    if not (name == "value" and node.type == "document"):
        _check_not_computed(node.type, name)
    if tx and name in NOT_IN_A_TRANSACTION and node.type in NODE_TYPES:
        raise YtError(
            f'Error setting builtin attribute "{name}"',
            inner=[YtError("Operation cannot be performed in transaction")],
        )


def _check_not_computed(kind: str, name: str) -> None:
    if name in computed(kind) and name not in SETTABLE:
        raise YtError(f'Builtin attribute "{name}" cannot be set')


def initial(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a new node, from those of `create`.

    Raises:
        YtError: a schema is wrong, or something is missing.
    """
    attrs = dict(given)
    if kind == "table":
        stated = attrs.pop("schema", None)
        attrs.pop("schema_mode", None)
        attrs.pop("external", None)
        dynamic = attrs.pop("dynamic", False)
        if dynamic and str(dynamic) != "false":
            raise YtError("Dynamic tables are not implemented by the local cluster")
        if stated is not None:
            attrs[SCHEMA] = schemas.parse(stated).stored()
    elif kind == "link":
        if not attrs.get("target_path"):
            raise YtError('A link needs the attribute "target_path"')
    elif kind == "document":
        attrs[VALUE] = attrs.pop("value", None)
    elif kind in SCALARS:
        attrs[VALUE] = attrs.pop("value", SCALARS[kind])
    for name in attrs:
        if not name.startswith("\0"):
            _check_not_computed(kind, name)
    if "acl" in attrs:
        check_acl(attrs["acl"])
    return attrs


SCALARS: dict[str, Any] = {
    "string_node": "",
    "int64_node": 0,
    "uint64_node": yson.YsonUint64(0),
    "double_node": 0.0,
    "boolean_node": False,
    "list_node": [],
}
NODE_TYPES = frozenset({"map_node", "table", "file", "link", "document", *SCALARS})


ENTITY = "entity"


def value_type(value: Any) -> str:
    """The type of a value, as messages name it; with `_node` after it the type of its node."""
    if isinstance(value, dict):
        return "map"
    if isinstance(value, (bool, yson.YsonBoolean)):
        return "boolean"
    if isinstance(value, yson.YsonUint64):
        return "uint64"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "double"
    if isinstance(value, list):
        return "list"
    return ENTITY if value is None or isinstance(value, yson.YsonEntity) else "string"
