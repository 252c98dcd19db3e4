"""Who gets a job next: devices, slots, resources of trees, shares, limits, preemption."""

from __future__ import annotations

from collections import Counter

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.pools import PoolConfig
from ytcurate.localcluster.model.resources import Resources
from ytcurate.localcluster.scheduler.machine import SIMULATED, Machine, find_gpus
from ytcurate.localcluster.scheduler.pool_tree import Options

from .slots_helpers import GIB, Cluster

pytestmark = pytest.mark.checked_against("documentation")


@pytest.mark.checked_against("nothing")
def test_each_job_gets_devices_of_its_own() -> None:
    slots = Cluster(gpus=("0", "1", "2"))
    slots.start("a", tree="gpu_h100")
    first, second = slots.want("a", gpu_limit=2), slots.want("a", gpu_limit=1)
    assert first is not None
    assert second is not None
    assert (first.devices, second.devices) == (["0", "1"], ["2"])
    assert slots.want("a", gpu_limit=1) is None
    slots.give_back(first)
    third = slots.want("a", gpu_limit=1)
    assert third is not None
    assert third.devices == ["0"]


@pytest.mark.checked_against("nothing")
def test_jobs_without_gpus_leave_the_gpus_free_and_the_other_way_round() -> None:
    slots = Cluster(gpus=("0",), slots=1)
    slots.start("a", tree="default")
    assert slots.want("a") is not None
    assert slots.want("a") is None
    assert slots.want("a", gpu_limit=1) is not None


@pytest.mark.checked_against("nothing")
def test_without_gpus_one_is_simulated_and_said_once() -> None:
    slots = Cluster()
    slots.start("a", tree="gpu_h100")
    slot = slots.want("a", gpu_limit=8)
    assert slot is not None
    assert slot.devices == [SIMULATED]
    assert slots.want("a", gpu_limit=1) is None
    assert [slots.machine.tell_once(), slots.machine.tell_once()] == [True, False]


@pytest.mark.checked_against("nothing")
def test_only_the_devices_shown_to_the_server_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert find_gpus() == ["4", "6"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpus() == []


@pytest.mark.checked_against("nothing")
def test_a_tree_cannot_be_given_more_gpus_than_there_are() -> None:
    machine = Machine(1, ["0"])
    assert machine.part("gpu", {"cpu": 1}).gpu == 1
    assert machine.part("cpu", {"cpu": 1}).gpu == 0
    with pytest.raises(YtError, match="Pool tree gpu is to have 2 GPUs; this machine has 1"):
        machine.part("gpu", {"gpu": 2})


@pytest.mark.parametrize(
    ("asked", "count"),
    [({}, 4), ({"cpu_limit": 2}, 2), ({"memory_limit": 3 * GIB}, 1), ({"gpu_limit": 1}, 2)],
    ids=["one cpu each", "cpu", "memory", "gpu"],
)
def test_jobs_of_a_configured_tree_share_what_it_has(asked: dict[str, int], count: int) -> None:
    slots = Cluster()
    slots.start("a")
    assert slots.fill("a", **asked) == ["a"] * count


@pytest.mark.checked_against("nothing")
def test_a_job_the_machine_can_hold_takes_one_of_its_slots_and_a_larger_one_all() -> None:
    slots = Cluster()
    slots.start("a", tree="default")
    assert slots.fill("a", cpu_limit=2, memory_limit=8 * GIB) == ["a"] * 4
    other = Cluster()
    other.start("a", tree="default")
    assert other.fill("a", cpu_limit=30) == ["a"]


@pytest.mark.checked_against("server source")
def test_a_job_that_no_tree_can_ever_run_is_4410() -> None:
    slots = Cluster(gpus=("0", "1"))
    slots.start("a")
    with pytest.raises(YtError, match="No online node can satisfy the resource demand") as caught:
        slots.want("a", cpu_limit=5)
    assert caught.value.code == 4410
    assert caught.value.attributes["needed_resources"]["cpu"] == 5
    slots.start("b", tree="gpu_h100")
    with pytest.raises(YtError) as caught:
        slots.want("b", gpu_limit=8)
    assert caught.value.code == 4410


def test_operations_share_by_weight() -> None:
    slots = Cluster()
    slots.start("light")
    slots.start("heavy", weight=3.0)
    assert Counter(slots.fill("light", "heavy")) == {"light": 1, "heavy": 3}


def test_pools_share_by_weight_however_many_operations_they_have() -> None:
    slots = Cluster(PoolConfig("few"), PoolConfig("many"))
    for name in ("a", "b", "c"):
        slots.start(name, "many")
    slots.start("d", "few")
    assert Counter(slots.fill("a", "b", "c", "d"))["d"] == 2


def test_a_fifo_pool_serves_the_first_operation_first() -> None:
    slots = Cluster(PoolConfig("queue", mode="fifo"))
    slots.start("first", "queue")
    slots.start("second", "queue")
    assert slots.fill("second", "first") == ["first"] * 4


def test_limits_of_operations_pools_and_parents_hold() -> None:
    upper = PoolConfig("upper", resource_limits=Resources(9, 3, 9 * GIB, 9))
    slots = Cluster(upper, PoolConfig("lower", "upper"))
    slots.start("a", "lower")
    assert slots.fill("a") == ["a"] * 3
    slots.start("b", "other", resource_limits=Resources(0, 9, 9 * GIB, 9))
    assert slots.want("b") is None


def test_nobody_passes_an_operation_that_waits_for_a_large_slot() -> None:
    slots = Cluster()
    slots.start("small")
    running = [slots.want("small") for _ in range(3)]
    slots.start("large")
    assert slots.want("large", cpu_limit=3) is None
    assert slots.want("small") is None
    for slot in running[:2]:
        assert slot is not None
        slots.give_back(slot)
    assert slots.want("small") is None
    assert slots.want("large", cpu_limit=3) is not None


@pytest.mark.checked_against("nothing")
def test_an_operation_with_no_more_jobs_to_start_holds_nobody_up() -> None:
    slots = Cluster()
    slots.start("first")
    slots.start("second")
    assert slots.want("second") is not None
    assert slots.want("first", cpu_limit=4) is None
    assert slots.want("second") is None
    slots.rest("first")
    assert slots.want("second") is not None


@pytest.mark.checked_against("server source")
def test_operations_over_max_running_operation_count_wait_in_the_order_they_came() -> None:
    slots = Cluster(PoolConfig("one", max_running_operation_count=1))
    for name in ("a", "b", "c"):
        slots.start(name, "one")
    reasons = [slots.activate(name) for name in ("a", "c", "b")]
    assert reasons[0] is None
    assert reasons[1] is not None
    assert (reasons[1].message, reasons[1].attributes) == (
        "Max running operation count violated",
        {"pool": "one", "limit": 1, "pool_tree": "own"},
    )
    slots.unregister("a")
    assert [slots.activate(name) is None for name in ("c", "b")] == [False, True]


@pytest.mark.checked_against("server source")
def test_an_operation_over_max_operation_count_is_202() -> None:
    slots = Cluster(PoolConfig("one", max_operation_count=1))
    slots.start("a", "one")
    with pytest.raises(YtError) as caught:
        slots.start("b", "one")
    assert (caught.value.code, caught.value.message) == (
        202,
        'Limit for the number of concurrent operations 1 for pool "one" in tree "own" has been reached',
    )


def guaranteed(cpu: float) -> PoolConfig:
    return PoolConfig("prod", strong_guarantee_resources=Resources(cpu=cpu))


def test_a_starving_pool_preempts_the_youngest_jobs_of_others() -> None:
    slots = Cluster(guaranteed(2), fair_share_starvation_timeout=0)
    slots.start("greedy")
    running = [slots.want("greedy") for _ in range(4)]
    slots.start("urgent", "prod")
    assert slots.want("urgent", cpu_limit=2) is None
    assert slots.preempted == [running[3], running[2]]
    assert slots.want("greedy") is None
    assert slots.want("urgent", cpu_limit=2) is not None
    assert slots.want("urgent", cpu_limit=2) is None
    assert len(slots.preempted) == 2


def test_nothing_is_preempted_before_the_timeout_without_a_guarantee_or_from_a_guarantee() -> None:
    patient = Cluster(guaranteed(2), fair_share_starvation_timeout=60_000)
    other = PoolConfig("other", strong_guarantee_resources=Resources(cpu=4))
    strict = Cluster(guaranteed(2), other, fair_share_starvation_timeout=0)
    for slots, pool in ((patient, "me"), (strict, "other")):
        slots.start("greedy", pool)
        slots.fill("greedy")
        slots.start("urgent", "prod")
        assert slots.want("urgent") is None
        assert slots.preempted == []
    strict.start("nobody", "ephemeral")
    assert strict.want("nobody") is None
    assert strict.preempted == []


@pytest.mark.checked_against("nothing")
def test_a_job_about_to_end_by_preemption_is_not_preempted_twice() -> None:
    slots = Cluster(guaranteed(2), fair_share_starvation_timeout=0)
    slots.start("greedy")
    told: list[YtError] = []
    for _ in range(4):
        slot = slots.want("greedy")
        assert slot is not None
        slot.abort = told.append
    slots.start("urgent", "prod")
    assert slots.want("urgent") is None
    assert slots.want("urgent") is None
    assert [error.message for error in told] == ["Job preempted"]


@pytest.mark.checked_against("server source")
def test_an_operation_cannot_move_into_a_full_pool() -> None:
    slots = Cluster(PoolConfig("full", max_operation_count=1))
    slots.start("a", "full")
    slots.start("b")
    with pytest.raises(YtError, match='Max operation count of pool "full" violated'):
        slots.update("b", {"own": Options("full")})
    slots.unregister("a")
    slots.update("b", {"own": Options("full", weight=2.0)})
    assert slots.members()[0].options == {"own": Options("full", weight=2.0)}


@pytest.mark.checked_against("nothing")
def test_schedule_in_single_tree_keeps_all_jobs_in_the_tree_of_the_first() -> None:
    slots = Cluster(slots=1)
    options = {"default": Options("me"), "own": Options("me")}
    slots.register("both", options)
    slots.register("single", options, single_tree=True)
    assert [slot.tree for slot in (slots.want("single"), slots.want("single")) if slot] == ["default"]
    assert [slot.tree for slot in (slots.want("both"), slots.want("both")) if slot] == ["own", "own"]
