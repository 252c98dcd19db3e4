"""Amounts of what jobs take and trees, pools and operations may have: slots, CPUs, memory, GPUs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.errors import YtError

NAMES = ("user_slots", "cpu", "memory", "gpu")
WHOLE = ("user_slots", "memory", "gpu")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Resources:
    """A vector; `math.inf` stands for as much as one likes."""

    user_slots: float = 0
    cpu: float = 0
    memory: float = 0
    """In bytes."""
    gpu: float = 0

    def values(self) -> tuple[float, ...]:
        return self.user_slots, self.cpu, self.memory, self.gpu

    def __add__(self, other: Resources) -> Resources:
        return Resources(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def __sub__(self, other: Resources) -> Resources:
        return Resources(*(a - b for a, b in zip(self.values(), other.values(), strict=True)))

    def fits(self, limit: Resources) -> bool:
        return all(a <= b + ROUNDING for a, b in zip(self.values(), limit.values(), strict=True))

    def share_of(self, total: Resources) -> float:
        """The dominant share: of the resource of which it is the largest part."""
        parts = zip(self.values(), total.values(), strict=True)
        return max((mine / all_ for mine, all_ in parts if 0 < all_ < math.inf), default=0.0)

    def to_yson(self) -> dict[str, float]:
        """Limited ones only; whole numbers for all but CPUs."""
        shown = zip(NAMES, self.values(), strict=True)
        return {
            name: int(value) if name in WHOLE else float(value) for name, value in shown if value < math.inf
        }


NOTHING = Resources()
UNLIMITED = Resources(math.inf, math.inf, math.inf, math.inf)


def number(value: Any, where: str, low: float = 0) -> float:
    """A number of a spec or an attribute.

    Raises:
        YtError: it is none, or too small; `where` is the path the message names.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise YtError(
            f"Error reading parameter {where}", inner=[YtError(f"Expected a number, found {value!r:.100}")]
        )
    if value < low:
        raise YtError(
            f"Error validating parameter {where}",
            inner=[YtError(f"Validation failure: Expected >= {low:g}, found {value:g}")],
        )
    return float(value)


def parse(value: Any, where: str, missing: Resources) -> Resources:
    """A map of amounts; what it does not name is as in `missing`. Names of other resources do nothing.

    Raises:
        YtError: an amount is not a number or negative.
    """
    if value is None:
        return missing
    if not isinstance(value, Mapping):
        raise YtError(f"Error reading parameter {where}", inner=[YtError("Expected a map of resources")])
    given = {name: number(value[name], f"{where}/{name}") for name in NAMES if value.get(name) is not None}
    return Resources(**{**dict(zip(NAMES, missing.values(), strict=True)), **given})
