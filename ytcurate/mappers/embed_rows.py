"""What a row of embeddings holds, and what is read of a row of clips to make one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yt.yson import get_bytes

from ytcurate.describers.base import Outcome
from ytcurate.errors import SchemaMismatch

if TYPE_CHECKING:
    import numpy as np

EMBED_COLUMNS = (
    ("ds_index", "int64"),
    ("segment_index", "int64"),
    ("clip_id", "utf8"),
    ("embedding", "list<float>"),
    ("outcome", "utf8"),
    ("detail", "utf8"),
    ("model", "utf8"),
)
"""Columns of an embedded row; ``embedding`` is null unless ``outcome`` is ``ok``."""

Row = dict[str, Any]


def require_columns(row: Row) -> None:
    """See that a row of clips can be embedded, whatever its pictures are.

    Raises:
        SchemaMismatch: ``ds_index`` or ``segment_index`` is missing, or ``keyframes`` is no list.
    """
    missing = [name for name in ("ds_index", "segment_index") if name not in row]
    if missing:
        raise SchemaMismatch(
            "embed reads the columns ds_index, segment_index and keyframes (or video); "
            f"this row has no {missing[0]}, it has {', '.join(sorted(row))}."
        )
    if not isinstance(keyframes := row.get("keyframes"), list | tuple | None):
        raise SchemaMismatch(
            "embed reads the column keyframes as a list of pictures; in this row it is a "
            f"{type(keyframes).__name__}."
        )


def empty_row(row: Row, model: str) -> Row:
    """The row of an embedding before anything is known of it but its clip."""
    return dict.fromkeys(name for name, _ in EMBED_COLUMNS) | {
        "ds_index": row["ds_index"],
        "segment_index": row["segment_index"],
        "clip_id": row.get("clip_id"),
        "model": model,
    }


def embedded(vector: np.ndarray) -> Row:
    """Columns of a clip that has a vector; one with what is no number is not kept."""
    import numpy as np

    if not np.isfinite(vector).all():
        return {"outcome": str(Outcome.FAILED), "detail": "the model's vector is not made of finite numbers"}
    return {"outcome": str(Outcome.OK), "embedding": vector.tolist()}


def passed_on(outcome: str, detail: Any) -> Row:
    """Keep the outcome that a row brings; one that is not ours becomes ``failed`` and is named."""
    if outcome in list(Outcome):
        return {"outcome": outcome, "detail": detail}
    said = f"the row came with outcome {outcome!r}: {detail or 'no detail'}"
    return {"outcome": str(Outcome.FAILED), "detail": said}


def encoded_bytes(row: Row) -> int:
    """Bytes of a row's keyframes and video."""
    held = [*(row.get("keyframes") or ()), row.get("video")]
    # What is not text is a proxy in a job, which has neither a length nor a truth value.
    return sum(len(get_bytes(each)) for each in held if each is not None)
