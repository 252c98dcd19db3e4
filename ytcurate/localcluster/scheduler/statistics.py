"""Statistics of jobs: samples by path, summed up per job and per operation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ytcurate.localcluster.errors import YtError

Path = tuple[str, ...]


@dataclass
class Summary:
    sum: float = 0
    count: int = 0
    min: float = 0
    max: float = 0

    def add(self, other: Summary) -> None:
        if not other.count:
            return
        self.min = min(self.min, other.min) if self.count else other.min
        self.max = max(self.max, other.max) if self.count else other.max
        self.sum += other.sum
        self.count += other.count

    def sample(self, value: float) -> None:
        self.add(Summary(value, 1, value, value))

    def to_yson(self) -> dict[str, Any]:
        return {"sum": self.sum, "count": self.count, "min": self.min, "max": self.max}


class JobStatistics:
    """Of one job. `custom` names are limited, as a misspelt loop variable makes thousands of them."""

    def __init__(self, custom_limit: int = 128) -> None:
        self.values: dict[Path, Summary] = {}
        self._custom: set[Path] = set()
        self._limit = custom_limit

    def add(self, path: Path, value: float) -> None:
        self.values.setdefault(path, Summary()).sample(value)

    def add_custom(self, tree: Any) -> None:
        """A map that a job wrote to descriptor 5.

        Raises:
            YtError: not numbers, or too many names.
        """
        for path, value in _leaves(tree, ()):
            full = ("custom", *path)
            self._custom.add(full)
            if len(self._custom) > self._limit:
                raise YtError(f"Custom statistics count exceeded: limit {self._limit}")
            self.add(full, value)


def _leaves(tree: Any, path: Path) -> Iterable[tuple[Path, float]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            yield from _leaves(value, (*path, text))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, tree
    else:
        raise YtError(f"Custom statistics must be numbers, found {type(tree).__name__} at {'/'.join(path)}")


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
