"""Clips, labels and vectors → the curated table, with a verdict on every clip.

The labels of a run lie on disk here, by clip, and vectors in a memory-mapped file: what is in memory does not
grow with them. Rows come in the order of the clips.
"""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ytcurate.curating.curated import curated_columns, curated_row, label_fields
from ytcurate.curating.index import KEY_COLUMNS, key_of
from ytcurate.curating.judge import (
    QUALITY_COLUMNS,
    STEPS,
    Verdict,
    why_not_good,
    why_not_unique,
    why_not_wanted,
)
from ytcurate.curating.plan import CuratePlan
from ytcurate.curating.unique import DuplicateOf, RunVectors, find_run_duplicates
from ytcurate.errors import TableError
from ytcurate.tables import store
from ytcurate.tables.owners import OWNER_ATTRIBUTE, abort_left_behind_above, this_process

Row = Mapping[str, Any]

_KEPT = "kept"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of all clips of a run; it adds up."""

    clips: int
    """Rows of the curated table."""
    kept: int
    failed: Mapping[str, int] = field(default_factory=dict)
    """Clips that are not kept, by the step that they fail."""
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The same, by step and by what it was about, the most frequent first."""

    def require_sum(self, clips_table: str) -> None:
        """See that every clip is somewhere.

        Raises:
            TableError: it does not add up.
        """
        accounted = self.kept + sum(self.failed.values())
        if accounted != self.clips:
            raise TableError(f"{clips_table}: {self.clips} clips, but {accounted} are accounted for.")

    def stages(self) -> list[tuple[str, int, int]]:
        """Give each step with the clips that came to it and those that passed."""
        left, rows = self.clips, []
        for step in STEPS:
            passed = left - self.failed.get(step, 0)
            rows.append((step, left, passed))
            left = passed
        return rows


def assemble(client: Any, plan: CuratePlan) -> Counts:
    """Write the curated table of a run whose stages are done; it replaces the one that is there, at once.

    Raises:
        TableError: a clip that was to be labelled or embedded was not.
    """
    import yt.wrapper as yt

    layout = plan.layout
    columns = curated_columns(plan.upload.source_columns, plan.label)
    with (
        tempfile.TemporaryDirectory(prefix="ytcurate-curate-") as folder,
        closing(_Labels(Path(folder) / "labels.sqlite")) as labels,
    ):
        if plan.label is not None:
            labels.read(client, layout.labels)
        vectors = RunVectors.load(client, layout.embeddings) if plan.embed is not None else None
        duplicates = _duplicates(client, plan, labels, vectors)
        counted: Counter[tuple[str, str]] = Counter()
        rows = _rows(client, plan, labels, vectors, duplicates, counted)
        abort_left_behind_above(client, layout.curated)  # of a run that was killed while it wrote the table
        with yt.Transaction(attributes={OWNER_ATTRIBUTE: this_process()}, client=client):
            new = f"{layout.curated}.new"
            store.create_table(client, new, columns)
            client.write_table(yt.TablePath(new, client=client), rows)
            counts = _count(client, plan, new, counted)
            client.set(f"{new}/@ytcurate", _provenance(plan, counts))
            client.move(new, layout.curated, force=True)
    return counts


def _count(client: Any, plan: CuratePlan, table: str, counted: Counter[tuple[str, str]]) -> Counts:
    """Count the rows of a curated table, and see that none is missing."""
    reasons: dict[str, dict[str, int]] = {step: {} for step in (*STEPS, _KEPT)}
    for (step, about), clips in counted.most_common():
        reasons[step][about] = clips
    kept = sum(reasons.pop(_KEPT).values())
    reasons = {step: each for step, each in reasons.items() if each}
    counts = Counts(
        clips=int(client.get(f"{table}/@row_count")),
        kept=kept,
        failed={step: sum(each.values()) for step, each in reasons.items()},
        reasons=reasons,
    )
    clips_table = plan.layout.clips
    counts.require_sum(clips_table)
    if counts.clips != int(client.get(f"{clips_table}/@row_count")):
        raise TableError(
            f"{clips_table}: it has changed while the curated table was written. Give the command again."
        )
    return counts


class _Labels:
    """Rows of the labels, found by clip; on disk."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("CREATE TABLE labels (key BLOB PRIMARY KEY, row BLOB) WITHOUT ROWID")

    def read(self, client: Any, table: str) -> None:
        """Read a table."""
        rows = ((key_of(row), pickle.dumps(dict(row))) for row in client.read_table(table))
        self._database.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?)", rows)

    def get(self, key: bytes) -> Row | None:
        """The row of a clip; None: it has none."""
        found = self._database.execute("SELECT row FROM labels WHERE key = ?", (key,)).fetchone()
        row: Row | None = None if found is None else pickle.loads(found[0])
        return row

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _verdict(plan: CuratePlan, clip: Row, label: Row | None) -> Verdict | None:
    """Why a clip is not kept, duplicates not looked at."""
    failed = why_not_good(clip, plan.settings.filter)
    if failed is not None or plan.label is None:
        return failed
    if label is None:
        raise TableError(
            f"{plan.layout.labels}: clip {clip['segment_index']} of source {clip['ds_index']} has no label, "
            "although the stage is done. Give the command again."
        )
    return why_not_wanted(label, plan.settings.label.rules)


def _duplicates(
    client: Any, plan: CuratePlan, labels: _Labels, vectors: RunVectors | None
) -> dict[bytes, DuplicateOf]:
    """Find clips that would be kept, were they not near duplicates."""
    import yt.wrapper as yt

    wanted = plan.settings.duplicates
    if vectors is None or wanted.threshold is None:
        return {}
    names = list(dict.fromkeys((*KEY_COLUMNS, *QUALITY_COLUMNS)))
    candidates = []
    for clip in client.read_table(yt.TablePath(plan.layout.clips, columns=names, client=client)):
        key = key_of(clip)
        if _verdict(plan, clip, labels.get(key)) is None:
            candidates.append((key, str(clip["clip_id"])))
    return find_run_duplicates(
        client, vectors, candidates, threshold=wanted.threshold, earlier=wanted.earlier
    )


def _rows(
    client: Any,
    plan: CuratePlan,
    labels: _Labels,
    vectors: RunVectors | None,
    duplicates: Mapping[bytes, DuplicateOf],
    counted: Counter[tuple[str, str]],
) -> Iterator[dict[str, Any]]:
    """Give the rows of the curated table, and count them."""
    import yt.wrapper as yt

    columns = curated_columns(plan.upload.source_columns, plan.label)
    fields = [column.name for column in label_fields(plan.label)]
    there = {column.name for column in plan.upload.columns}
    read = [column.name for column in columns if column.name in there]
    names = list(dict.fromkeys((*read, *KEY_COLUMNS, *QUALITY_COLUMNS)))
    path = yt.TablePath(plan.layout.clips, columns=names, client=client)
    for clip in client.read_table(path):
        key = key_of(clip)
        label = labels.get(key)
        failed = _verdict(plan, clip, label)
        duplicate = duplicates.get(key)
        if failed is None and duplicate is not None:
            failed = why_not_unique(*duplicate)
        counted[(failed.step, failed.about) if failed else (_KEPT, "")] += 1
        yield curated_row(
            clip,
            label,
            columns,
            fields,
            embedding=vectors.get(key) if vectors is not None else None,
            duplicate=duplicate,
            failed=failed,
        )


def _provenance(plan: CuratePlan, counts: Counts) -> dict[str, Any]:
    content = plan.content()
    return {
        "source": content["source"],
        "clips": plan.layout.clips,
        "sources": plan.layout.sources,
        "settings": content["settings"],
        "fingerprint": plan.fingerprint,
        "stages": {stage.name: stage.settings for stage, _ in plan.lanes},
        **({"embedding_model": plan.embed.asked} if plan.embed else {}),
        "counts": {
            "clips": counts.clips,
            "kept": counts.kept,
            "failed": dict(counts.failed),
            "reasons": {step: dict(each) for step, each in counts.reasons.items()},
        },
    }
