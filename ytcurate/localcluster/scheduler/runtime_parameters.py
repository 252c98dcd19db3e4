"""The part of a spec that can be changed while an operation runs, as `get_operation` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import resources
from ytcurate.localcluster.model.pools import check_name, weight_of
from ytcurate.localcluster.model.resources import UNLIMITED
from ytcurate.localcluster.scheduler.pool_tree import Options

CHANGEABLE = ("pool", "weight", "scheduling_options_per_pool_tree")
CHANGEABLE_IN_A_TREE = ("pool", "weight", "resource_limits")


def initial(raw: Mapping[str, Any], trees: list[str], user: str) -> dict[str, Any]:
    """From a spec: its root goes before what it says of single trees; the pool is the user's by default.

    Raises:
        YtError: a pool cannot have this name, a weight or a limit is wrong.
    """
    given = raw.get("scheduling_options_per_pool_tree") or raw.get("fair_share_options_per_pool_tree") or {}
    _need_map(given, "/scheduling_options_per_pool_tree")
    per_tree = {}
    for tree in trees:
        own = _need_map(given.get(tree) or {}, f"/scheduling_options_per_pool_tree/{tree}")
        chosen = {
            name: own.get(name) if raw.get(name) in (None, {}) else raw[name] for name in CHANGEABLE_IN_A_TREE
        }
        if chosen["pool"] is not None:
            check_name(str(chosen["pool"]))
        per_tree[tree] = _checked({**chosen, "pool": user if chosen["pool"] is None else chosen["pool"]})
    return {"scheduling_options_per_pool_tree": per_tree}


def _need_map(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise YtError(f"Error reading parameter {where}", inner=[YtError("Expected a map")])
    return value


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """One tree's options with nothing left out."""
    weight = options.get("weight")
    limits = resources.parse(options.get("resource_limits"), "/resource_limits", UNLIMITED)
    return {
        "pool": str(options["pool"]),
        "weight": 1.0 if weight is None else weight_of(weight, "/weight"),
        "resource_limits": limits.to_yson(),
    }


def options_of(parameters: Mapping[str, Any]) -> dict[str, Options]:
    """By tree, for the slots."""
    return {
        tree: Options(
            str(options["pool"]),
            float(options["weight"]),
            resources.parse(options["resource_limits"], "/resource_limits", UNLIMITED),
        )
        for tree, options in parameters["scheduling_options_per_pool_tree"].items()
    }


def updated(parameters: Mapping[str, Any], change: Any) -> dict[str, Any]:
    """The parameters after `update_operation_parameters`.

    Raises:
        YtError: something in `change` is wrong or cannot be changed.
    """
    change = _need_map(change, "/parameters")
    _refuse_others(change, CHANGEABLE, "")
    per_tree = parameters["scheduling_options_per_pool_tree"]
    given = _need_map(
        change.get("scheduling_options_per_pool_tree") or {}, "/scheduling_options_per_pool_tree"
    )
    for tree, options in given.items():
        if tree not in per_tree:
            raise YtError(f'Pool tree "{tree}" was not configured for this operation')
        _refuse_others(
            _need_map(options, f"/{tree}"), CHANGEABLE_IN_A_TREE, f"scheduling_options_per_pool_tree/{tree}/"
        )
    everywhere = {name: change[name] for name in ("pool", "weight") if change.get(name) is not None}
    changed = {}
    for tree, old in per_tree.items():
        options = {**old, **given.get(tree, {}), **everywhere}
        if options["pool"] != old["pool"]:
            check_name(str(options["pool"]))
        changed[tree] = _checked(options)
    return {**parameters, "scheduling_options_per_pool_tree": changed}


def _refuse_others(change: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in change:
        if name not in known:
            raise YtError(
                f'Parameter "{where}{name}" of an operation cannot be updated in the local cluster; '
                f"these can: {', '.join(known)}",
                attributes={"parameter": f"{where}{name}"},
            )
