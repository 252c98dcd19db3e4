import pytest

from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.exchange import ThroughExchange


@pytest.mark.parametrize(("clips", "questions", "room"), [(4, 1, 4), (1, 3, 3), (8, 3, 8)])
def test_there_is_room_for_all_questions_about_a_clip(clips, questions, room):
    assert ThroughExchange(clips, questions).room == room


def test_a_request_takes_room_until_it_is_collected():
    describer = ThroughExchange(2, 1)
    describer._exchange.take(7)
    assert (describer.room, describer.in_flight) == (1, 1)
    done = Description(key=7, outcome=Outcome.OK, text="a")
    describer._exchange.give(done)
    assert describer.in_flight == 1
    assert describer.collect() == [done]
    assert (describer.room, describer.in_flight) == (2, 0)
