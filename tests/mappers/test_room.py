"""Room for clips: who waits, until when, and what closing does."""

import threading

import pytest

from ytcurate.mappers.room import Room


@pytest.fixture
def admit_aside():
    """Ask for room on a thread of its own; gives the thread and the list that gets the answer."""
    threads = []

    def ask(room, size=1):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(room.admit(size)))
        threads.append(thread)
        thread.start()
        thread.join(0.1)
        return thread, answers

    yield ask
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_one_clip_is_let_in_however_large():
    assert Room(1, 10).admit(1000)


@pytest.mark.parametrize(
    ("most_clips", "size", "change"),
    [(1, 1, {"clips": -1}), (5, 100, {"size": -1})],
    ids=["clips", "bytes"],
)
def test_whoever_brings_too_much_waits_until_there_is_room(admit_aside, most_clips, size, change):
    room = Room(most_clips, 100)
    assert room.admit(size)
    thread, answers = admit_aside(room)
    assert answers == []
    room.change(**change)
    thread.join(10)
    assert answers == [True]


def test_all_who_wait_are_let_in_by_one_change_that_makes_room_for_all(admit_aside):
    room = Room(5, 100)
    assert room.admit(100)
    waiting = [admit_aside(room) for _ in range(3)]
    room.change(size=-100)
    for thread, answers in waiting:
        thread.join(10)
        assert answers == [True]


def test_closing_turns_away_who_waits_and_who_comes_later(admit_aside):
    room = Room(1, 100)
    assert room.admit(1)
    thread, answers = admit_aside(room)
    room.close()
    thread.join(10)
    assert answers == [False]
    assert not room.admit(1)
