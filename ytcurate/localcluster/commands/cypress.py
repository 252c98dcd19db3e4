"""Commands on the tree: get, list, exists, set, create, remove, multiset_attributes."""

from __future__ import annotations

from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands import orchid, pools
from ytcurate.localcluster.commands.values import at, put_at, remove_at, view, with_attributes
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
from ytcurate.localcluster.model.attributes import VALUE
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.registry import NOTHING, command


def asked_attributes(call: Call) -> list[str]:
    value = call.params.get("attributes") or []
    if isinstance(value, dict):
        value = value.get("keys") or []
    return [str(name) for name in value]


def special_object(call: Call, path: RichPath) -> dict[str, Any] | None:
    """Attributes of a transaction or lock, addressed by id or below //sys/transactions."""
    state = call.cluster.state
    object_id = path.root
    keys = [step.key for step in path.steps]
    if keys[:2] == ["sys", "transactions"] and len(keys) == 3:
        object_id = keys[2]
        if object_id not in state.transactions:
            raise errors.resolve(path.text, f"No such transaction {object_id}")
    if object_id in state.transactions:
        transaction = state.transactions[object_id]
        return {
            **transaction.attributes,
            "id": transaction.id,
            "type": "transaction",
            "timeout": transaction.timeout_ms,
            "start_time": transaction.started,
            "parent_id": transaction.parent_id or "0-0-0-0",
            "nested_transaction_ids": call.cluster.transactions.nested(transaction.id),
        }
    if object_id in state.locks:
        return {**state.locks[object_id].dump(), "type": "lock"}
    return None


@command("get")
def get(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress = call.cluster.cypress
    keys = asked_attributes(call)
    special = special_object(call, path)
    if special is not None:
        if path.attribute is None:
            return call.answer(value=yson.YsonEntity())
        return call.answer(value=at(special, path.attribute, path.text))
    if [step.key for step in path.steps] == ["sys", "transactions"] and path.attribute is None:
        return call.answer(value=dict.fromkeys(call.cluster.state.transactions))
    if orchid.covers(path):
        return call.answer(value=orchid.value(call, path))
    found = cypress.find(path, tx)
    if path.attribute is None:
        if found.rest:
            return call.answer(value=at(cypress.attr(found.node, VALUE, tx), found.rest, path.text))
        return call.answer(value=view(cypress, found.node, tx, keys))
    if not path.attribute:
        every = attrs.pick(cypress, found.node, keys, tx) if keys else attrs.read_all(cypress, found.node, tx)
        return call.answer(value=every)
    value = attrs.read(cypress, found.node, path.attribute[0], tx)
    return call.answer(value=at(value, path.attribute[1:], path.text))


@command("list")
def list_(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress = call.cluster.cypress
    if [step.key for step in path.steps] == ["sys", "transactions"]:
        return call.answer(value=list(call.cluster.state.transactions))
    if orchid.covers(path):
        return call.answer(value=orchid.names(call, path))
    node = cypress.node(path, tx)
    if path.attribute is not None:
        value: Any = attrs.read_all(cypress, node, tx)
        value = at(value, path.attribute, path.text)
        if not isinstance(value, dict):
            raise YtError(f"{path.text} is not a map")
        return call.answer(value=list(value))
    if node.type != "map_node":
        raise YtError(f'"List" method is not supported by {node.type} {cypress.path_of(node)}')
    keys, children = asked_attributes(call), cypress.children(node, tx)
    limit = int(call.params.get("max_size") or len(children) or 1)
    names: list[Any] = []
    for name, child in list(children.items())[:limit]:
        names.append(with_attributes(name, attrs.pick(cypress, child, keys, tx)) if keys else name)
    if len(children) > limit:
        return call.answer(value=with_attributes(names, {"incomplete": True}))
    return call.answer(value=names)


@command("exists")
def exists(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress = call.cluster.cypress
    try:
        special = special_object(call, path)
        if special is not None:
            if path.attribute:
                at(special, path.attribute, path.text)
            return {"value": True}
        if orchid.covers(path):
            orchid.value(call, path)
            return {"value": True}
        found = cypress.find(path, tx)
        if found.rest:
            at(cypress.attr(found.node, VALUE, tx), found.rest, path.text)
        if path.attribute:
            value = attrs.read(cypress, found.node, path.attribute[0], tx)
            at(value, path.attribute[1:], path.text)
    except YtError as error:
        if error.code != errors.RESOLVE:
            raise
        return {"value": False}
    return {"value": True}


@command("create", volatile=True)
def create(call: Call) -> Any:
    kind = str(call.need("type"))
    given = dict(call.params.get("attributes") or {})
    if kind in pools.OBJECT_TYPES:
        return pools.create_object(call, kind, given)
    if call.params.get("path") is None:
        raise YtError(f'Objects of type "{kind}" cannot be created in the local cluster')
    if kind not in attrs.NODE_TYPES:
        raise YtError(f'Node type "{kind}" is not implemented by the local cluster')
    path = call.path()
    node, _ = make_node(call, path, kind, given)
    return {"node_id": node.id}


def make_node(call: Call, path: RichPath, kind: str, given: dict[str, Any]) -> tuple[Node, bool]:
    """`create` with its flags; also says whether the node is new."""
    cypress, tx = call.cluster.cypress, call.tx
    force, ignore = call.flag("force"), call.flag("ignore_existing")
    if force and ignore:
        raise YtError('Cannot specify both "ignore_existing" and "force"')
    try:
        old: Node | None = cypress.node(path, tx, follow=kind != "link")
    except YtError as error:
        if error.code != errors.RESOLVE:
            raise
        old = None
    if old is not None and ignore:
        if old.type != kind and not call.flag("ignore_type_mismatch"):
            raise errors.exists_with_type(cypress.path_of(old), old.type, kind)
        if call.flag("lock_existing"):
            cypress.locks.acquire(old, tx, "exclusive")
        return old, False
    if old is not None and (not force or pools.is_pool(call, old)):
        raise errors.already_exists(path.text)
    initial = attrs.initial(kind, given)
    if old is not None:
        cypress.remove(old, tx)
    return add_node(call, path, kind, initial, call.flag("recursive")), True


def add_node(call: Call, path: RichPath, kind: str, initial: dict[str, Any], recursive: bool) -> Node:
    """A new node at a free path."""
    cypress, tx = call.cluster.cypress, call.tx
    upper, key = path.parent()
    parent = cypress.ensure_parents(path, tx, call.user) if recursive else cypress.node(upper, tx)
    pools.refuse_child(call, parent)
    return cypress.create(parent, key, kind, tx, initial, call.user)


@command("set", "structured", volatile=True)
def set_(call: Call) -> Any:
    path, tx, value = call.path(), call.tx, call.input
    cypress = call.cluster.cypress
    if path.attribute is not None:
        node = cypress.node(path, tx)
        if pools.is_pool(call, node):
            pools.set_attribute(call, node, path, value)
            return NOTHING
        if not path.attribute:
            if not isinstance(value, dict):
                raise YtError("Attributes must be a map")
            for name in value:
                attrs.check_settable(node, name)
            for name, item in value.items():
                cypress.set_attr(node, name, item, tx)
            return NOTHING
        name = path.attribute[0]
        attrs.check_settable(node, name)
        if len(path.attribute) > 1:
            value = put_at(attrs.read(cypress, node, name, tx), path.attribute[1:], value, path.text)
        target = VALUE if name == "value" and node.type == "document" else name
        cypress.set_attr(node, target, value, tx)
        return NOTHING
    if not path.steps and not path.root:
        raise YtError("The root cannot be set")
    if cypress.exists(path, tx):
        found = cypress.find(path, tx)
        node = found.node
        if found.rest:
            old = cypress.attr(node, VALUE, tx)
            cypress.set_attr(node, VALUE, put_at(old, found.rest, value, path.text), tx)
            return NOTHING
        if node.type == "document" or (node.type in attrs.SCALARS and attrs.type_for(value) == node.type):
            cypress.set_attr(node, VALUE, value, tx)
            return NOTHING
        if pools.is_pool(call, node):
            raise YtError(f"{path.text} cannot be set; create its pools, and set attributes of them")
        if not call.flag("force"):
            raise YtError(
                f'"set" of an existing {node.type} {path.text} needs "force"', attributes={"path": path.text}
            )
        cypress.remove(node, tx)
    build(call, path, value, call.flag("recursive"))
    return NOTHING


def build(call: Call, path: RichPath, value: Any, recursive: bool) -> None:
    """Nodes for a value: maps become map nodes, the rest scalar nodes."""
    kind = attrs.type_for(value)
    given = dict(getattr(value, "attributes", None) or {})
    kind = str(given.pop("type", kind))
    if kind == "map_node":
        add_node(call, path, kind, given, recursive)
        for key, item in (value or {}).items():
            build(call, ypath.parse(f"{path.text}/{ypath.escape(key)}"), item, False)
    else:
        initial = attrs.initial(kind, {**given, "value": value} if kind in attrs.SCALARS else given)
        if kind == "document":
            initial[VALUE] = value
        add_node(call, path, kind, initial, recursive)


@command("multiset_attributes", "structured", volatile=True)
def multiset_attributes(call: Call) -> Any:
    path, tx = call.path(), call.tx
    node = call.cluster.cypress.node(path, tx)
    if not isinstance(call.input, dict):
        raise YtError("Attributes must be a map")
    if pools.is_pool(call, node):
        pools.set_many(call, node, call.input)
        return NOTHING
    for name in call.input:
        attrs.check_settable(node, name)
    for name, value in call.input.items():
        call.cluster.cypress.set_attr(node, name, value, tx)
    return NOTHING


@command("remove", volatile=True)
def remove(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress, force = call.cluster.cypress, call.flag("force")
    try:
        found = cypress.find(path, tx, follow=path.attribute is not None)
        node = found.node
        if found.rest:
            cypress.set_attr(node, VALUE, remove_at(cypress.attr(node, VALUE, tx), found.rest, path.text), tx)
            return NOTHING
        if path.attribute is not None and pools.is_pool(call, node):
            pools.remove_attribute(call, node, path)
            return NOTHING
        if path.attribute is not None:
            _remove_attribute(call, node, path)
            return NOTHING
    except YtError as error:
        if force and error.code == errors.RESOLVE:
            return NOTHING
        raise
    if pools.is_pool(call, node):
        pools.remove_node(call, node, path)
        return NOTHING
    if node.type == "map_node" and cypress.children(node, tx) and not call.flag("recursive"):
        raise YtError(f'Cannot remove non-empty composite node {path.text}; use "recursive"')
    cypress.remove(node, tx)
    return NOTHING


def _remove_attribute(call: Call, node: Node, path: RichPath) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    steps = path.attribute or []
    if not steps or steps == ["*"]:
        for name in [each for each in cypress.attrs(node, tx) if not each.startswith("\0")]:
            cypress.remove_attr(node, name, tx)
        return
    stored = cypress.attr(node, steps[0], tx)
    if stored is None:
        raise errors.no_attribute(path.text, steps[0])
    if len(steps) > 1:
        cypress.set_attr(node, steps[0], remove_at(stored, steps[1:], path.text), tx)
    else:
        cypress.remove_attr(node, steps[0], tx)
