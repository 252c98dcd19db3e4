"""Transactions know the process that keeps them alive, so that those of a dead one need not be waited for."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

OWNER_ATTRIBUTE = "ytcurate_owner"
_SAME_START_S = 1.0


def this_process() -> dict[str, Any]:
    """Name this process, as a transaction's attribute."""
    import psutil

    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }


def abort_left_behind(client: Any, table: str) -> int:
    """Abort transactions that hold locks on a table for a process of this machine that is gone.

    Without it they end by themselves, a minute after the process did.

    Returns:
        How many there were.
    """
    import yt.wrapper as yt

    aborted = 0
    for lock in client.get(f"{table}/@locks"):
        with suppress(yt.YtResponseError):  # ended meanwhile, or nothing is known of it
            transaction_id, owner = _owned(client, str(lock["transaction_id"]))
            if _is_gone(owner):
                client.abort_transaction(transaction_id)
                aborted += 1
    return aborted


def abort_left_behind_above(client: Any, path: str) -> int:
    """The same for names that a dead process was about to give: in the lowest directory that is there.

    Returns:
        How many there were.
    """
    while True:
        path = path.rpartition("/")[0]
        if path.count("/") <= 2 or client.exists(path):
            return abort_left_behind(client, path)


def _owned(client: Any, transaction_id: str) -> tuple[str, Any]:
    """The transaction that names its owner: this one, or one it is nested in.

    The client writes a table in a transaction of its own, which knows nothing of owners.
    """
    while True:
        attributes = client.get(f"#{transaction_id}/@", attributes=[OWNER_ATTRIBUTE, "parent_id"])
        if OWNER_ATTRIBUTE in attributes:
            return transaction_id, attributes[OWNER_ATTRIBUTE]
        transaction_id = str(attributes["parent_id"])


def _is_gone(owner: Any) -> bool:
    import psutil

    if str(owner["host"]) != socket.gethostname():
        return False
    try:
        started = psutil.Process(int(owner["pid"])).create_time()
    except psutil.NoSuchProcess:
        return True
    return abs(started - float(owner["started"])) > _SAME_START_S
