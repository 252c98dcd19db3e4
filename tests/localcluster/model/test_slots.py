from __future__ import annotations

import pytest

from ytcurate.localcluster.scheduler.slots import SIMULATED, Slots, find_gpus

pytestmark = pytest.mark.checked_against("nothing")


def test_each_job_gets_devices_of_its_own() -> None:
    slots = Slots(1, ["0", "1", "2"])
    first, second = slots.take(2), slots.take(1)
    assert (first, second) == (["0", "1"], ["2"])
    assert slots.take(1) is None
    slots.give_back(["0", "1"])
    assert slots.take(1) == ["0"]


def test_cpu_slots_do_not_depend_on_devices() -> None:
    slots = Slots(1, ["0"])
    assert slots.take(0) == []
    assert slots.take(0) is None
    assert slots.take(1) == ["0"]
    slots.give_back([])
    assert slots.take(0) == []


def test_without_gpus_one_is_simulated_and_said_once() -> None:
    slots = Slots(1, [])
    assert slots.take(8) == [SIMULATED]
    assert slots.take(1) is None
    assert [slots.tell_once(), slots.tell_once()] == [True, False]


def test_only_the_devices_shown_to_the_server_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert find_gpus() == ["4", "6"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpus() == []
