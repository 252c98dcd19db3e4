"""Commands on the tree: get, list, exists, create, remove."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands import objects, orchid, pools
from ytcurate.localcluster.commands.values import at, put_at, remove_at, view, with_attributes
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.attributes import VALUE
from ytcurate.localcluster.model.cypress import VALUE_TYPES
from ytcurate.localcluster.model.records import Node
from ytcurate.localcluster.model.ypath import RichPath, Step
from ytcurate.localcluster.registry import NOTHING, command


def asked_attributes(call: Call) -> list[str]:
    value = call.params.get("attributes")
    names = call.mapping("attributes").get("keys") if isinstance(value, dict) else call.items("attributes")
    if not isinstance(names, list | None):
        raise YtError("Error reading parameter /attributes/keys: expected a list of names")
    return [str(name) for name in names or []]


def _plain_path(call: Call) -> RichPath:
    path = call.path()
    if any(step.every for step in path.steps):
        raise errors.resolve(path.text, YtError('"*" is only allowed for Remove method'))
    return path


@command("get")
def get(call: Call) -> Any:
    path, tx = _plain_path(call), call.tx
    cypress, keys = call.cluster.cypress, asked_attributes(call)
    listed = objects.listing(call, path)
    if listed is not None:
        return call.answer(value={name: objects.shown(found, keys) for name, found in listed.items()})
    special = objects.find(call, path)
    if special is not None:
        if path.attribute is None:
            return call.answer(value=objects.shown(special, keys))
        return call.answer(value=objects.attribute(special, path.attribute))
    if orchid.covers(path):
        return call.answer(value=orchid.value(call, path))
    found = cypress.find(path, tx)
    if path.attribute is None:
        if found.rest:
            return call.answer(value=at(cypress.attr(found.node, VALUE, tx), found.rest))
        return call.answer(value=view(cypress, found.node, tx, keys))
    if not path.attribute:
        every = attrs.pick(cypress, found.node, keys, tx) if keys else attrs.read_all(cypress, found.node, tx)
        return call.answer(value=every)
    value = attrs.read(cypress, found.node, path.attribute[0], tx)
    return call.answer(value=at(value, path.attribute[1:]))


@command("list")
def list_(call: Call) -> Any:
    path, tx = _plain_path(call), call.tx
    cypress, keys = call.cluster.cypress, asked_attributes(call)
    listed = objects.listing(call, path)
    if listed is not None:
        return _names(call, [objects.named(name, found, keys) for name, found in listed.items()])
    if orchid.covers(path):
        return call.answer(value=orchid.names(call, path))
    special = objects.find(call, path)
    if special is None:
        found = cypress.find(path, tx)
        node = found.node
        if path.attribute is None and not found.rest and node.type == "map_node":
            names = [
                with_attributes(name, attrs.pick(cypress, child, keys, tx)) if keys else name
                for name, child in cypress.children(node, tx).items()
            ]
            return _names(call, names)
        value = _value_to_list(call, path, node, found.rest)
    else:
        value = at(special, path.attribute) if path.attribute is not None else None
    if not isinstance(value, dict):
        raise errors.method_not_supported("List")
    return _names(call, [*value])


def _value_to_list(call: Call, path: RichPath, node: Node, rest: list[str]) -> Any:
    cypress, tx = call.cluster.cypress, call.tx
    if path.attribute == []:
        return attrs.read_all(cypress, node, tx)
    if path.attribute:
        return at(attrs.read(cypress, node, path.attribute[0], tx), path.attribute[1:])
    return at(cypress.attr(node, VALUE, tx), rest) if node.type in VALUE_TYPES else None


def _names(call: Call, names: list[Any]) -> Any:
    """As many as asked for; a list that is cut says so."""
    limit = call.number("max_size")
    if limit is not None and len(names) > limit:
        return call.answer(value=with_attributes(names[:limit], {"incomplete": True}))
    return call.answer(value=names)


@command("exists")
def exists(call: Call) -> Any:
    path, tx = _plain_path(call), call.tx
    cypress = call.cluster.cypress
    try:
        if objects.listing(call, path) is None:
            special = objects.find(call, path)
            if special is not None:
                at(special, path.attribute or [])
                return {"value": True}
        if orchid.covers(path):
            orchid.value(call, path)
            return {"value": True}
        found = cypress.find(path, tx)
        if found.rest:
            at(cypress.attr(found.node, VALUE, tx), found.rest)
        if path.attribute:
            value = attrs.read(cypress, found.node, path.attribute[0], tx)
            at(value, path.attribute[1:])
    except YtError as error:
        if error.code != errors.RESOLVE:
            raise
        return {"value": False}
    return {"value": True}


@command("create", volatile=True)
def create(call: Call) -> Any:
    kind = str(call.need("type"))
    given = call.mapping("attributes")
    if kind in pools.OBJECT_TYPES:
        return pools.create_object(call, kind, given)
    if call.params.get("path") is None and kind not in attrs.NODE_TYPES:
        return {"object_id": objects.create(call, kind, given)}
    return {"node_id": make_node(call, call.path(), kind, given).id}


def check_flags(call: Call) -> None:
    """Raise for flags that exclude each other, as far as `create`, `copy` and `link` have them in common."""
    ignore = call.flag("ignore_existing")
    if ignore and call.flag("force"):
        raise YtError('Cannot specify both "ignore_existing" and "force" options simultaneously')
    if call.flag("lock_existing") and not ignore:
        raise YtError('Cannot specify "lock_existing" without "ignore_existing"')


def make_node(call: Call, path: RichPath, kind: str, given: dict[str, Any]) -> Node:
    """`create` with its flags. Like all that changes nodes it does not follow a link at the end of a path."""
    cypress, tx = call.cluster.cypress, call.tx
    check_flags(call)
    if call.flag("ignore_type_mismatch") and not call.flag("ignore_existing"):
        raise YtError('Cannot specify "ignore_type_mismatch" without "ignore_existing"')
    if kind not in attrs.NODE_TYPES:
        raise YtError(f'Node type "{kind}" is not implemented by the local cluster')
    need_node_path(path)
    node, left = cypress.approach(path, tx)
    if left:
        return add_node(call, node, left, kind, attrs.initial(kind, given))
    if call.flag("force") and not pools.is_pool(call, node):
        return replace_node(call, node, kind, attrs.initial(kind, given))
    if not call.flag("ignore_existing"):
        raise errors.already_exists(cypress.path_of(node))
    if node.type != kind and not call.flag("ignore_type_mismatch"):
        raise errors.exists_with_type(cypress.path_of(node), node.type, kind)
    if call.flag("lock_existing"):
        cypress.locks.acquire(node, tx, "exclusive")
    return node


def need_node_path(path: RichPath) -> None:
    """Raise for a path where no node can be put."""
    wrong = "at" if path.attribute is not None else "asterisk"
    if path.attribute is not None or any(step.every for step in path.steps):
        token = "@" if wrong == "at" else "*"
        raise YtError(f'Expected "literal" in YPath but found "{wrong}" token "{token}"')


def add_node(call: Call, parent: Node, left: list[Step], kind: str, initial: dict[str, Any]) -> Node:
    """A new node where a path leads to nothing: `left` of it are missing below `parent`."""
    cypress, tx = call.cluster.cypress, call.tx
    pools.refuse_child(call, parent)
    if parent.type != "map_node":
        raise errors.cannot_have_children(cypress.path_of(parent))
    if len(left) > 1 and not call.flag("recursive"):
        raise errors.missing_child(cypress.path_of(parent), left[0].key)
    for step in left[:-1]:
        parent = cypress.create(parent, step.key, "map_node", tx, {}, call.user)
    return cypress.create(parent, left[-1].key, kind, tx, initial, call.user)


def replace_node(call: Call, old: Node, kind: str, initial: dict[str, Any]) -> Node:
    cypress, tx = call.cluster.cypress, call.tx
    parent = call.cluster.state.nodes.get(old.parent_id)
    if parent is None:
        raise YtError(f"Node {cypress.path_of(old)} cannot be replaced")
    cypress.remove(old, tx)
    return cypress.create(parent, old.key, kind, tx, initial, call.user)


@command("remove", volatile=True)
def remove(call: Call) -> Any:
    path, tx = call.path(), call.tx
    cypress = call.cluster.cypress
    if path.attribute is not None:
        node = cypress.node(path, tx)
        if pools.is_pool(call, node):
            pools.remove_attribute(call, node, path.attribute)
        else:
            _remove_attribute(call, node, path.attribute)
        return NOTHING
    if objects.find(call, path) is not None:
        raise YtError("Transactions and locks cannot be removed; use abort_transaction or unlock")
    node, left = cypress.approach(path, tx)
    if left:
        _remove_below(call, path, node, left)
        return NOTHING
    if pools.is_pool(call, node):
        pools.remove_node(call, node, path)
        return NOTHING
    value = cypress.attr(node, VALUE, tx) if node.type == "list_node" else None
    if (value or cypress.children(node, tx)) and not call.flag("recursive"):
        raise YtError("Cannot remove non-empty composite node")
    cypress.remove(node, tx)
    return NOTHING


def _remove_below(call: Call, path: RichPath, node: Node, left: list[Step]) -> None:
    """What a path names that is no node: all children, a part of a value, or nothing."""
    cypress, tx = call.cluster.cypress, call.tx
    if node.type in VALUE_TYPES:
        value = cypress.attr(node, VALUE, tx)
        keys = [step.key for step in left]
        if left[-1].every:
            emptied: Any = [] if isinstance(at(value, keys[:-1]), list) else {}
            value = put_at(value, keys[:-1], emptied) if keys[:-1] else emptied
            cypress.set_attr(node, VALUE, value, tx)
            return
        try:
            cypress.set_attr(node, VALUE, remove_at(value, keys), tx)
        except YtError as error:
            if not (call.flag("force") and error.code == errors.RESOLVE):
                raise
        return
    if node.type != "map_node":
        raise errors.resolve(path.text, errors.cannot_have_children(cypress.path_of(node)))
    if left[0].every and len(left) == 1:
        for child in cypress.children(node, tx).values():
            if pools.is_pool(call, child):
                pools.remove_node(call, child, path)
            else:
                cypress.remove(child, tx)
    elif not call.flag("force"):
        raise errors.missing_child(cypress.path_of(node), left[0].key)


def _remove_attribute(call: Call, node: Node, steps: list[str]) -> None:
    cypress, tx, force = call.cluster.cypress, call.tx, call.flag("force")
    if not steps:
        raise YtError("Unexpected end-of-string in YPath")
    if steps == ["*"]:
        for name in attrs.user_keys(cypress, node, tx):
            cypress.remove_attr(node, name, tx)
        return
    stored = cypress.attr(node, steps[0], tx)
    if stored is None:
        if attrs.is_builtin(node, steps[0]):
            raise YtError(f'Attribute "{steps[0]}" cannot be removed')
        if not force:
            raise errors.no_attribute(steps[0])
    elif len(steps) == 1:
        cypress.remove_attr(node, steps[0], tx)
    else:
        try:
            cypress.set_attr(node, steps[0], remove_at(stored, steps[1:]), tx)
        except YtError as error:
            if not (force and error.code == errors.RESOLVE):
                raise
