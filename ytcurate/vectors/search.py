"""Search: the vectors of a matrix that are most similar to a query, by looking at all of them.

The matrix is read once, in blocks, for all queries; it may be a mapped file larger than memory. The
product is NumPy's: for few queries the matrix is read as fast as memory gives it, and nothing that also
looks at all of them can be much faster. Measured on two cores with 200,000 vectors of 512: one query takes
NumPy 10 ms, usearch 2.26 18 ms and faiss 1.15 23 ms; 64 queries take NumPy 117 ms and faiss 450 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ytcurate.errors import UsageError
from ytcurate.vectors.scores import SLACK, as_matrix, similarity

if TYPE_CHECKING:
    import numpy as np

_PRODUCTS_AT_ONCE = 1 << 22
"""Similarities held at once: 16 MiB."""


def search_vectors(
    matrix: np.ndarray, queries: np.ndarray, k: int, *, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k most similar vectors for each query; exact.

    Args:
        matrix: float32, shape (N, D), rows of unit length; a memory-mapped file is fine.
        queries: float32, shape (Q, D).
        k: how many; where there are fewer vectors, all of them.
        among: bool, shape (N,): which vectors may be found. None: all.

    Returns:
        Scores (float32) and places (int64), both of shape (Q, min(k, N)): the highest score first, of equal
        scores the lower place first. The same for any number of threads. N counts those in ``among``.

    Raises:
        UsageError: k is less than 1, or the dimensions differ.
    """
    import numpy as np

    matrix, queries = as_matrix(matrix, "matrix"), as_matrix(queries, "queries")
    if k < 1:
        raise UsageError(f"k must be at least 1, it is {k}.")
    if matrix.shape[1] != queries.shape[1]:
        raise UsageError(
            f"a query has {queries.shape[1]} components and the vectors have {matrix.shape[1]}: "
            "both must be of the same model."
        )
    among = np.ones(len(matrix), bool) if among is None else np.asarray(among, bool)
    if among.shape != (len(matrix),):
        raise UsageError(f"among: one value per vector is expected, {len(matrix)}; it has {among.shape}.")
    k = min(k, int(among.sum()))
    if not k:
        return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    best = [_Best(query, k) for query in queries]
    rows = max(1, _PRODUCTS_AT_ONCE // max(len(queries), 1))
    for start in range(0, len(matrix), rows):
        block, allowed = matrix[start : start + rows], among[start : start + rows]
        if not allowed.any():
            continue
        products = queries @ block.T
        products[:, ~allowed] = -np.inf
        for one, scores in zip(best, products, strict=True):
            one.take(scores, block, start)
    shape = (len(queries), k)
    return (
        np.array([one.scores for one in best], np.float32).reshape(shape),
        np.array([one.places for one in best], np.int64).reshape(shape),
    )


class _Best:
    """The k best of what one query has seen so far."""

    def __init__(self, query: np.ndarray, k: int) -> None:
        import numpy as np

        self._query, self._k = query, k
        self.scores = np.empty(0, np.float32)
        self.places = np.empty(0, np.int64)

    def take(self, scores: np.ndarray, block: np.ndarray, start: int) -> None:
        """Look at a block.

        Args:
            scores: of its rows, as the fast product gives them; -inf: not to be found.
            block: its rows.
            start: the place of the first of them.
        """
        import numpy as np

        floor = self.scores[-1] if len(self.scores) == self._k else -np.inf
        if len(scores) > self._k:
            floor = max(floor, np.partition(scores, -self._k)[-self._k])
        near = np.flatnonzero((scores >= floor - SLACK) & (scores > -np.inf))
        if not len(near):
            return
        found = np.concatenate((self.scores, similarity(self._query, block[near])))
        places = np.concatenate((self.places, near + start))
        # A stable sort leaves equal scores in the order of their places: earlier blocks come first.
        order = np.argsort(-found, kind="stable")[: self._k]
        self.scores, self.places = found[order], places[order]
