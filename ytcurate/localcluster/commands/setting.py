"""The commands that set values: set and multiset_attributes."""

from __future__ import annotations

from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands import objects, pools
from ytcurate.localcluster.commands.cypress import add_node, need_node_path
from ytcurate.localcluster.commands.values import put_at
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.acl import check_acl
from ytcurate.localcluster.model.attributes import VALUE
from ytcurate.localcluster.model.cypress import VALUE_TYPES
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.ypath import RichPath, Step
from ytcurate.localcluster.registry import NOTHING, command

INTEGERS = {"int64_node": (-(2**63), 2**63 - 1), "uint64_node": (0, 2**64 - 1)}


@command("set", "structured", volatile=True)
def set_(call: Call) -> Any:
    path, tx, value = call.path(), call.tx, call.input
    cypress = call.cluster.cypress
    if path.attribute is not None:
        _set_attribute(call, path, path.attribute, value)
        return NOTHING
    need_node_path(path)
    node, left = cypress.approach(path, tx)
    if not left:
        _set_node(call, node, value)
    elif node.type in VALUE_TYPES:
        changed = put_at(cypress.attr(node, VALUE, tx), [step.key for step in left], value)
        cypress.set_attr(node, VALUE, changed, tx)
    elif node.type == "map_node":
        build(call, node, left, value)
    else:
        raise errors.resolve(path.text, errors.cannot_have_children(cypress.path_of(node)))
    return NOTHING


def _set_attribute(call: Call, path: RichPath, steps: list[str], value: Any) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    if objects.set_attribute(call, path, value):
        return
    node = cypress.node(path, tx)
    if pools.is_pool(call, node):
        pools.set_attribute(call, node, steps, value)
        return
    if not steps:
        given = _map_of_attributes(value)
        for name in attrs.user_keys(cypress, node, tx):
            if name not in given:
                cypress.remove_attr(node, name, tx)
        _set_all(call, node, given)
        return
    name = steps[0]
    attrs.check_settable(node, name, tx)
    if len(steps) > 1:
        if not attrs.is_builtin(node, name) and cypress.attr(node, name, tx) is None:
            raise YtError(f'Custom attribute "{name}" is not found', errors.RESOLVE)
        value = put_at(attrs.read(cypress, node, name, tx), steps[1:], value)
    _set_all(call, node, {name: value})


def _map_of_attributes(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise YtError(f'Attributes must be a map, found "{attrs.value_type(value)}"')
    return value


def _set_all(call: Call, node: Node, given: dict[str, Any]) -> None:
    for name in given:
        attrs.check_settable(node, name, call.tx)
        if name == "acl":
            check_acl(given[name])
    for name, value in given.items():
        target = VALUE if name == "value" and node.type == "document" else name
        call.cluster.cypress.set_attr(node, target, value, call.tx)


def _set_node(call: Call, node: Node, value: Any) -> None:
    """A new value for a node there is; its id stays, and its attributes but for those that come along."""
    cypress, tx, kind = call.cluster.cypress, call.tx, attrs.value_type(value)
    if node.type == "document":
        cypress.set_attr(node, VALUE, value, tx)
        return
    if pools.is_pool(call, node):
        where = cypress.path_of(node)
        raise YtError(f"{where} cannot be set; create its pools, and set attributes of them")
    if node.type in ("map_node", "list_node") and not call.flag("force"):
        raise YtError('"set" command without "force" flag is forbidden; use "create" instead')
    expected = (
        attrs.ENTITY if node.type not in ("map_node", *attrs.SCALARS) else node.type.removesuffix("_node")
    )
    if kind != expected and not (kind in ("int64", "uint64") and node.type in INTEGERS):
        raise YtError(f'Cannot update "{expected}" node with "{kind}" value; types must match')
    if node.type == "map_node":
        if node is cypress.root:
            raise YtError("The root of the local cluster cannot be set")
        _set_map(call, node, value)
    elif expected != attrs.ENTITY:
        cypress.set_attr(node, VALUE, _integer(node.type, value), tx)
    _set_all(call, node, dict(getattr(value, "attributes", None) or {}))


def _integer(node_type: str, value: Any) -> Any:
    if node_type not in INTEGERS:
        return value
    low, high = INTEGERS[node_type]
    if not low <= value <= high:
        raise YtError(f'Argument value {value} is out of expected range for "{node_type}"')
    return yson.YsonUint64(value) if node_type == "uint64_node" else int(value)


def _set_map(call: Call, node: Node, value: dict[str, Any]) -> None:
    cypress, tx = call.cluster.cypress, call.tx
    cypress.locks.acquire(node, tx, "shared")
    for child in cypress.children(node, tx).values():
        cypress.remove(child, tx)
    for key, item in value.items():
        build(call, node, [Step(key)], item)


def build(call: Call, parent: Node, left: list[Step], value: Any) -> None:
    """Nodes for a value where there are none: maps become map nodes, the rest scalar nodes."""
    kind = attrs.value_type(value)
    if kind == attrs.ENTITY:
        raise YtError("Entity nodes cannot be created inside Cypress")
    given = dict(getattr(value, "attributes", None) or {})
    initial = given if kind == "map" else {**given, VALUE: value}
    node = add_node(call, parent, left, f"{kind}_node", initial)
    for name in given:
        attrs.check_settable(node, name, call.tx)
    for key, item in value.items() if kind == "map" else ():
        build(call, node, [Step(key)], item)


@command("multiset_attributes", "structured", volatile=True)
def multiset_attributes(call: Call) -> Any:
    path, tx = call.path(), call.tx
    if path.attribute is None:
        raise YtError('Expected "slash" in YPath but found end-of-string')
    if path.attribute:
        for name, value in _map_of_attributes(call.input).items():
            _set_attribute(call, path, [*path.attribute, name], value)
        return NOTHING
    node, given = call.cluster.cypress.node(path, tx), _map_of_attributes(call.input)
    if pools.is_pool(call, node):
        pools.set_many(call, node, given)
    else:
        _set_all(call, node, given)
    return NOTHING
