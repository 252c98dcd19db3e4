"""What lanes tell each other."""

import threading

import pytest

from ytcurate.curating.board import Board, LaneState, Stopped, thread


@pytest.fixture
def board():
    made = Board()
    made.lanes["label"] = LaneState("label", "clips")
    return made


def test_a_lane_waits_until_its_condition_is_empty_and_says_for_what(board):
    seen, reasons = [], ["clips"]
    board._on_change = lambda lanes: seen.append(lanes[0].waits_for)
    waiting = threading.Thread(target=board.wait, args=("label", lambda: reasons[0]))
    waiting.start()
    while seen != ["clips"]:
        pass
    with board.changing():
        reasons[0] = ""
    waiting.join(5)
    assert not waiting.is_alive()
    assert board.lanes["label"].waits_for == ""


def test_a_lane_that_fails_stops_the_others_and_its_error_is_kept(board):
    def fail():
        raise ValueError("first")

    waiting = thread("label", board, lambda: board.wait("label", lambda: "for ever"))
    waiting.start()
    failing = thread("cut", board, fail)
    failing.start()
    waiting.join(5)
    assert not waiting.is_alive()
    assert str(board.error) == "first"
    board.fail(ValueError("second"))
    assert str(board.error) == "first"
    with pytest.raises(Stopped):
        board.require_no_error()


def test_listeners_get_copies(board):
    seen = []
    board._on_change = seen.append
    with board.changing():
        board.lanes["label"].done = 1
    with board.changing():
        board.lanes["label"].done = 2
    assert [lanes[0].done for lanes in seen] == [1, 2]
