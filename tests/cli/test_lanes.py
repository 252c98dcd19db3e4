"""The live view of a run, in words."""

from ytcurate.cli.lanes import LanesView
from ytcurate.curating.board import LaneState
from ytcurate.curating.lane_words import end_in_words, in_words, rate_in_words, state_in_words
from ytcurate.curating.pace import Rate


def lane(name="label", noun="clips", **values):
    return LaneState(name, noun, **values)


def test_a_lane_says_what_it_does_or_whom_it_waits_for():
    assert state_in_words(lane(is_over=True)) == "done"
    assert state_in_words(lane(waits_for="clips to be cut")) == "waits for clips to be cut"
    assert state_in_words(lane(running=3)) == "working"
    assert in_words(lane(done=5, progress=2.0, total=20, backlog=4, running=6)) == (
        "label: 7 of 20 clips, 4 waiting, working"
    )


def test_rates_are_for_people():
    assert rate_in_words(lane()) == "-"
    assert rate_in_words(lane(rate=Rate(seconds=10, rows=25))) == "2.5/s"
    assert rate_in_words(lane(rate=Rate(seconds=120, rows=4))) == "2.0/min"


def test_the_end_is_that_of_the_slowest_lane():
    cut = lane("cut", "videos", done=10, total=20, rate=Rate(seconds=10, rows=10))
    assert end_in_words([lane()], 30) == "30 s so far"
    assert end_in_words([cut], 10) == "10 s so far, about 10 s to go"
    # Ten clips a video: fifty wait or run, a hundred are to come, at two seconds each.
    label = lane(done=50, backlog=40, running=10, rate=Rate(seconds=20, rows=10))
    assert end_in_words([cut, label], 10) == "10 s so far, about 5 min to go"


def test_without_a_terminal_there_is_a_line_now_and_then(capsys):
    with LanesView() as view:
        view.update([lane(running=1)])
        assert capsys.readouterr().err == ""
        view._next_line_s = 0.0
        view.update([lane(running=1), lane("embed", is_over=True)])
        view.update([lane(running=1)])
    assert capsys.readouterr().err == "label: 0 clips, working; embed: 0 clips, done\n"
