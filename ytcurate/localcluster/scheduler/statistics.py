"""Statistics of jobs: samples by path, summed up per job and per operation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import yt.yson as yson

from ytcurate.localcluster.errors import YtError

Path = tuple[str, ...]
READ_BYTES = 1 << 16
MAX_NAME = 512
"""Bytes of a custom statistic's name with those it lies under."""


@dataclass
class Summary:
    sum: int = 0
    count: int = 0
    min: int = 0
    max: int = 0

    def add(self, other: Summary) -> None:
        if not other.count:
            return
        self.min = min(self.min, other.min) if self.count else other.min
        self.max = max(self.max, other.max) if self.count else other.max
        self.sum += other.sum
        self.count += other.count

    def sample(self, value: int) -> None:
        self.add(Summary(value, 1, value, value))

    def to_yson(self) -> dict[str, Any]:
        return {"sum": self.sum, "count": self.count, "min": self.min, "max": self.max}


class JobStatistics:
    """Of one job. `custom` names are limited, as a misspelt loop variable makes thousands of them."""

    def __init__(self, custom_limit: int = 128) -> None:
        self.values: dict[Path, Summary] = {}
        self._custom: set[Path] = set()
        self._limit = custom_limit

    def add(self, path: Path, value: int) -> None:
        self.values.setdefault(path, Summary()).sample(value)

    def add_custom(self, tree: Any) -> None:
        """A map that a job wrote to descriptor 5.

        Raises:
            YtError: not whole numbers, too many names, or one that is too long.
        """
        for path, value in _leaves(tree, ()):
            full = ("custom", *path)
            self.add(full, value)
            length = sum(len(part) + 1 for part in full)
            if length > MAX_NAME:
                raise YtError(f"Custom statistics path is too long: {length} > {MAX_NAME}")
            self._custom.add(full)
        if len(self._custom) > self._limit:
            raise YtError(f"Custom statistics count exceeded: {len(self._custom)} > {self._limit}")

    def copy(self) -> JobStatistics:
        """One more that can be added to."""
        other = JobStatistics(self._limit)
        other.values = {path: replace(summary) for path, summary in list(self.values.items())}
        return other

    def tree(self) -> dict[str, Any]:
        """As `get_job` shows it: names nested, summaries at the leaves."""
        root: dict[str, Any] = {}
        for path, summary in list(self.values.items()):
            place = root
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = summary.to_yson()
        return root


def _leaves(tree: Any, path: Path) -> Iterable[tuple[Path, int]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            yield from _leaves(value, (*path, text))
    elif isinstance(tree, int) and not isinstance(tree, bool | yson.YsonBoolean):
        yield path, int(tree)
    else:
        raise YtError(
            "Invalid statistics type: expected map or integral type "
            f'but found sample of type "{_kind(tree)}"',
            attributes={"sample": tree, "statistic": "/".join(path)},
        )


def _kind(value: Any) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool | yson.YsonBoolean, "boolean"), (float, "double"), (list, "list"), (str | bytes, "string"),
    )  # fmt: skip
    return next((name for kind, name in kinds if isinstance(value, kind)), "entity")


def read_statistics(stream: BinaryIO, statistics: JobStatistics) -> None:
    """Take what a job writes to descriptor 5, as it comes.

    Raises:
        YtError: it is no YSON, or no statistics.
    """
    pending = b""
    while data := stream.read(READ_BYTES):
        pending += data
        # A streaming parser would hold an item back until the next one begins; statistics are wanted
        # while the job runs.
        if pending.rstrip().endswith(b";") and _take(pending, statistics):
            pending = b""
    if pending.strip() and not _take(pending, statistics):
        raise YtError("Invalid custom statistics: broken YSON")


def _take(data: bytes, statistics: JobStatistics) -> bool:
    """False if it is not whole yet."""
    try:
        trees = list(yson.loads(data, yson_type="list_fragment", always_create_attributes=False))
    except yson.YsonError:
        return False
    for tree in trees:
        statistics.add_custom(tree)
    return True


class OperationStatistics:
    """All jobs of an operation, by job state, job type and pool tree."""

    def __init__(self) -> None:
        self._values: dict[Path, dict[tuple[str, str, str], Summary]] = {}

    def add(self, statistics: JobStatistics, state: str, job_type: str, tree: str) -> None:
        for path, summary in list(statistics.values.items()):
            by_tags = self._values.setdefault(path, {})
            by_tags.setdefault((state, job_type, tree), Summary()).add(summary)

    def merged_with(self, running: Iterable[tuple[JobStatistics, str, str]]) -> OperationStatistics:
        """A copy that also counts jobs still running."""
        result = OperationStatistics()
        for path, by_tags in self._values.items():
            for tags, summary in by_tags.items():
                result._values.setdefault(path, {}).setdefault(tags, Summary()).add(summary)
        for statistics, job_type, tree in running:
            result.add(statistics, "running", job_type, tree)
        return result

    def v1(self) -> dict[str, Any]:
        """`{custom={rows={"$"={completed={map={sum;...}}}}}}`."""
        root: dict[str, Any] = {}
        for path, by_tags in self._values.items():
            place = root
            for key in path:
                place = place.setdefault(key, {})
            values: dict[str, dict[str, Summary]] = {}
            for (state, job_type, _), summary in by_tags.items():
                values.setdefault(state, {}).setdefault(job_type, Summary()).add(summary)
            place["$"] = {
                state: {kind: summary.to_yson() for kind, summary in kinds.items()}
                for state, kinds in values.items()
            }
        return root

    def v2(self) -> dict[str, Any]:
        """Per name a list of summaries with their tags."""
        root: dict[str, Any] = {}
        for path, by_tags in self._values.items():
            place = root
            for key in path[:-1]:
                place = place.setdefault(key, {})
                if isinstance(place, list):
                    break
            if isinstance(place, dict):
                place[path[-1]] = [
                    {"summary": summary.to_yson(), "tags": {"job_state": s, "job_type": t, "pool_tree": p}}
                    for (s, t, p), summary in by_tags.items()
                ]
        return root
