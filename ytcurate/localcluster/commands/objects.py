"""What is no node of the tree: transactions and locks, by id and below //sys; users, groups and accounts."""

from __future__ import annotations

import time
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.commands.values import at, with_attributes
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.ids import CELL_TAG, NULL_ID
from ytcurate.localcluster.model.records import Lock, Node, Transaction
from ytcurate.localcluster.model.ypath import RichPath
from ytcurate.localcluster.registry import NOTHING, command

MAPS = ("transactions", "topmost_transactions", "locks")
"""Below //sys, without children of their own."""
KINDS = {"user": "users", "group": "groups", "account": "accounts"}
"""Types of objects that `create` makes without a path, and where in //sys they are."""


def find(call: Call, path: RichPath) -> dict[str, Any] | None:
    """Attributes of the transaction or lock that a path names, None if it names neither.

    Raises:
        YtError: code 500, there is none of this id.
    """
    state = call.cluster.state
    object_id, keys = path.root, [step.key for step in path.steps]
    if keys[:1] == ["sys"] and len(keys) == 3 and keys[1] in MAPS:
        object_id = keys[2]
        if object_id not in (state.locks if keys[1] == "locks" else state.transactions):
            raise errors.resolve(path.text, errors.missing_child(f"//sys/{keys[1]}", object_id))
    elif not object_id or keys:
        return None
    if object_id in state.transactions:
        return _of_transaction(call, state.transactions[object_id])
    return _of_lock(state.locks[object_id]) if object_id in state.locks else None


def listing(call: Call, path: RichPath) -> dict[str, dict[str, Any]] | None:
    """Ids and attributes of the objects in a map of //sys, None if the path is not that of one."""
    keys = [step.key for step in path.steps]
    if path.root or path.attribute is not None or len(keys) != 2 or keys[0] != "sys" or keys[1] not in MAPS:
        return None
    state = call.cluster.state
    if keys[1] == "locks":
        return {each.id: _of_lock(each) for each in state.locks.values()}
    topmost = keys[1] == "topmost_transactions"
    return {
        each.id: _of_transaction(call, each)
        for each in state.transactions.values()
        if not (topmost and each.parent_id)
    }


def _of_transaction(call: Call, transaction: Transaction) -> dict[str, Any]:
    state = call.cluster.state
    held = [each for each in state.locks.values() if each.transaction_id == transaction.id]
    silent_s = time.monotonic() - state.pings.get(transaction.id, time.monotonic())
    return {
        "owner": call.user,
        **transaction.attributes,
        "id": transaction.id,
        "type": "transaction",
        "state": "active",
        "timeout": transaction.timeout_ms,
        "start_time": transaction.started,
        "last_ping_time": _time(time.time() - silent_s),
        "parent_id": transaction.parent_id or NULL_ID,
        "depth": len(state.ancestors(transaction.id)) - 2,
        "nested_transaction_ids": call.cluster.transactions.nested(transaction.id),
        "lock_ids": {str(CELL_TAG): [each.id for each in held]},
        "locked_node_ids": {str(CELL_TAG): list(dict.fromkeys(each.node_id for each in held))},
    }


def _time(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e6):06d}Z"


def _of_lock(lock: Lock) -> dict[str, Any]:
    known = {name: value for name, value in lock.dump().items() if value != ""}
    return {**known, "type": "lock"}


def shown(found: dict[str, Any], keys: list[str]) -> Any:
    """An object as `get` shows it: `#` with the attributes asked for."""
    return with_attributes(None, {name: found[name] for name in keys if name in found}) if keys else None


def named(name: str, found: dict[str, Any], keys: list[str]) -> Any:
    """An object as `list` shows it."""
    return with_attributes(name, {key: found[key] for key in keys if key in found}) if keys else name


def attribute(found: dict[str, Any], steps: list[str]) -> Any:
    if steps and steps[0] not in found:
        raise errors.no_attribute(steps[0])
    return at(found, steps)


def set_attribute(call: Call, path: RichPath, value: Any) -> bool:
    """Set an attribute of a transaction; False if the path is not that of one.

    Raises:
        YtError: it is none that can be set.
    """
    found = find(call, path)
    if found is None:
        return False
    steps = path.attribute or []
    if found["type"] != "transaction" or len(steps) != 1:
        raise YtError("Attributes of locks, and parts of those of transactions, cannot be set")
    transaction, state = call.cluster.state.transactions[found["id"]], call.cluster.state
    if steps[0] == "timeout":
        transaction.timeout_ms = int(value)
    elif steps[0] in found and steps[0] not in transaction.attributes:
        raise YtError(f'Builtin attribute "{steps[0]}" cannot be set')
    else:
        transaction.attributes[steps[0]] = value
    state.put("transactions", transaction.id, transaction)
    return True


def create(call: Call, kind: str, given: dict[str, Any]) -> str:
    """A user, group or account; the id of the one of that name with `ignore_existing`."""
    if kind not in KINDS:
        raise YtError(f'Objects of type "{kind}" cannot be created in the local cluster')
    name = str(given.pop("name", "") or "")
    if not name:
        raise YtError('Missing required attribute "name"')
    cypress = call.cluster.cypress
    parent = cypress.node(f"//sys/{KINDS[kind]}", "")
    old = cypress.child(parent, name, "")
    if old is not None:
        if call.flag("ignore_existing"):
            return old.id
        raise YtError(f'{kind.capitalize()} "{name}" already exists', errors.ALREADY_EXISTS)
    return cypress.create(parent, name, kind, "", attrs.initial(kind, given), call.user).id


@command("add_member", volatile=True)
def add_member(call: Call) -> Any:
    group, member = _group_and_member(call)
    _change(call, group, "members", member.key, present=True)
    _change(call, member, "member_of", group.key, present=True)
    return NOTHING


@command("remove_member", volatile=True)
def remove_member(call: Call) -> Any:
    group, member = _group_and_member(call)
    _change(call, group, "members", member.key, present=False)
    _change(call, member, "member_of", group.key, present=False)
    return NOTHING


def _group_and_member(call: Call) -> tuple[Node, Node]:
    cypress, name = call.cluster.cypress, str(call.need("group"))
    group = cypress.child(cypress.node("//sys/groups", ""), name, "")
    if group is None:
        raise YtError(f'No such group "{name}"', errors.RESOLVE)
    wanted = str(call.need("member"))
    for place in ("users", "groups"):
        member = cypress.child(cypress.node(f"//sys/{place}", ""), wanted, "")
        if member is not None:
            return group, member
    raise YtError(f'No such user or group "{wanted}"', errors.RESOLVE)


def _change(call: Call, node: Node, name: str, item: str, *, present: bool) -> None:
    cypress = call.cluster.cypress
    items = list(cypress.attr(node, name, "", []))
    if (item in items) == present:
        group = "already" if present else "not"
        raise YtError(f'"{item}" is {group} in attribute "{name}" of "{node.key}"')
    cypress.set_attr(node, name, [*items, item] if present else [each for each in items if each != item], "")
