"""A pool tree with its pools, the operations in it, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.pools import ROOT, PoolConfig, TreeConfig
from ytcurate.localcluster.model.resources import NOTHING, UNLIMITED, Resources
from ytcurate.localcluster.scheduler.machine import Place

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.spec import UserJob

Turn = tuple[tuple[float, ...], ...]
"""Compares operations: who has the least goes first. One entry per level, from the root down."""


@dataclass(frozen=True)
class Options:
    """What an operation asks of one tree; changed by `update_operation_parameters`."""

    pool: str
    weight: float = 1.0
    resource_limits: Resources = UNLIMITED


@dataclass(eq=False)
class Slot:
    """What one job holds."""

    member: Member
    tree: str
    place: Place
    asked: Resources
    """What the job's spec says; counts for limits and shares."""
    taken: Resources
    """What is missing from the place."""
    devices: list[str]
    number: int
    """Grows: the job started last has the highest."""
    abort: Callable[[YtError], None] | None = None
    is_preempted: bool = False


@dataclass(eq=False)
class Member:
    """An operation as trees see it."""

    operation_id: str
    number: int
    """Grows: who came first has the lowest."""
    options: dict[str, Options]
    single_tree: bool = False
    active: set[str] = field(default_factory=set)
    """Trees where it may start jobs; in the others it waits for operations to end."""
    slots: list[Slot] = field(default_factory=list)
    wants: UserJob | None = None
    """The job it would start next."""
    hungry_since: float | None = None

    def usage(self, tree: str) -> Resources:
        return sum((slot.asked for slot in self.slots if slot.tree == tree), NOTHING)


class PoolTree:
    """`members` are all operations of the cluster, in the order they came."""

    def __init__(
        self, name: str, total: Resources, slots: Place, gpus: Place, *, is_configured: bool
    ) -> None:
        """
        Args:
            total: what it has, as people see it.
            slots: where jobs without GPUs run.
            gpus: where those with some run; the same for a configured tree.
        """
        self.name = name
        self.total = total
        self.is_configured = is_configured
        self.config = TreeConfig()
        self.pools: dict[str, PoolConfig] = {}
        self._slots, self._gpus = slots, gpus

    # ---- jobs

    def place(self, job: UserJob) -> Place:
        return self._gpus if job.gpu_limit else self._slots

    def is_over_machine(self, job: UserJob) -> bool:
        """Does a job without GPUs ask for more than the machine has, in a tree nobody configured?"""
        over = job.cpu_limit > self.total.cpu or job.memory_limit > self.total.memory
        return over and not job.gpu_limit and not self.is_configured

    def asked(self, job: UserJob) -> Resources:
        return Resources(1, job.cpu_limit, job.memory_limit, job.gpu_limit)

    def taken(self, job: UserJob) -> Resources:
        """What a job takes from its place; the simulated GPU of a laptop serves a job that wants eight."""
        asked, place = self.asked(job), self.place(job)
        if self.is_configured:
            return asked
        slots = self.total.user_slots if self.is_over_machine(job) else 1
        gpus = min(asked.gpu, 1) if place.machine.simulated else asked.gpu
        return Resources(slots, asked.cpu, asked.memory, gpus)

    def can_ever_run(self, job: UserJob) -> bool:
        return self.taken(job).fits(self.place(job).total)

    # ---- pools

    def pool(self, name: str) -> PoolConfig:
        """An unknown one is ephemeral: it has no limits of its own and is there while it is used."""
        if name in self.pools:
            return self.pools[name]
        parent = self.config.default_parent_pool
        return PoolConfig(name, parent if parent in self.pools else ROOT, is_ephemeral=True)

    def chain(self, name: str) -> list[PoolConfig]:
        """A pool and those above it, without the root."""
        found = []
        while name != ROOT:
            found.append(self.pool(name))
            name = found[-1].parent
        return found

    def holds(self, pool: str, member: Member) -> bool:
        """Is an operation in a pool, or below it?"""
        options = member.options.get(self.name)
        return options is not None and (
            pool == ROOT or any(each.name == pool for each in self.chain(options.pool))
        )

    def within(self, pool: str, members: Iterable[Member]) -> list[Member]:
        return [member for member in members if self.holds(pool, member)]

    def usage(self, pool: str, members: Iterable[Member]) -> Resources:
        return sum((each.usage(self.name) for each in self.within(pool, members)), NOTHING)

    def max_operation_count(self, pool: PoolConfig) -> int:
        own = pool.max_operation_count
        return self.config.max_operation_count_per_pool if own is None else own

    def max_running_operation_count(self, pool: PoolConfig) -> int:
        own = pool.max_running_operation_count
        return self.config.max_running_operation_count_per_pool if own is None else own

    def full_pool(self, name: str, members: Iterable[Member]) -> tuple[str, int] | None:
        """The first pool, upwards, that takes no more operations, and its limit."""
        counts = [(each.name, self.max_operation_count(each)) for each in self.chain(name)]
        members = list(members)
        for pool, limit in [*counts, (ROOT, self.config.max_operation_count)]:
            if len(self.within(pool, members)) >= limit:
                return pool, limit
        return None

    def busy_pool(self, name: str, members: Iterable[Member]) -> tuple[str, int] | None:
        """The first pool, upwards, where as many operations run as may, and its limit."""
        counts = [(each.name, self.max_running_operation_count(each)) for each in self.chain(name)]
        running = [each for each in members if self.name in each.active]
        for pool, limit in [*counts, (ROOT, self.config.max_running_operation_count)]:
            if len(self.within(pool, running)) >= limit:
                return pool, limit
        return None

    # ---- turns

    def is_within_limits(self, member: Member, more: Resources, members: Iterable[Member]) -> bool:
        """May an operation have more, by its own limits and those of its pools?"""
        options, members = member.options[self.name], list(members)
        limits = [(member.usage(self.name), options.resource_limits)]
        limits += [
            (self.usage(pool.name, members), pool.resource_limits)
            for pool in self.chain(options.pool)
            if pool.resource_limits != UNLIMITED
        ]
        return all((used + more).fits(limit) for used, limit in limits)

    def turn(self, member: Member, members: Iterable[Member]) -> Turn:
        """Its place in the order: pools below their guarantees first, then by usage over weight."""
        options, members = member.options[self.name], list(members)
        keys = [self._pool_key(pool, members) for pool in reversed(self.chain(options.pool))]
        if self.pool(options.pool).mode == "fifo":
            own = (0.0, -options.weight, float(member.number))
        else:
            share = member.usage(self.name).share_of(self.total)
            own = (1.0, share / options.weight, float(member.number))
        return (*keys, own)

    def _pool_key(self, pool: PoolConfig, members: list[Member]) -> tuple[float, ...]:
        used, guarantee = self.usage(pool.name, members), pool.strong_guarantee_resources
        first = float(min(member.number for member in self.within(pool.name, members)))
        if guarantee.fits(used):
            return 1.0, used.share_of(self.total) / pool.weight, first
        return 0.0, used.share_of(guarantee), first

    def starving_pool(self, member: Member, members: Iterable[Member]) -> str | None:
        """The pool of an operation that has less than it is guaranteed."""
        members = list(members)
        for pool in self.chain(member.options[self.name].pool):
            if not pool.strong_guarantee_resources.fits(self.usage(pool.name, members)):
                return pool.name
        return None

    def may_lose(self, slot: Slot, pool: str, members: Iterable[Member], gone: list[Slot]) -> bool:
        """May a job be preempted for `pool`, after those of `gone`?

        Not if that took from its own pools what they are guaranteed.
        """
        if slot.is_preempted or slot.abort is None or self.holds(pool, slot.member):
            return False
        members = list(members)
        for each in self.chain(slot.member.options[self.name].pool):
            lost = sum((other.asked for other in gone if self.holds(each.name, other.member)), slot.asked)
            left, guarantee = self.usage(each.name, members) - lost, each.strong_guarantee_resources
            if guarantee != NOTHING and not guarantee.fits(left):
                return False
        return True
