"""The similarity of vectors, to the last bit: the same two vectors give the same number anywhere.

The fast products of matrices round differently with the shape of the matrices and the number of threads. So
they only tell which pairs may count, to within ``SLACK``; what counts is decided by the numbers made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ytcurate.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

SLACK = 2e-5
"""More than products of float32 unit vectors with thousands of components differ by."""
ROUNDING = 1e-6
"""What float32 components cost: a vector and itself may be only this similar to 1."""
_ROWS_AT_ONCE = 4096


def similarity(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Inner products of the rows of two float32 matrices, pair by pair.

    Args:
        ones: shape (N, D), or (D,) for one vector against all others.
        others: shape (N, D).

    Returns:
        float32, shape (N,). Added up in float64, so that it does not depend on what else is computed.
    """
    import numpy as np

    found = np.empty(len(others), np.float32)
    for start in range(0, len(others), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        one = ones if ones.ndim == 1 else ones[part]
        products = others[part].astype(np.float64) * one
        found[part] = products.sum(axis=1)
    return found


def as_matrix(values: Any, name: str) -> np.ndarray:
    """Take vectors as a float32 matrix, one per row; a matrix that is one is not copied.

    Raises:
        UsageError: it has not two dimensions.
    """
    import numpy as np

    matrix = np.asarray(values)
    if matrix.ndim != 2:
        raise UsageError(f"{name}: one vector per row is expected, the shape is {matrix.shape}.")
    return np.ascontiguousarray(matrix, dtype=np.float32)
