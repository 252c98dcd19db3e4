"""Which clips are kept, and in one sentence why the others are not. Plain functions of a row's values.

A clip is judged by what comes first in this order: could it be read, is it good enough to look at, could it
be labelled, is it safe, is it of a kind that is wanted, has the set it already. What is not known counts
against a clip: one without a score, or with a label that does not say that it is safe, is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ytcurate.config import LabelRules, Thresholds
from ytcurate.describers.base import Outcome

Row = Mapping[str, Any]

STEPS = ("readable", "quality", "labelled", "safe", "wanted", "unique")
"""What a clip must be to be kept, in the order in which it is looked at."""


class Verdict(NamedTuple):
    """Why a clip is not kept."""

    step: str
    """Of ``STEPS``."""
    reason: str
    """In words, with what was found and what is wanted."""
    about: str
    """What it is about, the same for all clips of that kind: a score, a field of the label, an outcome."""


_SCORES = {
    "brightness": ("quality_brightness", "min_brightness", "max_brightness"),
    "contrast": ("quality_contrast", "min_contrast", None),
    "sharpness": ("quality_sharpness", "min_sharpness", None),
    "motion": ("quality_motion", "min_motion", None),
    "motion rate": ("quality_motion_rate", "min_motion_rate", "max_motion_rate"),
    "black share": ("quality_black", None, "max_black"),
    "frozen share": ("quality_frozen", None, "max_frozen"),
    "text share": ("quality_text", None, "max_text"),
    "length": ("length", "min_seconds", "max_seconds"),
}
"""What a score is called, its column, and the thresholds below and above which a clip is not kept."""

QUALITY_COLUMNS = (
    *("outcome", "detail", "quality_outcome", "quality_detail"),
    *(column for column, _, _ in _SCORES.values()),
)
"""What ``why_not_good`` looks at."""


def why_not_good(row: Row, thresholds: Thresholds) -> Verdict | None:
    """Say why a clip is not worth a look of the model.

    Args:
        row: with ``QUALITY_COLUMNS``.
        thresholds: one that is None is not looked at.

    Returns:
        The verdict; None: it is good.
    """
    if row["outcome"] != Outcome.OK:
        reason = f"{row['outcome']}: {row.get('detail') or 'no reason is given'}"
        return Verdict("readable", reason, str(row["outcome"]))
    if row.get("quality_outcome") != Outcome.OK:
        reason = f"not scored: {row.get('quality_detail') or 'no reason is given'}"
        return Verdict("readable", reason, "not scored")
    for name, (column, least_name, most_name) in _SCORES.items():
        least = getattr(thresholds, least_name) if least_name else None
        most = getattr(thresholds, most_name) if most_name else None
        if least is None and most is None:
            continue
        value = row.get(column)
        if value is None:
            return Verdict("quality", f"{name} is not known", name)
        if least is not None and value < least:
            return Verdict("quality", f"{name} {value:.4g} is below {least:g}", name)
        if most is not None and value > most:
            return Verdict("quality", f"{name} {value:.4g} is above {most:g}", name)
    return None


def why_not_wanted(label: Row | None, rules: LabelRules) -> Verdict | None:
    """Say why a clip's labels speak against it.

    Args:
        label: its row of the labels; None: it has none.
        rules: which fields must say what.

    Returns:
        As ``why_not_good``.
    """
    if label is None:
        return Verdict("labelled", "there is no label", "no label")
    if label["outcome"] != Outcome.OK:
        reason = f"{label['outcome']}: {label.get('detail') or 'no reason is given'}"
        return Verdict("labelled", reason, str(label["outcome"]))
    if rules.safe_field is not None and label.get(rules.safe_field) is not True:
        found = f"{rules.safe_field} is {_spelled(label.get(rules.safe_field))}"
        return Verdict("safe", found, found)
    for field, wanted in rules.allow.items():
        if _spelled(label.get(field)) not in wanted:
            found = f"{field} is {_spelled(label.get(field))}"
            return Verdict("wanted", f"{found}, not {' or '.join(wanted)}", found)
    for field, unwanted in rules.block.items():
        if _spelled(label.get(field)) in unwanted:
            found = f"{field} is {_spelled(label.get(field))}"
            return Verdict("wanted", found, found)
    return None


def why_not_unique(duplicate_of: str | None, similarity: float | None) -> Verdict | None:
    """Say of which clip one is a near duplicate."""
    if duplicate_of is None:
        return None
    reason = f"near duplicate of {duplicate_of} ({similarity or 0:.3f})"
    return Verdict("unique", reason, "near duplicate")


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
