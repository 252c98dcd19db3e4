"""A cheap upper bound of similarities, to leave out nearly all pairs before they are computed.

Turn the vectors so that their first h components hold most of what tells them apart (principal
components). The product of two vectors is then that of their heads plus that of their tails, and the latter
is at most the product of the tails' lengths (Cauchy and Schwarz). So a head with the tail's length as one
more component gives a bound, at an eighth of the arithmetic where 64 of 512 do. Pairs whose bound is below
the threshold cannot be near; those that pass are compared in full, so nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_HEADS = (31, 63, 127, 255)
"""One less than what products of matrices like: the tail's length comes with them."""
_SAMPLE = 2048
_MOST_PASSING = 2e-4
"""Share of pairs; comparing a pair by itself costs some hundred times its part of a product of matrices."""
_WORTH_IT_FROM = 4096
"""Vectors; below, choosing a bound costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Bound:
    """How vectors are made into shorter ones whose products are not less than theirs."""

    turn: np.ndarray
    """float32, shape (D, h): orthonormal columns."""

    def heads(self, vectors: np.ndarray) -> np.ndarray:
        """Make the shorter vectors, float32, shape (N, h + 1)."""
        import numpy as np

        heads = np.empty((len(vectors), self.turn.shape[1] + 1), np.float32)
        np.matmul(vectors, self.turn, out=heads[:, :-1])
        lengths = np.einsum("ij,ij->i", vectors, vectors) - np.einsum(
            "ij,ij->i", heads[:, :-1], heads[:, :-1]
        )
        heads[:, -1] = np.sqrt(np.maximum(lengths, 0) + 1e-6)  # rounded up, never down
        return heads


def choose_bound(matrix: np.ndarray, least: float) -> Bound | None:
    """Choose the shortest heads that leave out nearly all pairs of vectors drawn from the matrix.

    Args:
        matrix: float32, shape (N, D).
        least: similarity from which on pairs count.

    Returns:
        None where no bound saves anything: few vectors, or nearly all of them alike.
    """
    import numpy as np

    if len(matrix) < _WORTH_IT_FROM:
        return None
    sample = np.ascontiguousarray(matrix[np.linspace(0, len(matrix) - 1, _SAMPLE).astype(np.int64)])
    _, axes = np.linalg.eigh(sample.T @ sample)  # the last are the principal ones
    pairs = _SAMPLE * (_SAMPLE - 1)
    for size in _HEADS:
        if 2 * size > matrix.shape[1]:
            break
        bound = Bound(np.ascontiguousarray(axes[:, -size:]))
        heads = bound.heads(sample)
        passing = int((heads @ heads.T >= least).sum()) - _SAMPLE
        if passing <= _MOST_PASSING * pairs:
            return bound
    return None
