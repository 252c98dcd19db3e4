"""Walking inside YSON values, and a node shown as a value."""

from __future__ import annotations

import copy
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model.attributes import VALUE
from ytcurate.localcluster.model.cypress import Cypress
from ytcurate.localcluster.model.records import Node


def with_attributes(value: Any, attributes: dict[str, Any]) -> Any:
    wrapped = yson.to_yson_type(copy.copy(value) if isinstance(value, (dict, list)) else value)
    wrapped.attributes = dict(attributes)
    return wrapped


def view(cypress: Cypress, node: Node, tx: str, keys: list[str]) -> Any:
    """A node as `get` shows it: maps with their children, scalars, `#` for the rest."""
    if node.type == "map_node":
        value: Any = {
            key: _below(cypress, each, tx, keys) for key, each in cypress.children(node, tx).items()
        }
    elif node.type == "document" or node.type in attrs.SCALARS:
        value = cypress.attr(node, VALUE, tx)
    else:
        value = None
    found = attrs.pick(cypress, node, keys, tx) if keys else {}
    return with_attributes(value, found) if found else value


def _below(cypress: Cypress, node: Node, tx: str, keys: list[str]) -> Any:
    if node.type != "document":
        return view(cypress, node, tx, keys)
    # A document inside a tree is opaque: `#` with the asked attributes.
    found = attrs.pick(cypress, node, keys, tx) if keys else {}
    return with_attributes(None, found) if found else None


def _step(value: Any, step: str, path: str) -> Any:
    if step.startswith("@"):
        found = getattr(value, "attributes", None) or {}
        if step == "@":
            return found
        value, step = found, step[1:]
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list):
        try:
            return value[int(step)]
        except (ValueError, IndexError):
            pass
    raise errors.resolve(path, f'No child with key "{step}"')


def at(value: Any, steps: list[str], path: str) -> Any:
    """What lies below `value`; error 500 where nothing does."""
    for step in steps:
        value = _step(value, step, path)
    return value


def put_at(value: Any, steps: list[str], item: Any, path: str) -> Any:
    """A copy of `value` with `item` put below it."""
    value = copy.deepcopy(value)
    place = at(value, steps[:-1], path)
    last = steps[-1]
    if isinstance(place, dict):
        place[last] = item
    elif isinstance(place, list) and last == "end":
        place.append(item)
    elif isinstance(place, list) and last.lstrip("-").isdigit() and int(last) < len(place):
        place[int(last)] = item
    else:
        raise errors.resolve(path, f'Cannot set "{last}" here')
    return value


def remove_at(value: Any, steps: list[str], path: str) -> Any:
    value = copy.deepcopy(value)
    at(value, steps, path)
    place = at(value, steps[:-1], path)
    del place[int(steps[-1]) if isinstance(place, list) else steps[-1]]
    return value
