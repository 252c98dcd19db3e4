"""The synthetic world: what a scene says is what its video shows."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from ytcurate.demo.world import (
    BACKGROUNDS,
    COLOURS,
    Layout,
    Placement,
    Scene,
    Thing,
    all_scenes,
    draw_frame,
    encode_video,
    random_layout,
    read_sentence,
)

RED_CIRCLE = Thing("red", "circle")
BLUE_SQUARE = Thing("blue", "square")
CENTRED = Placement(centre=(0.5, 0.5), drift=(0.0, 0.0), extent=0.5, tilt_deg=0.0)
STILL = Layout(first=CENTRED, second=CENTRED, change_at=0.5, noise=0.0)


def test_a_scene_is_told_in_one_sentence_with_the_right_articles() -> None:
    scene = Scene(Thing("orange", "triangle"), Thing("blue", "circle"), "gray")
    assert scene.sentence() == "An orange triangle, then a blue circle, on a gray background."


def test_every_sentence_reads_back_into_its_scene() -> None:
    scenes = list(all_scenes())
    assert [read_sentence(scene.sentence()) for scene in scenes] == scenes
    assert len(set(scenes)) == len(scenes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A red circle.",
        "A red circle, then a blue square, on a gray background. And more.",
        "A red circle, then a blue hexagon, on a gray background.",
        "A red circle, then a red square, on a gray background.",
    ],
)
def test_a_text_that_is_no_sentence_of_this_world_reads_as_none(text: str) -> None:
    assert read_sentence(text) is None


def test_the_second_thing_replaces_the_first_at_the_stated_moment() -> None:
    scene = Scene(RED_CIRCLE, BLUE_SQUARE, "white")
    before, after = (draw_frame(scene, STILL, t_fraction=t) for t in (0.49, 0.5))
    assert tuple(before[112, 112]) == COLOURS["red"]
    assert tuple(after[112, 112]) == COLOURS["blue"]
    assert tuple(before[0, 0]) == tuple(after[0, 0]) == BACKGROUNDS["white"]


@pytest.mark.parametrize(("shape", "area"), [("circle", 0.1963), ("square", 0.25), ("triangle", 0.1083)])
def test_a_shape_covers_its_own_area(shape: str, area: float) -> None:
    scene = Scene(Thing("red", shape), BLUE_SQUARE, "black")
    picture = draw_frame(scene, STILL, t_fraction=0.0)
    assert np.mean(picture[:, :, 0] > 115) == pytest.approx(area, abs=0.003)


def test_things_stay_inside_the_picture() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(Thing("yellow", "triangle"), Thing("red", "square"), "black")
    for _ in range(50):
        layout = random_layout(rng)
        for t_fraction in (0.0, 1.0):
            picture = draw_frame(scene, layout, t_fraction=t_fraction, size_px=56)
            border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
            assert border[:, 0].max() < 60


def test_a_video_is_h264_of_the_stated_rate_and_length_and_each_scene_starts_with_a_keyframe() -> None:
    scenes = [Scene(RED_CIRCLE, BLUE_SQUARE, "white"), Scene(BLUE_SQUARE, RED_CIRCLE, "black")]
    video = encode_video(scenes, seconds_per_scene=3, fps=10, size_px=64, gop_seconds=2)
    with av.open(io.BytesIO(video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.average_rate, stream.frames, stream.start_time) == (10, 60, 0)
        keyframe_times_s = [
            packet.pts * packet.time_base for packet in container.demux() if packet.is_keyframe
        ]
    assert keyframe_times_s == [Fraction(0), Fraction(2), Fraction(3), Fraction(5)]


def test_each_scene_of_a_video_shows_its_own_things_in_order() -> None:
    scenes = [Scene(RED_CIRCLE, BLUE_SQUARE, "white"), Scene(BLUE_SQUARE, RED_CIRCLE, "white")]
    video = encode_video(scenes, seconds_per_scene=2, fps=5, size_px=64, seed=3)
    with av.open(io.BytesIO(video)) as container:
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    # On white, the mean picture leans to the colour of the thing in it.
    leans_to_blue = [bool(np.mean(picture[:, :, 2] - picture[:, :, 0]) > 0) for picture in pictures]
    assert [leans_to_blue[index] for index in (0, 9, 10, 19)] == [False, True, True, False]


def test_equal_arguments_give_equal_bytes() -> None:
    scenes = [Scene(RED_CIRCLE, BLUE_SQUARE, "gray")]
    first, second, other = (
        encode_video(scenes, seconds_per_scene=1, fps=5, size_px=64, seed=seed) for seed in (7, 7, 8)
    )
    assert first == second != other
