"""What a pool and a tree may be configured to."""

from __future__ import annotations

from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.pools import (
    PoolConfig,
    TreeConfig,
    check_guarantees,
    check_name,
    parse_pool,
    parse_tree,
)
from ytcurate.localcluster.model.resources import UNLIMITED, Resources
from ytcurate.localcluster.settings import parse_pool_tree

pytestmark = pytest.mark.checked_against("server source")


def texts(error: YtError) -> list[str]:
    return [error.message, *(each.message for each in error.inner)]


def test_a_pool_without_attributes_has_weight_one_and_no_limits() -> None:
    assert parse_pool("p", "<Root>", {}) == PoolConfig("p")
    assert PoolConfig("p").resource_limits == UNLIMITED


def test_attributes_of_a_pool_are_read() -> None:
    given = {
        "weight": 2,
        "mode": "fifo",
        "resource_limits": {"cpu": 1.5, "network": 3},
        "max_operation_count": 4,
    }
    pool = parse_pool("p", "upper", given)
    assert (pool.parent, pool.weight, pool.mode, pool.max_operation_count) == ("upper", 2.0, "fifo", 4)
    assert pool.resource_limits.to_yson() == {"cpu": 1.5}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"max_operation_count": 1, "max_running_operation_count": 2},
            '"max_operation_count" must be greater than or equal to "max_running_operation_count", but 1 < 2',
        ),
        ({"mode": "lifo"}, 'Error parsing ESchedulingMode value "lifo"'),
        ({"weight": -1}, "Validation failure: Expected >= 1.49012e-08, found -1"),
        ({"weight": "much"}, "Error reading parameter /weight"),
        ({"resource_limits": {"cpu": "all"}}, "Error reading parameter /resource_limits/cpu"),
        ({"resource_limits": 5}, "Error reading parameter /resource_limits"),
        (
            {"integral_guarantees": {"guarantee_type": "burst"}},
            'Attribute "integral_guarantees" of pools is not implemented by the local cluster',
        ),
    ],
)
def test_a_wrong_attribute_of_a_pool_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(YtError) as caught:
        parse_pool("p", "<Root>", given)
    assert said in texts(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("<Root>", "Pool name cannot be equal to root pool name"),
        ("x" * 101, f'Pool name "{"x" * 101}" is too long'),
        ("a/b", 'Pool name "a/b" must match regular expression "[-_a-z0-9:A-Z]+"'),
    ],
)
def test_a_wrong_name_of_a_pool_is_refused(name: str, said: str) -> None:
    with pytest.raises(YtError) as caught:
        check_name(name)
    assert caught.value.message == said


def guarantee(name: str, parent: str = "<Root>", **amounts: float) -> PoolConfig:
    return PoolConfig(name, parent, strong_guarantee_resources=Resources(**amounts))


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        (
            [guarantee("up", cpu=2), guarantee("a", "up", cpu=2), guarantee("b", "up", cpu=1)],
            'Strong guarantee of resource for pool "up" is less than the sum of children guarantees',
        ),
        (
            [guarantee("up"), guarantee("a", "up", cpu=2)],
            'Strong guarantee is explicitly configured at child pool "a" '
            'but is not configured at parent "up"',
        ),
        (
            [guarantee("a", memory=2)],
            "Main resource guarantee must be specified in order to set guarantees for any other resource",
        ),
        (
            [PoolConfig("up", mode="fifo"), PoolConfig("a", "up")],
            'Pool "up" cannot have subpools since it is in FIFO mode',
        ),
    ],
)
def test_pools_that_do_not_go_together_are_refused(pools: list[PoolConfig], said: str) -> None:
    with pytest.raises(YtError) as caught:
        check_guarantees({pool.name: pool for pool in pools}, TreeConfig())
    assert caught.value.message == said


def test_the_config_of_a_tree_has_the_defaults_of_the_server() -> None:
    tree = parse_tree({"max_operation_count_per_pool": 3, "nodes_filter": "internal"})
    assert (tree.max_operation_count_per_pool, tree.max_running_operation_count_per_pool) == (3, 50)
    assert tree.fair_share_starvation_timeout == 30_000
    with pytest.raises(YtError, match="Invalid pool tree config"):
        parse_tree([])


@pytest.mark.checked_against("nothing")
def test_a_tree_on_the_command_line_is_a_name_and_its_resources() -> None:
    assert parse_pool_tree("gpu={cpu=8;gpu=2}") == ("gpu", {"cpu": 8, "gpu": 2})


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu", "expected NAME="),
        ("gpu=8", "expected NAME="),
        ("gpu={cpu=", "expected NAME="),
        ("gpu={cores=8}", "a pool tree has user_slots, cpu, memory, gpu, not cores"),
        ("gpu={cpu=-1}", "Error validating parameter /gpu/cpu"),
        ("={}", 'Pool name "" must match'),
    ],
)
def test_a_tree_written_in_another_way_is_refused(text: str, said: str) -> None:
    with pytest.raises(YtError) as caught:
        parse_pool_tree(text)
    assert said in caught.value.message
