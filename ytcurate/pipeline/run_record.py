"""What a result table says about the runs that wrote it, in its ``@ytcurate`` attribute.

It tells a person where the rows come from, and the next run whether they are its own: a run is known by
the fingerprint of all that decides what its rows say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

ATTRIBUTE = "ytcurate"
WAVE_ATTRIBUTE = "ytcurate_wave"
MAX_OPERATIONS = 100
"""Ids kept in the record; attributes are for small things."""


@dataclass(frozen=True)
class Wave:
    """One bounded operation of a run, written down before it starts."""

    alias: str
    rows: int
    ranges: list[list[int]] = field(default_factory=list)
    """Of the source: first row and the one after the last."""


@dataclass
class RunRecord:
    """One run over a source into a result."""

    fingerprint: str
    first_row: int
    """Where its rows begin in the result."""
    is_done: bool = False
    operations: list[str] = field(default_factory=list)
    seconds_per_clip: float | None = None
    """Of one job, engine time; measured."""
    settings: dict[str, Any] = field(default_factory=dict)
    """As ``--dry-run`` shows them."""
    outcomes: dict[str, int] = field(default_factory=dict)

    def add_operation(self, operation_id: str) -> None:
        """Note an operation, once."""
        if operation_id not in self.operations:
            self.operations = [*self.operations, operation_id][-MAX_OPERATIONS:]


def fingerprint(content: Mapping[str, Any]) -> str:
    """Name all that decides what rows say: 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def read_record(client: Any, table: str) -> RunRecord | None:
    """Read the last run's record; None if the table is not a result of ours."""
    from yt.yson.convert import yson_to_json

    path = f"{table}/@{ATTRIBUTE}"
    if not client.exists(path):
        return None
    content = yson_to_json(client.get(path))
    run = content.pop("run", None)
    if not isinstance(run, Mapping) or "fingerprint" not in run:
        return None
    return RunRecord(
        fingerprint=run["fingerprint"],
        first_row=run["first_row"],
        is_done=run["is_done"],
        operations=run["operations"],
        seconds_per_clip=run.get("seconds_per_clip"),
        settings=content,
        outcomes=content.pop("outcomes", {}),
    )


def write_record(client: Any, table: str, record: RunRecord) -> None:
    """Write the record of the run that is going on, or has ended."""
    run = asdict(record)
    content = run.pop("settings") | {"outcomes": run.pop("outcomes")}
    client.set(f"{table}/@{ATTRIBUTE}", content | {"run": run})


def read_wave(client: Any, table: str) -> Wave | None:
    """The wave that a run was at when it was last heard of."""
    path = f"{table}/@{WAVE_ATTRIBUTE}"
    if not client.exists(path):
        return None
    content = client.get(path)
    return Wave(
        str(content["alias"]), int(content["rows"]), [[int(n) for n in each] for each in content["ranges"]]
    )


def write_wave(client: Any, table: str, wave: Wave | None) -> None:
    """Note the wave that is about to start; None: none is."""
    if wave is None:
        client.remove(f"{table}/@{WAVE_ATTRIBUTE}", force=True)
    else:
        client.set(f"{table}/@{WAVE_ATTRIBUTE}", asdict(wave))
