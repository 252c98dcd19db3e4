"""Near duplicates of a run: among its clips, and of clips that earlier runs kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ytcurate.curating.index import key_of
from ytcurate.curating.layout import RunLayout
from ytcurate.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

DuplicateOf = tuple[str, float]
"""clip_id of the clip that is kept, and the cosine similarity."""


class RunVectors:
    """Vectors of a run's clips, found by clip.

    Args:
        places: of each clip in the matrix.
        matrix: float32, shape (N, D), rows of length 1.
    """

    def __init__(self, places: dict[bytes, int], matrix: np.ndarray) -> None:
        self.places = places
        self.matrix = matrix

    @classmethod
    def load(cls, client: Any, table: str) -> RunVectors:
        """Read the vectors of a table; they stay in a file of this machine's cache."""
        import numpy as np

        from ytcurate.vectors.store import load_vectors

        if not client.get(f"{table}/@row_count"):
            return cls({}, np.zeros((0, 0), np.float32))
        vectors = load_vectors(client, table)
        rows = zip(vectors.ds_index, vectors.segment_index, vectors.clip_id, strict=True)
        places = {
            key_of({"ds_index": int(ds), "segment_index": int(segment), "clip_id": clip.decode()}): place
            for place, (ds, segment, clip) in enumerate(rows)
        }
        return cls(places, vectors.matrix)

    def get(self, key: bytes) -> list[float] | None:
        """The vector of a clip; None: it has none."""
        place = self.places.get(key)
        return None if place is None else [float(value) for value in self.matrix[place]]


def find_run_duplicates(
    client: Any,
    vectors: RunVectors,
    candidates: Sequence[tuple[bytes, str]],
    *,
    threshold: float,
    earlier: Sequence[str] = (),
) -> dict[bytes, DuplicateOf]:
    """Find near duplicates among clips that would be kept.

    Args:
        client: of the cluster.
        vectors: of the run.
        candidates: key and clip id of each clip, in the order of the table: of two that are alike the
            first is kept.
        threshold: cosine similarity from which two clips are alike.
        earlier: directories of runs whose kept clips are in the set already.

    Returns:
        The clips that are not to be kept, each with the clip that stands for it.
    """
    from ytcurate.vectors.duplicates import find_duplicates

    with_vector = [(key, clip_id) for key, clip_id in candidates if key in vectors.places]
    if not with_vector:
        return {}
    matrix = vectors.matrix[[vectors.places[key] for key, _ in with_vector]]
    before, before_ids = _kept_before(client, earlier, matrix.shape[1])
    found = find_duplicates(matrix, threshold=threshold, earlier=before)
    duplicates: dict[bytes, DuplicateOf] = {}
    for place, (key, _) in enumerate(with_vector):
        of = int(found.of[place])
        if of >= 0:
            kept = before_ids[of] if found.in_earlier[place] else with_vector[of][1]
            duplicates[key] = (kept, float(found.similarity[place]))
    return duplicates


def _kept_before(client: Any, earlier: Sequence[str], dimension: int) -> tuple[np.ndarray | None, list[str]]:
    """Vectors and clip ids of what earlier runs kept."""
    import numpy as np

    from ytcurate.vectors.store import load_vectors

    parts, ids = [], []
    for directory in earlier:
        table = RunLayout(directory).curated
        if not client.exists(table):
            raise UsageError(f"duplicates.earlier: {directory} holds no curated table.")
        vectors = load_vectors(client, table, columns=("kept",))
        if vectors.matrix.shape[1] != dimension:
            raise UsageError(
                f"duplicates.earlier: vectors of {directory} have {vectors.matrix.shape[1]} numbers, those "
                f"of this run {dimension}: they come from another model."
            )
        kept = np.flatnonzero(vectors.numbers["kept"] > 0)
        parts.append(vectors.matrix[kept])
        ids += [vectors.clip_id[place].decode() for place in kept]
    return (np.concatenate(parts) if parts else None), ids
