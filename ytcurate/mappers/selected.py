"""Some rows of a table as the input of a mapper: ranges that a path can hold, without what lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from yt.wrapper import aggregator

from ytcurate.errors import SchemaMismatch
from ytcurate.mappers.statistics import runs_in_map_job

Row = dict[str, Any]


def select_rows(rows: Sequence[int], most_ranges: int) -> tuple[list[range], frozenset[int]]:
    """Cover rows of a table with few ranges.

    Where the rows lie in more pieces than there may be ranges, the narrowest gaps are bridged.

    Args:
        rows: ascending, without repetition.
        most_ranges: at least 1.

    Returns:
        Ranges, ascending and apart from each other, and the rows in them that are not wanted.
    """
    if not rows:
        return [], frozenset()
    gaps = [(after - before - 1, place) for place, (before, after) in enumerate(pairwise(rows))]
    wide = sorted((gap for gap in gaps if gap[0]), key=lambda gap: (-gap[0], gap[1]))
    cuts = sorted(place for _, place in wide[: most_ranges - 1])
    starts = [0, *(place + 1 for place in cuts)]
    stops = [*(place + 1 for place in cuts), len(rows)]
    ranges = [range(rows[start], rows[stop - 1] + 1) for start, stop in zip(starts, stops, strict=True)]
    wanted = set(rows)
    between = frozenset(row for each in ranges for row in each if row not in wanted)
    return ranges, between


@aggregator
class SelectRows:
    """Hands a mapper the rows of a job's input but for some.

    The operation needs ``job_io.control_attributes.enable_row_index``.

    Args:
        mapper: an aggregator.
        left_out: numbers of rows, in their table.
    """

    def __init__(self, mapper: Callable[[Iterable[Row]], Iterator[Any]], left_out: frozenset[int]) -> None:
        self.mapper = mapper
        self.left_out = left_out

    def __call__(self, rows: Iterable[Row]) -> Iterator[Any]:
        """Give what the mapper gives."""
        return self.mapper(self._selected(rows))

    def _selected(self, rows: Iterable[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows):
            at: int | None = number
            if runs_in_map_job():
                at = getattr(rows, "row_index", None)
            if at is None:
                raise SchemaMismatch(
                    "rows are left out by their numbers: give the operation "
                    "job_io.control_attributes.enable_row_index."
                )
            if at not in self.left_out:
                yield row
