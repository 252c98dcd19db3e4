"""Values of spec options read: numbers that must be positive, lists of keys, lists of maps."""

from __future__ import annotations

from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.values import kind_of

POSITIVE = """
    job_count data_weight_per_job data_size_per_job
    map_job_count data_weight_per_map_job data_size_per_map_job
    partition_count partition_data_weight partition_data_size data_weight_per_sort_job data_size_per_sort_job
    data_weight_per_reduce_job data_size_per_reduce_job
""".split()
"""Sizes that an operation with inputs is cut by."""


def check_sizes(raw: dict[str, Any]) -> None:
    """Are the sizes a spec asks for numbers above zero?

    Raises:
        YtError: one is not.
    """
    for option in POSITIVE:
        value = raw.get(option)
        if value is None:
            continue
        if kind_of(value) not in ("int64", "uint64"):
            raise unreadable(option, "int64", value)
        if value <= 0:
            raise YtError(
                f"Error validating parameter /{option}",
                inner=[YtError(f"Validation failure: Expected > 0, found {value}")],
            )


def keys(raw: dict[str, Any], option: str) -> list[list[Any]]:
    """An option that lists keys.

    Raises:
        YtError: it does not.
    """
    value = raw.get(option) or []
    if not isinstance(value, list):
        raise unreadable(option, "list", value)
    for each in value:
        if not isinstance(each, list):
            raise unreadable(option, "list", each)
    return [list(each) for each in value]


def maps(raw: dict[str, Any], option: str) -> list[dict[str, Any]]:
    """An option that lists maps.

    Raises:
        YtError: it does not.
    """
    value = raw.get(option) or []
    if not isinstance(value, list):
        raise unreadable(option, "list", value)
    for each in value:
        if not isinstance(each, dict):
            raise unreadable(option, "map", each)
    return value


def unreadable(option: str, expected: str, value: Any) -> YtError:
    found = "map" if isinstance(value, dict) else "list" if isinstance(value, list) else kind_of(value)
    return YtError(
        f"Error reading parameter /{option}", inner=[YtError(f'Expected "{expected}", found "{found}"')]
    )
