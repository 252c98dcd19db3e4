"""Which rows of a table are not described yet: what is in the source and not in the result.

The result itself is the ledger. An operation's rows appear in it all at once or not at all, so whatever
stopped an earlier run, what is there is done and what is not there is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ytcurate.describers.base import Outcome
from ytcurate.errors import TableError

MAX_RANGES = 300
"""Ranges of one input path: an operation's spec must stay small."""

Key = tuple[Any, Any, Any]
"""ds_index, segment_index, clip_id."""


@dataclass(frozen=True)
class Remaining:
    """Rows of the source that have no row in the result."""

    ranges: tuple[range, ...]
    """Places in the source: ascending, apart from each other, none of them empty."""
    source_rows: int
    """All rows of the source."""

    @property
    def rows(self) -> int:
        """How many rows are not described."""
        return sum(map(len, self.ranges))

    def first(self, rows: int) -> tuple[range, ...]:
        """The first so many rows, or fewer if they lie in too many pieces."""
        taken: list[range] = []
        left = rows
        for each in self.ranges[:MAX_RANGES]:
            if left <= 0:
                break
            taken.append(each[:left])
            left -= len(taken[-1])
        return tuple(taken)

    def without(self, done: Sequence[range]) -> Remaining:
        """What remains after the rows of a ``first``."""
        count = sum(map(len, done))
        ranges = list(self.ranges)
        while count:
            here = min(count, len(ranges[0]))
            ranges[0] = ranges[0][here:]
            count -= here
            if not ranges[0]:
                del ranges[0]
        return Remaining(tuple(ranges), self.source_rows)


def find_remaining(client: Any, source: str, result: str | None, first_row: int = 0) -> Remaining:
    """Compare a table with the result of an earlier run.

    Rows are the same if ``ds_index`` and ``segment_index`` are, and ``clip_id`` where the source has one. Of
    equal rows as many are done as the result holds.

    Args:
        client: of the cluster.
        source: the clips.
        result: the descriptions; None if there are none yet.
        first_row: where this run's rows begin in it.

    Raises:
        TableError: the result has rows that the source has not (any more).
    """
    done: Counter[Key] = Counter()
    unnamed: Counter[tuple[Any, Any]] = Counter()
    if result is not None:
        for key in _keys(client, result, first_row):
            done[key] += 1
            unnamed[key[:2]] += 1
    found = done.total()
    if not found:
        rows = int(client.get(f"{source}/@row_count"))
        return Remaining((range(rows),) if rows else (), rows)
    missing: list[int] = []
    matched = place = 0
    for place, key in enumerate(_keys(client, source), 1):
        if (done[key] if key[2] is not None else unnamed[key[:2]]) > 0:
            done[key] -= 1
            unnamed[key[:2]] -= 1
            matched += 1
        else:
            missing.append(place - 1)
    if matched != found:
        raise TableError(
            f"{result} has {found - matched} rows of clips that are not in {source}: it was changed since. "
            "Use --overwrite to describe it anew, or another result table."
        )
    return Remaining(tuple(_ranges(missing)), place)


def bad_rows(client: Any, source: str, result: str, first_row: int = 0) -> list[int]:
    """Places of rows in the result whose outcome is bad and not the one that the clip came with."""
    import yt.wrapper as yt

    columns = ["ds_index", "segment_index", "outcome"]
    hopeless = {
        (row["ds_index"], row["segment_index"])
        for row in client.read_table(yt.TablePath(source, columns=columns, client=client))
        if row.get("outcome") not in (None, Outcome.OK)
    }
    rows = client.read_table(yt.TablePath(result, columns=columns, start_index=first_row, client=client))
    return [
        place
        for place, row in enumerate(rows, first_row)
        if row["outcome"] != Outcome.OK and (row["ds_index"], row["segment_index"]) not in hopeless
    ]


def keep_rows(client: Any, table: str, dropped: Sequence[int]) -> None:
    """Take rows out of a table, in one step: it is the whole one before and the smaller one after."""
    import yt.wrapper as yt

    rows = int(client.get(f"{table}/@row_count"))
    kept = list(_ranges(sorted(set(range(rows)) - set(dropped))))
    if not kept:
        client.write_table(yt.TablePath(table, client=client), [])
        return
    # Many pieces go in several paths: one path's ranges travel in every request about it.
    paths = [
        ranged(client, table, kept[start : start + MAX_RANGES]) for start in range(0, len(kept), MAX_RANGES)
    ]
    client.run_merge(paths, yt.TablePath(table, client=client), mode="ordered")


def ranged(client: Any, table: str, ranges: Iterable[range], columns: Sequence[str] | None = None) -> Any:
    """A path of some rows of a table."""
    import yt.wrapper as yt

    limits = [
        {"lower_limit": {"row_index": each.start}, "upper_limit": {"row_index": each.stop}} for each in ranges
    ]
    return yt.TablePath(
        table, ranges=limits, columns=list(columns) if columns is not None else None, client=client
    )


def _keys(client: Any, table: str, first_row: int = 0) -> Iterator[Key]:
    import yt.wrapper as yt

    columns = ["ds_index", "segment_index", "clip_id"]
    path = yt.TablePath(table, columns=columns, start_index=first_row, client=client)
    for row in client.read_table(path):
        yield row["ds_index"], row["segment_index"], row.get("clip_id")


def _ranges(places: Iterable[int]) -> Iterator[range]:
    start = end = None
    for place in places:
        if start is not None and place == end:
            end = place + 1
            continue
        if start is not None and end is not None:
            yield range(start, end)
        start, end = place, place + 1
    if start is not None and end is not None:
        yield range(start, end)
