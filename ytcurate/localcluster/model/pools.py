"""What a pool and a pool tree are configured to: their attributes, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import resources
from ytcurate.localcluster.model.resources import NOTHING, UNLIMITED, Resources, number

ROOT = "<Root>"
"""The name of the pool above all pools of a tree."""
MODES = ("fair_share", "fifo")
MAX_NAME = 100
NAME = r"[-_a-z0-9:A-Z]+"
MIN_WEIGHT, MAX_WEIGHT = 2.0**-26, 2.0**26
NOT_IMPLEMENTED = (
    "create_ephemeral_subpools",
    "ephemeral_subpool_config",
    "integral_guarantees",
    "fifo_sort_parameters",
    "min_share_resources",
    "infer_children_weights_from_historic_usage",
    "enable_priority_strong_guarantee_adjustment",
)
"""Attributes of pools that would change who gets what."""


@dataclass(frozen=True)
class PoolConfig:
    """A pool: one that was created, or an ephemeral one, which has no attributes."""

    name: str
    parent: str = ROOT
    weight: float = 1.0
    mode: str = "fair_share"
    resource_limits: Resources = UNLIMITED
    strong_guarantee_resources: Resources = NOTHING
    max_operation_count: int | None = None
    max_running_operation_count: int | None = None
    forbid_immediate_operations: bool = False
    is_ephemeral: bool = False


@dataclass(frozen=True)
class TreeConfig:
    """The attribute `config` of a tree; defaults are those of the server."""

    default_parent_pool: str = ROOT
    max_operation_count: int = 50_000
    max_operation_count_per_pool: int = 50
    max_running_operation_count: int = 2000
    max_running_operation_count_per_pool: int = 50
    fair_share_starvation_timeout: int = 30_000
    """Milliseconds after which an operation below its guarantee may preempt."""
    main_resource: str = "cpu"


def check_name(name: str) -> None:
    """
    Raises:
        YtError: no pool may have this name.
    """
    if name == ROOT:
        raise YtError("Pool name cannot be equal to root pool name", attributes={"root_pool_name": ROOT})
    if len(name) > MAX_NAME:
        raise YtError(
            f'Pool name "{name}" is too long', attributes={"length": len(name), "max_length": MAX_NAME}
        )
    if not re.fullmatch(NAME, name):
        raise YtError(f'Pool name "{name}" must match regular expression "{NAME}"')


def weight_of(value: Any, where: str) -> float:
    """
    Raises:
        YtError: no pool or operation may have this weight.
    """
    weight = number(value, where, MIN_WEIGHT)
    if weight > MAX_WEIGHT:
        raise YtError(
            f"Error validating parameter {where}",
            inner=[YtError(f"Validation failure: Expected <= {MAX_WEIGHT:g}, found {weight:g}")],
        )
    return weight


def _count(attributes: Mapping[str, Any], name: str) -> int | None:
    value = attributes.get(name)
    return None if value is None else int(number(value, f"/{name}"))


def parse_pool(name: str, parent: str, attributes: Mapping[str, Any]) -> PoolConfig:
    """
    Raises:
        YtError: an attribute is wrong, or changes the result and is not implemented.
    """
    for refused in NOT_IMPLEMENTED:
        if attributes.get(refused):
            raise YtError(f'Attribute "{refused}" of pools is not implemented by the local cluster')
    mode = str(attributes.get("mode", "fair_share"))
    if mode not in MODES:
        raise YtError(
            "Error reading parameter /mode",
            inner=[YtError(f'Error parsing ESchedulingMode value "{mode}"')],
        )
    pool = PoolConfig(
        name,
        parent,
        weight_of(attributes.get("weight", 1.0), "/weight"),
        mode,
        resources.parse(attributes.get("resource_limits"), "/resource_limits", UNLIMITED),
        resources.parse(attributes.get("strong_guarantee_resources"), "/strong_guarantee_resources", NOTHING),
        _count(attributes, "max_operation_count"),
        _count(attributes, "max_running_operation_count"),
        str(attributes.get("forbid_immediate_operations", False)).lower() == "true",
    )
    most, running = pool.max_operation_count, pool.max_running_operation_count
    if most is not None and running is not None and most < running:
        raise YtError(
            '"max_operation_count" must be greater than or equal to "max_running_operation_count", '
            f"but {most} < {running}",
            attributes={"pool_name": name},
        )
    return pool


def parse_tree(config: Any) -> TreeConfig:
    """Options that are not of `TreeConfig` change nothing here.

    Raises:
        YtError: a value is wrong.
    """
    if not isinstance(config, Mapping):
        raise YtError("Invalid pool tree config", inner=[YtError("Expected a map")])
    made = TreeConfig()
    given: dict[str, Any] = {}
    for name, default in vars(made).items():
        value = config.get(name)
        if value is not None:
            given[name] = str(value) if isinstance(default, str) else int(number(value, f"/{name}"))
    made = replace(made, **given)
    if made.main_resource not in resources.NAMES:
        raise YtError(f'Error parsing EJobResourceType value "{made.main_resource}"')
    return made


def check_guarantees(pools: Mapping[str, PoolConfig], tree: TreeConfig) -> None:
    """Do the guarantees of pools fit into those of their parents, and is a FIFO pool without subpools?

    Raises:
        YtError: they do not.
    """
    for pool in pools.values():
        own = dict(zip(resources.NAMES, pool.strong_guarantee_resources.values(), strict=True))
        if any(own.values()) and not own[tree.main_resource]:
            raise YtError(
                "Main resource guarantee must be specified in order to set guarantees for any other resource",
                attributes={"pool_name": pool.name, "main_resource": tree.main_resource},
            )
        children = [each for each in pools.values() if each.parent == pool.name]
        if children and pool.mode == "fifo":
            raise YtError(
                f'Pool "{pool.name}" cannot have subpools since it is in FIFO mode',
                attributes={"pool_name": pool.name},
            )
        for name, mine in own.items():
            _check_children(pool, children, name, mine)


def _check_children(pool: PoolConfig, children: list[PoolConfig], name: str, mine: float) -> None:
    theirs = {each.name: getattr(each.strong_guarantee_resources, name) for each in children}
    total = sum(theirs.values())
    if total and not mine:
        child = next(each for each, amount in theirs.items() if amount)
        raise YtError(
            f'Strong guarantee is explicitly configured at child pool "{child}" '
            f'but is not configured at parent "{pool.name}"',
            attributes={"pool_name": child, "parent_name": pool.name, "resource_type": name},
        )
    if mine < total:
        raise YtError(
            f'Strong guarantee of resource for pool "{pool.name}" '
            "is less than the sum of children guarantees",
            attributes={"resource_type": name, "pool_name": pool.name, "parent_resource": mine,
                        "children_resource_sum": total},
        )  # fmt: skip
