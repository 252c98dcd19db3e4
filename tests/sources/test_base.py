import doctest

from ytcurate.sources import base
from ytcurate.sources.find import find_source


def test_the_example_of_a_source_of_ones_own_works():
    done = doctest.testmod(base)
    assert (done.attempted > 3, done.failed) == (True, 0)


def test_a_video_at_hand_has_the_digest_of_its_bytes(make_video):
    (video,) = find_source(str(make_video(seconds=0.1)))
    assert not isinstance(video.video, base.Remote)
    assert video.digest() == base.digest_of(video.video.read_bytes())
