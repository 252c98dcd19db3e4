"""Scores against OpenCV itself, called on the same pictures."""

import io
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from tests.support.planted import KINDS, make_planted_clip
from ytcurate.config import Thresholds
from ytcurate.media.examine import examine_clip

FARNEBACK = (0.5, 1, 15, 2, 5, 1.1, 0)


def five_gray_pictures(video):
    with av.open(io.BytesIO(video)) as container:
        rgb = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [cv2.cvtColor(rgb[at], cv2.COLOR_RGB2GRAY) for at in np.linspace(0, len(rgb) - 1, 5).astype(int)]


def test_scores_are_opencvs_on_five_evenly_spaced_pictures():
    video = make_planted_clip(1)
    quality, gray = examine_clip(video).quality, five_gray_pictures(video)
    flows = [
        cv2.calcOpticalFlowFarneback(before, after, None, *FARNEBACK) for before, after in pairwise(gray)
    ]
    lengths = [np.mean(cv2.cartToPolar(flow[..., 0], flow[..., 1])[0]) for flow in flows]
    assert quality.brightness == pytest.approx(np.mean([each.mean() for each in gray]), rel=1e-9)
    assert quality.contrast == pytest.approx(np.mean([each.std() for each in gray]), rel=1e-9)
    sharpness = np.mean([cv2.Laplacian(each, cv2.CV_64F).var() for each in gray])
    assert quality.sharpness == pytest.approx(sharpness, rel=1e-9)
    assert quality.motion == pytest.approx(np.mean(lengths, dtype=np.float64), rel=1e-9)
    assert quality.text is None


def failed_thresholds(quality):
    """The thresholds that a clip does not keep, by the scores' names."""
    limits = Thresholds()
    checks = {
        "brightness": limits.min_brightness <= quality.brightness <= limits.max_brightness,
        "contrast": quality.contrast >= limits.min_contrast,
        "sharpness": quality.sharpness >= limits.min_sharpness,
        "motion": quality.motion >= limits.min_motion,
        "black": quality.black <= limits.max_black,
        "frozen": quality.frozen <= limits.max_frozen,
    }
    return {name for name, passes in checks.items() if not passes}


INTENDED = {
    "blurred": {"sharpness"},
    "dark": {"brightness"},
    "frozen": {"motion", "frozen"},
    "black": {"brightness", "contrast", "sharpness", "motion", "black", "frozen"},
}


def test_planted_kinds_are_told_apart():
    planted = [(scene, kind) for scene in range(17) for kind in KINDS]
    found = [failed_thresholds(examine_clip(make_planted_clip(*each, seconds=1)).quality) for each in planted]
    is_bad = np.array([kind in INTENDED for _, kind in planted])
    dropped = np.array([bool(each) for each in found])
    hit = (is_bad & dropped).sum()
    assert len(planted) == 102
    assert hit / dropped.sum() >= 0.95
    assert hit / is_bad.sum() >= 0.95
    for (_, kind), names in zip(planted, found, strict=True):
        assert names >= INTENDED.get(kind, set())
