"""Settings of judging: what is looked at in a clip, and what lets it be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ytcurate.config.checks import require


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What is looked at when a clip is scored, beside what always is."""

    text: bool = False
    """Also the share of the picture that is overlaid text; costs next to nothing."""
    square: bool = False
    """Keyframes are squashed to squares, as other pipelines keep them. False: they keep their shape."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Which clips are good enough to be kept. One that is None is not looked at.

    Defaults are those of the streaming curation pipelines that were compared (brightness, contrast, sharpness
    and motion of Anyscale's example); black and frozen shares are ours.
    """

    min_seconds: float | None = 1.0
    max_seconds: float | None = None
    min_brightness: float | None = 30.0
    """Mean gray, 0 to 255."""
    max_brightness: float | None = 240.0
    min_contrast: float | None = 20.0
    """Standard deviation of gray."""
    min_sharpness: float | None = 50.0
    """Variance of the Laplacian, at full resolution."""
    min_motion: float | None = 0.5
    """Mean optical flow between five pictures of the clip, px; it grows with resolution and length."""
    min_motion_rate: float | None = None
    """Mean optical flow, diagonals of the picture per second; independent of resolution and length."""
    max_motion_rate: float | None = None
    max_black: float | None = 0.5
    """Share of the time that is black."""
    max_frozen: float | None = 0.5
    """Share of the time in which the picture does not change, for half a second or more."""
    max_text: float | None = None
    """Share of the picture that is overlaid text; needs ``Scoring.text``."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            require(value is None or value >= 0, f"{name} must be 0 or more, it is {value}.")
        for name in ("seconds", "brightness", "motion_rate"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            require(
                least is None or most is None or least <= most,
                f"min_{name} {least} is above max_{name} {most}: no clip would be kept.",
            )


@dataclass(frozen=True, kw_only=True)
class LabelRules:
    """Which labels let a clip be kept."""

    safe_field: str | None = "is_safe"
    """Boolean field that must be true; a clip whose label does not say so is not kept. None: no filter."""
    allow: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → values of which it must have one."""
    block: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → values that it must not have."""
