"""Slots of a made-up machine, for tests that start no process."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.pools import PoolConfig, TreeConfig
from ytcurate.localcluster.model.resources import Resources
from ytcurate.localcluster.scheduler.machine import Machine
from ytcurate.localcluster.scheduler.pool_tree import Options, Slot
from ytcurate.localcluster.scheduler.slots import Slots
from ytcurate.localcluster.scheduler.user_job import UserJob, user_job

GIB = 1 << 30


def job(**options: Any) -> UserJob:
    return user_job("map", {"command": "cat", **options}, {}, [], 128 << 20)


class Cluster(Slots):
    """A machine with two cores and 8 GiB; tree "own" is configured, all others share the machine."""

    def __init__(self, *pools: PoolConfig, gpus: tuple[str, ...] = (), slots: int = 4, **config: Any) -> None:
        super().__init__(
            Machine(slots, list(gpus), cores=2, memory=8 * GIB), {"own": Resources(100, 4, 4 * GIB, 2)}
        )
        by_name = {pool.name: pool for pool in pools}
        trees = {name: (TreeConfig(**config), dict(by_name)) for name in ("default", "gpu_h100", "own")}
        self.configure(trees, "default")
        self.preempted: list[Slot] = []

    def start(self, name: str, pool: str = "me", tree: str = "own", **options: Any) -> str:
        self.register(name, {tree: Options(pool, **options)})
        return name

    def want(self, name: str, **options: Any) -> Slot | None:
        """Ask for a job; it can be preempted from then on."""
        slot = self.take(name, job(**options))
        if slot is not None:
            slot.abort = lambda reason: self._lose(slot, reason)
        return slot

    def _lose(self, slot: Slot, reason: YtError) -> None:
        assert reason.attributes["abort_reason"] == "preemption"
        self.preempted.append(slot)
        self.give_back(slot)

    def fill(self, *names: str, **options: Any) -> list[str]:
        """Let operations ask in turn until nobody gets a job; who got one, in this order."""
        for name in names:
            self._members[name].wants = job(**options)
        got: list[str] = []
        while new := [name for name in names if self.want(name, **options) is not None]:
            got += new
        return got
