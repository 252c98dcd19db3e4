"""The rate of motion does not depend on how a clip is coded; the other measure does."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.support.planted import encode, scene_pictures
from ytcurate.config import ClipLimits
from ytcurate.media.examine import examine_clip
from ytcurate.media.motion import FiveMotion, MotionRate, mean_flow_px

WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="module")
def pictures():
    return list(scene_pictures(3, "good", 36, WIDTH, HEIGHT))


@pytest.fixture(scope="module")
def known(pictures):
    return examine_clip(encode(pictures)).quality


def test_the_rate_is_that_of_the_same_clip_twice_as_large(pictures, known):
    large = [cv2.resize(each, (2 * WIDTH, 2 * HEIGHT), interpolation=cv2.INTER_CUBIC) for each in pictures]
    found = examine_clip(encode(large)).quality
    assert found.motion_rate == pytest.approx(known.motion_rate, rel=0.03)
    assert abs(found.motion / known.motion - 1) > 0.2


def test_the_rate_is_that_of_the_same_clip_half_as_large(pictures, known):
    small = [cv2.resize(each, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA) for each in pictures]
    assert examine_clip(encode(small)).quality.motion_rate == pytest.approx(known.motion_rate, rel=0.05)


@pytest.mark.parametrize(
    ("codec", "file_format", "options"),
    [
        ("libvpx-vp9", "webm", {"cpu-used": "8", "deadline": "realtime", "crf": "30", "b": "0"}),
        ("mpeg4", "mp4", {"qmin": "4", "qmax": "4"}),
        ("libx264", "mp4", {"crf": "32"}),
    ],
)
def test_the_rate_is_that_of_the_same_clip_in_another_codec(pictures, known, codec, file_format, options):
    found = examine_clip(encode(pictures, codec=codec, file_format=file_format, options=options)).quality
    assert found.motion_rate == pytest.approx(known.motion_rate, rel=0.05)


@pytest.mark.parametrize("step_px", [0.25, 4])
def test_the_rate_is_that_of_any_part_of_a_clip_that_moves_evenly(step_px):
    canvas = np.concatenate([next(scene_pictures(scene, "good", 1, 200, 120)) for scene in range(6)], 1)
    centres = [(80 + step_px * number, 60) for number in range(160)]
    pan = [cv2.getRectSubPix(canvas, (160, 120), centre) for centre in centres]
    whole, part = (examine_clip(encode(pan[:length])).quality for length in (160, 36))
    # So far in each of 24 pictures a second, and a diagonal of 200 px.
    assert whole.motion_rate == pytest.approx(step_px * 24 / 200, rel=0.06)
    assert part.motion_rate == pytest.approx(whole.motion_rate, rel=0.05)
    if step_px < 1:
        assert whole.motion > 1.5 * part.motion


def test_soft_and_dark_clips_move_nearly_as_sharp_ones_do():
    rates = {
        kind: examine_clip(encode(list(scene_pictures(3, kind, 36, 160, 120)))).quality.motion_rate
        for kind in ("good", "blurred", "dark", "frozen")
    }
    assert rates["blurred"] > 0.6 * rates["good"]
    assert rates["dark"] > 0.6 * rates["good"]
    assert rates["frozen"] < 0.001


def test_motion_of_pictures_that_are_reduced_to_save_memory_is_nearly_the_same(pictures, known):
    limits = ClipLimits(max_decoded_bytes=WIDTH * HEIGHT * 96 // 2)
    found = examine_clip(encode(pictures), limits=limits).quality
    assert replace(found, motion=0) == replace(known, motion=0)
    one, other = (cv2.cvtColor(pictures[at], cv2.COLOR_RGB2GRAY) for at in (0, 1))
    motion = FiveMotion(limits.max_decoded_bytes)
    motion.add(one)
    motion.add(other)
    assert motion.mean_px == pytest.approx(mean_flow_px(one, other), rel=0.1)


def test_a_picture_that_stands_for_several_does_not_move():
    one, other = (np.random.default_rng(seed).integers(0, 255, (60, 80), np.uint8) for seed in (1, 2))
    motion = FiveMotion(max_bytes=10**9)
    motion.add(one, 3)
    motion.add(other, 2)
    assert mean_flow_px(one, one) < 0.001
    assert motion.mean_px == mean_flow_px(one, other) / 4


def test_without_a_pair_nothing_moves():
    assert (FiveMotion(10**9).mean_px, MotionRate().mean) == (0, 0)
