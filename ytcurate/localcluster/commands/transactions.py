"""Commands on transactions and locks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.ids import NULL_ID
from ytcurate.localcluster.model.locks import MODES
from ytcurate.localcluster.registry import NOTHING, command

DEFAULT_TIMEOUT_MS = 30_000


@command("start_transaction", volatile=True)
def start_transaction(call: Call) -> Any:
    deadline = 0.0
    if call.params.get("deadline"):
        deadline = _moment(call.params["deadline"])
    timeout = max(call.number("timeout") or DEFAULT_TIMEOUT_MS, 1)
    attributes = call.mapping("attributes")
    prerequisites = [str(each) for each in call.items("prerequisite_transaction_ids")]
    if prerequisites:
        attributes["prerequisite_transaction_ids"] = prerequisites
    started = call.cluster.transactions.start(call.tx, timeout, attributes, deadline)
    return {"transaction_id": started.id}


def _moment(value: Any) -> float:
    """Unix time of a parameter.

    Raises:
        YtError: it is none.
    """
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise YtError(
            f'Error reading parameter /deadline: expected a time, found "{str(value)[:100]}"'
        ) from None


def _own(call: Call) -> str:
    transaction_id = call.tx
    if not transaction_id:
        raise errors.no_transaction(NULL_ID)
    return transaction_id


@command("ping_transaction", volatile=True)
def ping_transaction(call: Call) -> Any:
    call.cluster.transactions.ping(_own(call), call.flag("ping_ancestor_transactions"))
    return NOTHING


@command("commit_transaction", volatile=True)
def commit_transaction(call: Call) -> Any:
    call.cluster.transactions.commit(_own(call))
    return NOTHING


@command("abort_transaction", volatile=True)
def abort_transaction(call: Call) -> Any:
    # Aborting what is already over succeeds, as on a real cluster.
    if str(call.params.get("transaction_id")) in call.cluster.state.transactions:
        call.cluster.transactions.abort(_own(call))
    return NOTHING


@command("lock", volatile=True)
def lock(call: Call) -> Any:
    tx = call.tx
    if not tx:
        raise errors.transaction_required()
    mode = str(call.params.get("mode") or "exclusive")
    if mode not in MODES:
        raise YtError(f'Error parsing ELockMode value "{mode}"')
    child, attribute = str(call.params.get("child_key") or ""), str(call.params.get("attribute_key") or "")
    if (child or attribute) and mode != "shared":
        keys = "child" if child else "attribute"
        raise YtError(f'Only "shared" locks are allowed on {keys} keys, got "{mode}"')
    path, cypress = call.path(), call.cluster.cypress
    if path.attribute is not None:
        raise errors.resolve(path.text, errors.method_not_supported("Lock"))
    node = cypress.node(path, tx)
    taken = cypress.locks.take(
        node, tx, mode, child_key=child, attribute_key=attribute, wait=call.flag("waitable")
    )
    pending = taken.state == "pending"
    return {
        "lock_id": taken.id,
        "node_id": node.id,
        "revision": yson.YsonUint64(0) if pending else attrs.revision(cypress, node, tx),
    }


@command("unlock", volatile=True)
def unlock(call: Call) -> Any:
    """Give up what the command `lock` took; locks of changes stay until the end of the transaction."""
    tx, state = call.tx, call.cluster.state
    if not tx:
        raise errors.transaction_required()
    node = call.cluster.cypress.node(call.path(), tx)
    own = [each for each in call.cluster.locks.of(node.id) if each.transaction_id == tx]
    explicit = [each for each in own if not each.implicit]
    if not explicit:
        return NOTHING
    branch = state.branches.get(node.id, {}).get(tx)
    if branch is not None and not branch.frozen and (branch.children or branch.attrs or branch.content):
        raise YtError(f'Node #{node.id} is modified by transaction "{tx}" and cannot be unlocked')
    for each in explicit:
        state.drop_lock(each)
    if branch is not None and len(explicit) == len(own):
        state.drop_branch(node.id, tx)
    if node.detached:
        call.cluster.cypress.drop(node)
    call.cluster.locks.grant_pending()
    return NOTHING
