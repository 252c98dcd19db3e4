"""Clips that are too heavy for a row of the cluster."""

from __future__ import annotations

from typing import Any

from ytcurate.config import MIB
from ytcurate.describers.base import Outcome
from ytcurate.mappers.clips import Row, SourceRecord


def row_weight(row: Row) -> int:
    """Weight of a row as the cluster counts it, bytes: a little high rather than low."""
    # The same as in tables/store.py: what runs inside jobs knows nothing of tables in Cypress.
    return 1 + sum(_value_weight(value) for value in row.values())


def refuse(row: Row, record: SourceRecord, cap: int, *, advice: str) -> Row:
    """Give the row that stands for a clip that no row takes; the record keeps the reason, too.

    Args:
        row: of the clip.
        record: of its source, which counts the clip.
        cap: what a row may weigh, bytes.
        advice: what the user can do, as a sentence without its full stop.
    """
    weight, most = row["bytes"] / MIB, cap / MIB
    record.clips -= 1
    record.seconds -= row["length"]
    record.bytes -= row["bytes"]
    record.outcome = str(Outcome.REFUSED)
    record.detail = (
        f"clip {row['segment_index']} weighs {weight:.1f} MiB; "
        f"a row of this cluster may weigh {most:.0f} MiB. {advice}"
    )
    light = {name: value for name, value in row.items() if name not in ("video", "preview")}
    return light | {"outcome": record.outcome, "detail": record.detail}


def _value_weight(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value)
    return 4 * len(value) if isinstance(value, str) else 8
