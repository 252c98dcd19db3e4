"""Hands out what the machine has to the jobs of all operations: by pool tree, pool, and fair share."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.pools import PoolConfig, TreeConfig
from ytcurate.localcluster.model.resources import Resources
from ytcurate.localcluster.scheduler.machine import Machine, Place, gpus_of, slots_of
from ytcurate.localcluster.scheduler.pool_tree import Member, Options, PoolTree, Slot

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.spec import UserJob


class Slots:
    """`changed` is notified when somebody who waited may have a turn.

    The operation that has least of its fair share goes first, and nobody passes it: what comes free in
    its place is kept for it, so that a large job does not wait for ever behind small ones.
    """

    def __init__(self, machine: Machine, configured: Mapping[str, Resources]) -> None:
        """
        Args:
            configured: what trees have; those not named here share the whole machine.
        """
        self.changed = threading.Condition()
        self.version = 0
        self.machine = machine
        self.trees: dict[str, PoolTree] = {}
        self.default_tree = ""
        self._configured = configured
        self._shared = slots_of(machine), gpus_of(machine)
        self._members: dict[str, Member] = {}
        self._numbers = itertools.count()

    def tell(self) -> None:
        """Wake everybody who waits."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def wait(self, seen: int, timeout_s: float) -> None:
        """Until something changes; at once if that happened since `version` was `seen`."""
        with self.changed:
            if self.version == seen:
                self.changed.wait(timeout_s)

    # ---- trees and pools

    def configure(
        self, trees: Mapping[str, tuple[TreeConfig, dict[str, PoolConfig]]], default_tree: str
    ) -> None:
        """Trees and pools are these from now on; what runs goes on."""
        with self.changed:
            for name, (config, pools) in trees.items():
                tree = self.trees.get(name)
                if tree is None:
                    tree = self.trees[name] = self._make(name)
                tree.config, tree.pools = config, pools
            for name in set(self.trees) - set(trees):
                del self.trees[name]
            self.default_tree = default_tree
            self.tell()

    def _make(self, name: str) -> PoolTree:
        total = self._configured.get(name)
        if total is None:
            return PoolTree(name, self.machine.resources(), *self._shared, is_configured=False)
        place = Place(self.machine, total)
        return PoolTree(name, total, place, place, is_configured=True)

    def members(self) -> list[Member]:
        """The caller holds `changed`."""
        return list(self._members.values())

    # ---- operations

    def register(
        self,
        operation_id: str,
        options: Mapping[str, Options],
        *,
        single_tree: bool = False,
        is_revived: bool = False,
    ) -> None:
        """An operation was started, or goes on after a restart.

        Args:
            single_tree: all of its jobs run in the tree where the first one does.
            is_revived: its pools took it before, and cannot refuse it now.

        Raises:
            YtError: code 202, a pool has as many as it takes.
        """
        with self.changed:
            if not is_revived:
                self._check_counts(options)
            member = Member(operation_id, next(self._numbers), dict(options), single_tree)
            self._members[operation_id] = member

    def _check_counts(self, options: Mapping[str, Options]) -> None:
        for name, asked in options.items():
            tree = self.trees[name]
            if tree.pool(asked.pool).forbid_immediate_operations:
                raise YtError(f'Starting operations immediately in pool "{asked.pool}" is forbidden')
            full = tree.full_pool(asked.pool, self.members())
            if full is not None:
                raise errors.too_many_operations(*full, name)

    def update(self, operation_id: str, options: Mapping[str, Options]) -> None:
        """In effect with the next job.

        Raises:
            YtError: the new pool has as many operations as it takes.
        """
        with self.changed:
            member = self._members.get(operation_id)
            if member is None:
                raise YtError(f"No such operation {operation_id}", errors.NO_SUCH_OPERATION_IN_SCHEDULER)
            others = [each for each in self.members() if each is not member]
            kept = {name: asked for name, asked in options.items() if name in member.options}
            for name, asked in kept.items():
                full = self.trees[name].full_pool(asked.pool, others)
                if asked.pool != member.options[name].pool and full is not None:
                    raise YtError(f'Max operation count of pool "{full[0]}" violated')
            member.options = kept
            self.tell()

    def unregister(self, operation_id: str) -> None:
        with self.changed:
            self._members.pop(operation_id, None)
            self.tell()

    def rest(self, operation_id: str) -> None:
        """An operation has no job to start for now."""
        with self.changed:
            member = self._members.get(operation_id)
            if member is not None and member.wants is not None:
                member.wants = member.hungry_since = None
                self.tell()

    def activate(self, operation_id: str) -> YtError | None:
        """May an operation run? If not, why: its pools have as many running ones as they may have."""
        with self.changed:
            asking = self._members[operation_id]
            # In the order they came, whoever asks.
            reasons = {member: self._activate(member) for member in self.members()}
            return None if asking.active else reasons[asking]

    def _activate(self, member: Member) -> YtError | None:
        """Let an operation into each of its trees that has room; the last reason why not."""
        reason = None
        for name in set(member.options) & set(self.trees) - member.active:
            busy = self.trees[name].busy_pool(member.options[name].pool, self.members())
            if busy is None:
                member.active.add(name)
            else:
                reason = YtError(
                    "Max running operation count violated",
                    attributes={"pool": busy[0], "limit": busy[1], "pool_tree": name},
                )
        return reason

    # ---- jobs

    def take(self, operation_id: str, job: UserJob) -> Slot | None:
        """A slot for a job, or None when it has to wait.

        Raises:
            YtError: code 4410, no tree of the operation can ever run it.
        """
        self.activate(operation_id)
        with self.changed:
            member = self._members[operation_id]
            trees = [self.trees[name] for name in member.options if name in self.trees]
            able = [tree for tree in trees if tree.can_ever_run(job)]
            if not able:
                needed = Resources(1, job.cpu_limit, job.memory_limit, job.gpu_limit)
                raise errors.no_node(job.name, needed.to_yson())
            member.wants = job
            victims: list[Slot] = []
            # A job with GPUs runs in a tree named after some if it may; one without in another.
            for tree in sorted(able, key=lambda tree: ("gpu" in tree.name) != bool(job.gpu_limit)):
                if tree.name not in member.active:
                    continue
                if tree.place(job).fits(tree.taken(job)):
                    if self._has_turn(member, tree, job):
                        return self._grant(member, tree, job)
                elif not victims:
                    member.hungry_since = member.hungry_since or time.monotonic()
                    victims = self._victims(member, tree, job)
            for slot in victims:
                slot.is_preempted = True
        reason = {
            "abort_reason": "preemption",
            "preemption_reason": f"Preempted for operation {operation_id}",
        }
        for slot in victims:
            assert slot.abort is not None
            slot.abort(YtError("Job preempted", attributes=reason))
        return None

    def _grant(self, member: Member, tree: PoolTree, job: UserJob) -> Slot:
        place, taken = tree.place(job), tree.taken(job)
        devices = place.take(taken)
        slot = Slot(member, tree.name, place, tree.asked(job), taken, devices, next(self._numbers))
        member.slots.append(slot)
        member.hungry_since = None
        if member.single_tree:
            member.options = {tree.name: member.options[tree.name]}
            member.active = {tree.name}
        self.tell()
        return slot

    def give_back(self, slot: Slot) -> None:
        with self.changed:
            slot.member.slots.remove(slot)
            slot.place.give_back(slot.taken, slot.devices)
            self.tell()

    def _has_turn(self, member: Member, tree: PoolTree, job: UserJob) -> bool:
        members = self.members()
        if not tree.is_within_limits(member, tree.asked(job), members):
            return False
        mine, place = tree.turn(member, members), tree.place(job)
        for other in members:
            if other is member or other.wants is None:
                continue
            for name in other.active & set(self.trees):
                theirs = self.trees[name]
                if (
                    theirs.place(other.wants) is place
                    and theirs.turn(other, members) < mine
                    and theirs.can_ever_run(other.wants)
                    and theirs.is_within_limits(other, theirs.asked(other.wants), members)
                ):
                    return False
        return True

    def _victims(self, member: Member, tree: PoolTree, job: UserJob) -> list[Slot]:
        """Jobs to preempt for one of a pool that starves: the youngest first, none if that is not enough."""
        members, place = self.members(), tree.place(job)
        pool = tree.starving_pool(member, members)
        waited = time.monotonic() - (member.hungry_since or time.monotonic())
        if pool is None or waited * 1000 < tree.config.fair_share_starvation_timeout:
            return []
        if not self._has_turn(member, tree, job):
            return []
        held = [slot for each in members for slot in each.slots if slot.place is place]
        gone = [slot for slot in held if slot.is_preempted]
        before = len(gone)
        free = sum((slot.taken for slot in gone), place.total - place.used)
        for slot in sorted(held, key=lambda slot: -slot.number):
            if tree.taken(job).fits(free):
                return gone[before:]
            theirs = self.trees.get(slot.tree)
            if theirs is not None and theirs.may_lose(slot, pool if theirs is tree else "", members, gone):
                gone.append(slot)
                free += slot.taken
        return gone[before:] if tree.taken(job).fits(free) else []
