"""Near duplicates: which clips look like one that is kept already. Exact, and on the CPU.

The rule, and all of it: clips are looked at one after the other, the highest rank first. A clip that is at
least ``threshold`` similar to one that is kept, or to one of an earlier run, is a duplicate of the most
similar of these; any other is kept. So no two kept clips are similar, each duplicate is similar to the clip
it is said to duplicate, and a chain (A like B, B like C, A unlike C) loses its middle only: B to A, C stays.

Every clip is compared with every kept one, as products of blocks of vectors; what is held is a part of the
matrix again and never N x N. Time grows with the clips times the kept ones; bounds.py says what most of it is
saved by. Measured on one core, vectors of 512 of which a tenth are duplicates: 20,000 clips take 0.7 s,
50,000 3 s and 100,000 9 s of processor time. A million is then about a quarter of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ytcurate.errors import UsageError
from ytcurate.vectors.bounds import choose_bound
from ytcurate.vectors.leaders import Leaders
from ytcurate.vectors.scores import ROUNDING, SLACK, as_matrix, similarity

if TYPE_CHECKING:
    import numpy as np

_ROWS_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What became of each clip."""

    of: np.ndarray
    """int64, shape (N,): the place of the kept clip that it duplicates; -1: it is kept."""
    in_earlier: np.ndarray
    """bool, shape (N,): that place is one of the earlier run's matrix."""
    similarity: np.ndarray
    """float32, shape (N,): to that clip; nan where the clip is kept."""

    @property
    def kept(self) -> np.ndarray:
        """bool, shape (N,): no duplicate of another."""
        return self.of < 0

    def __str__(self) -> str:
        duplicates = int((~self.kept).sum())
        earlier = f", {int(self.in_earlier.sum())} of them of an earlier run" if self.in_earlier.any() else ""
        return f"{len(self.of)} clips, {duplicates} near duplicates{earlier}"


def find_duplicates(
    matrix: np.ndarray,
    *,
    threshold: float = 0.95,
    earlier: np.ndarray | None = None,
    rank: np.ndarray | None = None,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> Duplicates:
    """Find clips that are near duplicates of others, by the rule of this module.

    The answer is the same for any number of threads and any ``rows_at_once``.

    Args:
        matrix: float32, shape (N, D), rows of unit length; a memory-mapped file is fine.
        threshold: of the similarity, more than 0 to 1. 1 finds equal vectors.
        earlier: vectors of clips that are kept already, shape (M, D); they are not compared with each other.
        rank: shape (N,), for example a quality: of two that are alike the higher stays, of equal ones the
            lower place; nan is lowest. None: the lower place stays.
        rows_at_once: what a block holds; memory for similarities is 4 bytes x its square.

    Raises:
        UsageError: the threshold is out of range, or shapes do not fit.
    """
    import numpy as np

    matrix = as_matrix(matrix, "matrix")
    known = as_matrix(np.empty((0, matrix.shape[1])) if earlier is None else earlier, "earlier")
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold must be more than 0 and at most 1, it is {threshold}.")
    if known.shape[1] != matrix.shape[1]:
        raise UsageError(
            f"earlier has vectors of {known.shape[1]} components and these have {matrix.shape[1]}: both must "
            "be of the same model."
        )
    least = threshold - ROUNDING
    order = _order(len(matrix), rank)
    leaders = Leaders(matrix, known, choose_bound(matrix, least), rows_at_once)
    of = np.full(len(matrix), -1, np.int64)
    in_earlier = np.zeros(len(matrix), bool)
    scores = np.full(len(matrix), np.nan, np.float32)
    for start in range(0, len(order), rows_at_once):
        places = order[start : start + rows_at_once]
        block = np.ascontiguousarray(matrix[places])
        best, best_scores = leaders.most_similar(block, least)
        is_kept = _decide(block, best, best_scores, least, first=len(leaders))
        leaders.add(places[is_kept], block[is_kept])
        lost = np.flatnonzero(~is_kept)
        of[places[lost]], in_earlier[places[lost]] = leaders.places(best[lost])
        scores[places[lost]] = best_scores[lost]
    return Duplicates(of, in_earlier, scores)


def _order(count: int, rank: np.ndarray | None) -> np.ndarray:
    """Places in the order in which clips are looked at."""
    import numpy as np

    if rank is None:
        return np.arange(count)
    rank = np.asarray(rank, np.float64)
    if rank.shape != (count,):
        raise UsageError(
            f"rank: one number per clip is expected, {count} of them; the shape is {rank.shape}."
        )
    return np.argsort(-rank, kind="stable")  # nan comes last


def _decide(block: np.ndarray, best: np.ndarray, scores: np.ndarray, least: float, first: int) -> np.ndarray:
    """Go through the clips of a block in order, those kept in it before included.

    Args:
        block: their vectors.
        best: number of the most similar leader of earlier blocks, -1 for none; changed to that of all.
        scores: similarity to it; changed likewise.
        least: the lowest similarity of duplicates.
        first: number of the next leader.

    Returns:
        bool: it is kept.
    """
    import numpy as np

    near = np.tril(block @ block.T >= least - SLACK, -1)
    is_kept = best < 0
    # Those with nobody near in the block are decided already. The others need the decisions before theirs.
    for row in np.flatnonzero(near.any(axis=1)):
        others = np.flatnonzero(near[row] & is_kept)
        if not len(others):
            continue
        found = similarity(block[row], block[others])
        top = int(found.argmax())
        if found[top] >= least and not scores[row] >= found[top]:
            is_kept[row] = False
            best[row], scores[row] = -2 - others[top], found[top]
    numbers = first - 1 + np.cumsum(is_kept)
    inside = best < -1
    best[inside] = numbers[-2 - best[inside]]
    return is_kept
