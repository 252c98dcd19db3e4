"""What //sys/scheduler/orchid shows of trees, pools and operations."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.model.pools import ROOT, PoolConfig
from ytcurate.localcluster.model.resources import Resources
from ytcurate.localcluster.scheduler.pool_tree import Member, PoolTree
from ytcurate.localcluster.scheduler.slots import Slots


def build(slots: Slots) -> dict[str, Any]:
    """The value of the orchid as of now."""
    with slots.changed:
        members = slots.members()
        trees = {name: _tree(tree, members) for name, tree in slots.trees.items()}
        default = slots.default_tree
    return {
        "scheduler": {
            "default_pool_tree": default,
            "default_fair_share_tree": default,
            "scheduling_info_per_pool_tree": {
                name: {**shown, "fair_share_info": {key: shown[key] for key in ("pools", "operations")}}
                for name, shown in trees.items()
            },
            "pool_trees": trees,
        }
    }


def _tree(tree: PoolTree, members: list[Member]) -> dict[str, Any]:
    inside = tree.within(ROOT, members)
    root = PoolConfig(ROOT, "", max_operation_count=tree.config.max_operation_count,
                      max_running_operation_count=tree.config.max_running_operation_count)  # fmt: skip
    used = {pool.name: pool for member in inside for pool in tree.chain(member.options[tree.name].pool)}
    pools = {**tree.pools, **used, ROOT: root}
    return {
        "config": dict(vars(tree.config)),
        "node_count": 1,
        "resource_limits": tree.total.to_yson(),
        "resource_usage": tree.usage(ROOT, members).to_yson(),
        "pools": {name: _pool(tree, pool, members) for name, pool in pools.items()},
        "operations": {member.operation_id: operation(tree, member) for member in inside},
    }


def _pool(tree: PoolTree, pool: PoolConfig, members: list[Member]) -> dict[str, Any]:
    inside, usage = tree.within(pool.name, members), tree.usage(pool.name, members)
    return {
        **({"parent": pool.parent} if pool.parent else {}),
        "mode": pool.mode,
        "weight": pool.weight,
        "is_ephemeral": pool.is_ephemeral,
        "operation_count": len(inside),
        "running_operation_count": sum(1 for each in inside if tree.name in each.active),
        "max_operation_count": tree.max_operation_count(pool),
        "max_running_operation_count": tree.max_running_operation_count(pool),
        "strong_guarantee_resources": pool.strong_guarantee_resources.to_yson(),
        "specified_resource_limits": pool.resource_limits.to_yson(),
        **_usage(usage, tree),
    }


def operation(tree: PoolTree, member: Member) -> dict[str, Any]:
    """One operation in a tree; also in `progress/scheduling_info_per_pool_tree` of `get_operation`."""
    options = member.options[tree.name]
    return {
        "pool": options.pool,
        "weight": options.weight,
        "specified_resource_limits": options.resource_limits.to_yson(),
        "is_running": tree.name in member.active,
        **_usage(member.usage(tree.name), tree),
    }


def _usage(usage: Resources, tree: PoolTree) -> dict[str, Any]:
    return {"resource_usage": usage.to_yson(), "dominant_usage_share": usage.share_of(tree.total)}


def of_operation(slots: Slots, operation_id: str) -> dict[str, Any]:
    """By tree; {} for an operation that is over."""
    with slots.changed:
        found = [member for member in slots.members() if member.operation_id == operation_id]
        return {
            name: operation(slots.trees[name], member)
            for member in found
            for name in member.options
            if name in slots.trees
        }
