"""Commands on transactions and locks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.context import Call
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.ids import NULL_ID
from ytcurate.localcluster.model.records import Layer
from ytcurate.localcluster.registry import NOTHING, command

DEFAULT_TIMEOUT_MS = 30_000


@command("start_transaction", volatile=True)
def start_transaction(call: Call) -> Any:
    deadline = 0.0
    if call.params.get("deadline"):
        deadline = datetime.fromisoformat(str(call.params["deadline"]).replace("Z", "+00:00")).timestamp()
    timeout = max(int(call.params.get("timeout") or DEFAULT_TIMEOUT_MS), 1)
    attributes = dict(call.params.get("attributes") or {})
    for prerequisite in call.params.get("prerequisite_transaction_ids") or []:
        if str(prerequisite) not in call.cluster.state.transactions:
            raise YtError(
                f"Prerequisite check failed: transaction {prerequisite} is missing", errors.PREREQUISITE
            )
    started = call.cluster.transactions.start(call.tx, timeout, attributes, deadline)
    return {"transaction_id": started.id}


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
        raise YtError("Operation cannot be performed outside of a transaction")
    cypress = call.cluster.cypress
    mode = str(call.params.get("mode") or "exclusive")
    if mode not in ("snapshot", "shared", "exclusive"):
        raise YtError(f'Invalid lock mode "{mode}"')
    node = cypress.node(call.path(), tx)
    child, attribute = str(call.params.get("child_key") or ""), str(call.params.get("attribute_key") or "")
    waitable = call.flag("waitable")
    taken = cypress.locks.acquire(node, tx, mode, child_key=child, attribute_key=attribute, waitable=waitable)
    if taken is None:
        raise YtError("Operation cannot be performed outside of a transaction")
    if mode == "snapshot":
        children: dict[str, str | None] = {key: each.id for key, each in cypress.children(node, tx).items()}
        version = Layer(children, cypress.attrs(node, tx), cypress.chunks(node, tx), "overwrite")
        cypress.locks.freeze(node, tx, version)
    return {"lock_id": taken.id, "node_id": node.id, "revision": node.revision}


@command("unlock", volatile=True)
def unlock(call: Call) -> Any:
    tx = _own(call)
    node = call.cluster.cypress.node(call.path(), tx)
    branch = call.cluster.state.branches.get(node.id, {}).get(tx)
    if branch is not None and not branch.frozen:
        raise YtError(f"Node {call.path().text} is modified by transaction {tx} and cannot be unlocked")
    for each in call.cluster.locks.of(node.id):
        if each.transaction_id == tx:
            call.cluster.locks.release(each)
    if branch is not None:
        call.cluster.state.drop_branch(node.id, tx)
    call.cluster.locks.grant_pending()
    return NOTHING
