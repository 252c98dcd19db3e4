"""Commands that make nodes from nodes: copy, move, link, concatenate."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands import pools
from ytcurate.localcluster.commands.cypress import make_node
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import validation, ypath
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.upload import table_target
from ytcurate.localcluster.model.values import order_keys
from ytcurate.localcluster.registry import NOTHING, command

NOT_COPIED = ("expiration_time", "expiration_timeout")


@command("copy", volatile=True)
def copy(call: Call) -> Any:
    return _clone(call, remove=False)


@command("move", volatile=True)
def move(call: Call) -> Any:
    return _clone(call, remove=True)


def _clone(call: Call, *, remove: bool) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    source = cypress.node(call.path("source_path"), tx, follow=False)
    pools.refuse_copy(call, source)
    path = call.path("destination_path")
    if path.attribute is not None or not path.steps:
        raise YtError(f'"{path.text}" cannot be the destination of a copy')
    try:
        old: Node | None = cypress.node(path, tx, follow=False)
    except YtError as error:
        if error.code != errors.RESOLVE:
            raise
        old = None
    if old is not None:
        if call.flag("ignore_existing") and not call.flag("force"):
            return {"node_id": old.id}
        if not call.flag("force"):
            raise errors.already_exists(path.text)
        pools.refuse_copy(call, old)
        if any(node.id == source.id for node in cypress.subtree(old, tx)):
            raise YtError(f"Cannot copy or move {cypress.path_of(source)} over itself")
    upper, key = path.parent()
    # Read the whole source first: the destination may lie inside it.
    tree = _read(call, source, keep_expiration=call.flag("preserve_expiration_time"))
    if old is not None:
        cypress.remove(old, tx)
    parent = (
        cypress.ensure_parents(path, tx, call.user) if call.flag("recursive") else cypress.node(upper, tx)
    )
    pools.refuse_child(call, parent)
    if remove and any(node.id == parent.id for node in cypress.subtree(source, tx)):
        raise YtError(f"Cannot move {cypress.path_of(source)} into itself")
    node = _write(call, parent, key, tree)
    if remove:
        cypress.remove(source, tx)
    return {"node_id": node.id}


def _read(call: Call, node: Node, *, keep_expiration: bool) -> dict[str, Any]:
    cypress, tx = call.cluster.cypress, call.tx
    kept = {
        name: value
        for name, value in cypress.attrs(node, tx).items()
        if keep_expiration or name not in NOT_COPIED
    }
    children = cypress.children(node, tx) if node.type == "map_node" else {}
    return {
        "type": node.type,
        "attrs": kept,
        "chunks": cypress.chunks(node, tx),
        "children": {
            key: _read(call, each, keep_expiration=keep_expiration) for key, each in children.items()
        },
    }


def _write(call: Call, parent: Node, key: str, tree: dict[str, Any]) -> Node:
    cypress, tx = call.cluster.cypress, call.tx
    node = cypress.create(parent, key, tree["type"], tx, tree["attrs"], call.user)
    if tree["chunks"]:
        cypress.set_chunks(node, tree["chunks"], tx, append=False)
    for name, below in tree["children"].items():
        _write(call, node, name, below)
    return node


@command("link", volatile=True)
def link(call: Call) -> Any:
    given = dict(call.params.get("attributes") or {})
    target = call.path("target_path")
    given["target_path"] = target.text
    if not call.flag("force") and not call.cluster.cypress.exists(target, call.tx):
        call.cluster.cypress.find(target, call.tx)
    node, _ = make_node(call, call.path("link_path"), "link", given)
    return {"node_id": node.id}


@command("concatenate", volatile=True)
def concatenate(call: Call) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    path = call.path("destination_path")
    sources = [cypress.node(ypath.parse(each), tx) for each in call.need("source_paths")]
    target = cypress.node(path, tx)
    kinds = {node.type for node in (*sources, target)}
    if len(kinds) != 1 or not kinds <= {"table", "file"}:
        raise YtError("Concatenate needs tables only or files only", attributes={"types": sorted(kinds)})
    chunks = [chunk for node in sources for chunk in cypress.chunks(node, tx)]
    if target.type == "file":
        cypress.locks.acquire(target, tx, "shared" if path.append else "exclusive")
    else:
        place = table_target(cypress, target, path, tx)
        _check_tables(call, sources, place.schema, chunks, place.last_key)
        if place.set_schema:
            cypress.set_attr(target, attrs.SCHEMA, place.schema.to_yson(), tx)
    cypress.set_chunks(target, chunks, tx, append=path.append)
    return NOTHING


def _check_tables(
    call: Call, sources: list[Node], schema: schemas.Schema, chunks: list[str], last: list[Any] | None
) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    for node in sources:
        own = attrs.schema_of(cypress, node, tx)
        if own.is_weak and schema.strict:
            raise YtError(
                f"Schema of {cypress.path_of(node)} is weak and that of the destination is strong",
                errors.INCOMPATIBLE_SCHEMAS,
            )
        if not schema.is_weak and schema.columns != own.columns:
            validation.check_compatible(own, schema)
    if not schema.key_columns:
        return
    previous = None if last is None else order_keys(last, schema.descending)
    for chunk_id in chunks:
        chunk = call.cluster.state.chunks[chunk_id]
        first = order_keys(chunk.first_key, schema.descending)
        if len(first) != len(schema.key_columns) or (previous is not None and previous > first):
            raise YtError(
                "Sources of a sorted table must be sorted and in order", errors.SORT_ORDER_VIOLATION
            )
        previous = order_keys(chunk.last_key, schema.descending)
