"""Walking inside YSON values, and a node shown as a value."""

from __future__ import annotations

import copy
from typing import Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import attributes as attrs
from ytcurate.localcluster.model import ypath
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
    elif node.type == "account":
        value = {}
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


def _step(value: Any, steps: list[str], index: int) -> Any:
    """One step into a value; the steps before it are for the error."""
    step = steps[index]
    if step.startswith("@"):
        found = getattr(value, "attributes", None) or {}
        if step == "@":
            return found
        if step[1:] not in found:
            raise errors.no_attribute(step[1:])
        return found[step[1:]]
    before = "/".join(ypath.escape(each) for each in steps[:index])
    where = f"Node /{before}" if before else "Root node"
    if isinstance(value, dict):
        if step in value:
            return value[step]
        reason = YtError(f'{where} has no child with key "{ypath.escape(step)}"', errors.RESOLVE)
    elif isinstance(value, list):
        try:
            return value[int(step)]
        except IndexError:
            reason = YtError(f"{where} has no child with index {step}", errors.RESOLVE)
        except ValueError:
            reason = YtError(f'Error parsing list index "{step}"')
    else:
        reason = YtError(f"{where} cannot have children")
    raise errors.resolve("/" + "/".join(ypath.escape(each) for each in steps), reason)


def at(value: Any, steps: list[str]) -> Any:
    """What lies below `value`; error 500 where nothing does."""
    for index in range(len(steps)):
        value = _step(value, steps, index)
    return value


def put_at(value: Any, steps: list[str], item: Any) -> Any:
    """A copy of `value` with `item` put below it.

    In lists the last step may be an index, `begin`, `end`, `before:N` or `after:N`.
    """
    value = copy.deepcopy(value)
    place, last = at(value, steps[:-1]), steps[-1]
    if isinstance(place, dict):
        place[last] = item
    elif isinstance(place, list):
        word, _, number = last.partition(":")
        if last in ("begin", "end"):
            place.insert(0 if last == "begin" else len(place), item)
        elif word in ("before", "after") and number.lstrip("-").isdigit():
            at(value, [*steps[:-1], number])
            index = int(number) % len(place)
            place.insert(index + (word == "after"), item)
        else:
            at(value, steps)
            place[int(last)] = item
    else:
        at(value, steps)
    return value


def remove_at(value: Any, steps: list[str]) -> Any:
    """A copy of `value` without what lies below it there."""
    value = copy.deepcopy(value)
    at(value, steps)
    place = at(value, steps[:-1])
    del place[int(steps[-1]) if isinstance(place, list) else steps[-1]]
    return value
