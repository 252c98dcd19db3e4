"""The clips that are kept so far, and the most similar of them to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ytcurate.vectors.scores import SLACK, similarity

if TYPE_CHECKING:
    import numpy as np

    from ytcurate.vectors.bounds import Bound

_MOST_PAIRS = 1 / 500
"""Share of the pairs of a tile; with more that pass the bound the whole tile is computed."""


class Leaders:
    """Kept clips by number: first those of the earlier run, then those of this one as they are added.

    Args:
        matrix: of this run.
        earlier: of the earlier run.
        bound: what leaves out pairs; None: all are computed.
        rows_at_once: leaders compared at once.
    """

    def __init__(
        self, matrix: np.ndarray, earlier: np.ndarray, bound: Bound | None, rows_at_once: int
    ) -> None:
        import numpy as np

        self._matrix, self._earlier, self._bound, self._step = matrix, earlier, bound, rows_at_once
        self._kept = np.empty(len(matrix), np.int64)
        self._count = 0
        width = bound.turn.shape[1] + 1 if bound else 0
        self._heads = np.empty((len(earlier) + len(matrix), width), np.float32)
        if bound:
            for start in range(0, len(earlier), rows_at_once):
                part = slice(start, min(start + rows_at_once, len(earlier)))
                self._heads[part] = bound.heads(earlier[part])

    def __len__(self) -> int:
        return len(self._earlier) + self._count

    def add(self, places: np.ndarray, vectors: np.ndarray) -> None:
        """Add clips of this run, with their places in its matrix."""
        if self._bound:
            self._heads[len(self) : len(self) + len(places)] = self._bound.heads(vectors)
        self._kept[self._count : self._count + len(places)] = places
        self._count += len(places)

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where leaders lie: places, and whether these are of the earlier run."""
        import numpy as np

        in_earlier = numbers < len(self._earlier)
        places = numbers.copy()
        places[~in_earlier] = self._kept[numbers[~in_earlier] - len(self._earlier)]
        return places.astype(np.int64), in_earlier

    def most_similar(self, block: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
        """Find the most similar leader of each vector.

        Returns:
            Numbers of leaders (int64; -1: none is as similar as ``least``), and similarities (float32; nan).
            Of leaders that are equally similar the first.
        """
        import numpy as np

        best = np.full(len(block), -1, np.int64)
        scores = np.full(len(block), np.nan, np.float32)
        heads = self._bound.heads(block) if self._bound else None
        for start in range(0, len(self), self._step):
            stop = min(start + self._step, len(self))
            rows, columns = self._near(block, heads, start, stop, least)
            # A few thousand pairs at a time: each takes kilobytes.
            for at in range(0, len(rows), self._step):
                some, others = rows[at : at + self._step], columns[at : at + self._step] + start
                found = similarity(block[some], self._vectors(others))
                _take_better(best, scores, some, others, found, least)
        return best, scores

    def _near(
        self, block: np.ndarray, heads: np.ndarray | None, start: int, stop: int, least: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of a vector and a leader of a tile, among which the most similar one is, if it is near."""
        import numpy as np

        if heads is not None:
            passing = heads @ self._heads[start:stop].T >= least - SLACK
            if np.count_nonzero(passing) <= _MOST_PAIRS * passing.size:
                return np.divmod(np.flatnonzero(passing), stop - start)
        products = block @ self._vectors(np.arange(start, stop)).T
        floor = np.maximum(products.max(axis=1), least) - SLACK
        return np.divmod(np.flatnonzero(products >= floor[:, None]), stop - start)

    def _vectors(self, numbers: np.ndarray) -> np.ndarray:
        import numpy as np

        places, in_earlier = self.places(numbers)
        vectors = np.empty((len(numbers), self._matrix.shape[1]), np.float32)
        vectors[in_earlier] = self._earlier[places[in_earlier]]
        vectors[~in_earlier] = self._matrix[places[~in_earlier]]
        return vectors


def _take_better(
    best: np.ndarray,
    scores: np.ndarray,
    rows: np.ndarray,
    numbers: np.ndarray,
    found: np.ndarray,
    least: float,
) -> None:
    """Take over, for each row, the most similar of some leaders if it beats what is known."""
    import numpy as np

    good = found >= least
    rows, numbers, found = rows[good], numbers[good], found[good]
    order = np.lexsort((numbers, -found, rows))
    rows, numbers, found = rows[order], numbers[order], found[order]
    first = np.ones(len(rows), bool)
    first[1:] = rows[1:] != rows[:-1]
    rows, numbers, found = rows[first], numbers[first], found[first]
    better = ~(scores[rows] >= found)  # nan: nothing is known yet
    best[rows[better]], scores[rows[better]] = numbers[better], found[better]
