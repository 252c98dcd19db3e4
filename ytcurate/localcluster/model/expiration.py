"""Nodes that ask to be removed: `expiration_time` and `expiration_timeout`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.records import Node


def remove_expired(cypress: Cypress) -> None:
    """Remove nodes of the trunk whose time has come and that nobody holds."""
    for node in list(cypress.state.nodes.values()):
        if node.owner or node.detached or node.id not in cypress.state.nodes:
            continue
        if _is_over(node) and not cypress.locks.of(node.id):
            try:
                cypress.remove(node, "")
            except YtError:
                continue


def _is_over(node: Node) -> bool:
    attrs: dict[str, Any] = node.base.attrs
    if "expiration_time" not in attrs and "expiration_timeout" not in attrs:
        return False
    clock = datetime.now(UTC)
    if attrs.get("expiration_time"):
        end = _time(str(attrs["expiration_time"]))
        if end is not None and clock > end:
            return True
    if attrs.get("expiration_timeout"):
        last = _time(max(node.accessed, node.modified))
        return last is not None and clock > last + timedelta(milliseconds=int(attrs["expiration_timeout"]))
    return False


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
