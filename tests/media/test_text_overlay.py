"""Text that stays in place over what moves; none where nothing is written."""

import cv2
import numpy as np
import pytest

from tests.support.planted import encode, scene_pictures
from ytcurate.config import Scoring
from ytcurate.media.examine import examine_clip

WIDTH, HEIGHT = 640, 360


def text_of(pictures):
    return examine_clip(encode(pictures), Scoring(text=True)).quality.text


def written(picture, lines, *, at=(40, 300), size=0.9):
    picture = picture.copy()
    for number, line in enumerate(lines):
        place = (at[0], at[1] + 36 * number)
        for colour, thickness in (((0, 0, 0), 6), ((255, 255, 255), 2)):
            cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness)
    return picture


@pytest.fixture(scope="module", params=[1, 2])
def moving(request):
    return list(scene_pictures(request.param, "good", 24, WIDTH, HEIGHT))


def test_a_scene_without_text_has_none(moving):
    assert text_of(moving) < 0.005


def test_captions_are_found_and_two_lines_are_about_twice_as_much(moving):
    lines = ["subtitles are written here", "and go on in a second line"]
    one = text_of([written(each, lines[:1]) for each in moving])
    two = text_of([written(each, lines) for each in moving])
    # A line is some 400 x 26 px.
    assert one == pytest.approx(0.05, abs=0.03)
    assert two == pytest.approx(2 * one, rel=0.35)


def test_text_that_is_there_half_of_the_time_counts_half(moving):
    lines = ["subtitles are written here"]
    whole = text_of([written(each, lines) for each in moving])
    half = text_of([written(each, lines) if at < 12 else each for at, each in enumerate(moving)])
    assert half < 0.75 * whole


def test_a_plain_picture_and_a_bar_across_it_are_no_text():
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    picture[:40] = picture[-40:] = 0
    assert text_of([picture] * 24) == 0
    assert text_of([picture]) == 0
