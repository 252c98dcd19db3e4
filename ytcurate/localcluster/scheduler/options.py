"""Options of specs that are numbers, checked when an operation is started."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError


def number(given: Any, name: str, default: int, low: int, high: int) -> int:
    """A whole number out of a map of options.

    Raises:
        YtError: it is none, or out of bounds.
    """
    value = _map(given, name).get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise _not_a("whole number", name, value)
    if not low <= value <= high:
        raise errors.option_out_of_bounds(name, value, low, high)
    return int(value)


def fraction(given: Any, name: str, default: float) -> float:
    """A number from 0 to 1 out of a map of options; what is beyond either is taken for that.

    Raises:
        YtError: it is none.
    """
    value = _map(given, name).get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_a("number", name, value)
    return min(max(float(value), 0.0), 1.0)


def _map(given: Any, name: str) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise YtError(f'Error reading the options with "{name}": expected a map, found {str(given)[:100]!r}')
    return given


def _not_a(kind: str, name: str, value: Any) -> YtError:
    cause = YtError(f"Expected a {kind}, found {str(value)[:100]!r}")
    return YtError(f"Error reading parameter /{name}", inner=[cause])
