"""Which clips are kept."""

import pytest

from ytcurate.config import LabelRules, Thresholds
from ytcurate.curating.judge import QUALITY_COLUMNS, why_not_good, why_not_unique, why_not_wanted

GOOD = {
    "outcome": "ok",
    "detail": None,
    "quality_outcome": "ok",
    "quality_detail": None,
    "quality_brightness": 120.0,
    "quality_contrast": 40.0,
    "quality_sharpness": 200.0,
    "quality_motion": 2.0,
    "quality_motion_rate": 0.1,
    "quality_black": 0.0,
    "quality_frozen": 0.0,
    "quality_text": None,
    "length": 5.0,
}
LABEL = {"outcome": "ok", "detail": None, "is_safe": True, "category": "sports"}


def test_a_good_clip_is_good():
    assert set(QUALITY_COLUMNS) == set(GOOD)
    assert why_not_good(GOOD, Thresholds()) is None


@pytest.mark.parametrize(
    ("changed", "step", "reason"),
    [
        ({"outcome": "unreadable", "detail": "no picture"}, "readable", "unreadable: no picture"),
        ({"quality_outcome": "unreadable"}, "readable", "not scored: no reason is given"),
        ({"quality_brightness": 29.96}, "quality", "brightness 29.96 is below 30"),
        ({"quality_brightness": 250.0}, "quality", "brightness 250 is above 240"),
        ({"quality_sharpness": 12.3456}, "quality", "sharpness 12.35 is below 50"),
        ({"quality_frozen": 0.75}, "quality", "frozen share 0.75 is above 0.5"),
        ({"quality_motion": None}, "quality", "motion is not known"),
        ({"length": 0.5}, "quality", "length 0.5 is below 1"),
    ],
)
def test_a_bad_clip_has_a_reason(changed, step, reason):
    assert why_not_good(GOOD | changed, Thresholds())[:2] == (step, reason)


def test_a_threshold_that_is_none_is_not_looked_at():
    assert why_not_good(GOOD | {"quality_motion": 0.0}, Thresholds(min_motion=None)) is None
    assert why_not_good(GOOD, Thresholds(max_text=0.1)) == (
        "quality",
        "text share is not known",
        "text share",
    )


@pytest.mark.parametrize(
    ("label", "step", "reason"),
    [
        (None, "labelled", "there is no label"),
        (LABEL | {"outcome": "misfit", "detail": "not JSON"}, "labelled", "misfit: not JSON"),
        (LABEL | {"is_safe": False}, "safe", "is_safe is false"),
        (LABEL | {"is_safe": None}, "safe", "is_safe is none"),
        (LABEL | {"is_safe": "true"}, "safe", "is_safe is true"),  # a text is no truth
        ({"outcome": "ok"}, "safe", "is_safe is none"),
    ],
)
def test_what_is_not_said_to_be_safe_is_not_kept(label, step, reason):
    assert why_not_wanted(label, LabelRules())[:2] == (step, reason)


def test_fields_may_be_required_and_ruled_out():
    assert why_not_wanted(LABEL, LabelRules()) is None
    assert why_not_wanted(LABEL, LabelRules(allow={"category": ("sports", "news")})) is None
    rules = LabelRules(allow={"category": ("news", "music")})
    assert why_not_wanted(LABEL, rules) == (
        "wanted",
        "category is sports, not news or music",
        "category is sports",
    )
    assert why_not_wanted(LABEL, LabelRules(block={"category": ("sports",)})) == (
        "wanted",
        "category is sports",
        "category is sports",
    )
    assert why_not_wanted(LABEL | {"is_safe": False}, LabelRules(safe_field=None)) is None


def test_a_duplicate_names_what_is_kept():
    assert why_not_unique(None, None) is None
    assert why_not_unique("abc", 0.98765) == (
        "unique",
        "near duplicate of abc (0.988)",
        "near duplicate",
    )
