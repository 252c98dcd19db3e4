"""What a table of clips says about the uploads into it, in its ``@ytcurate`` attribute.

It tells a person where the rows come from, a reader of the table what its rows weigh, and the next upload
whether there is one to go on with.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ytcurate import __version__
from ytcurate.mappers.clips import SourceRecord
from ytcurate.uploading.messages import Done

ATTRIBUTE = "ytcurate"
MOST_UPLOADS = 100
"""Kept in the record; attributes are for small things."""


@dataclass
class Upload:
    """One source that is, or was, uploaded into the table."""

    source: str
    fingerprint: str
    first_index: int
    """``ds_index`` of its first video."""
    is_done: bool
    settings: dict[str, Any]


@dataclass
class UploadRecord:
    """All uploads into one table."""

    uploads: list[Upload] = field(default_factory=list)
    next_index: int = 0
    """``ds_index`` of the next source; no two commits begin with the same."""
    max_row_weight: int = 0
    """What a writer of these rows must ask for, bytes; 0: the cluster's default is enough."""
    row_weights_mib: Counter[str] = field(default_factory=Counter)
    """Rows by the power of two, in MiB, that their weight is below."""
    sources: int = 0
    clips: int = 0
    seconds: float = 0.0
    bytes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of sources."""

    def add(self, done: Done) -> None:
        """Count a unit that is about to be committed."""
        self.row_weights_mib.update(done.row_weights_mib)
        self.max_row_weight = max(self.max_row_weight, done.max_row_weight)
        self.next_index = max([self.next_index, *(each.ds_index + 1 for each in done.records)])
        self.count(done.records)

    def count(self, records: Iterable[SourceRecord]) -> None:
        """Add to the totals."""
        for record in records:
            self.sources += 1
            self.clips += record.clips
            self.seconds += record.seconds
            self.bytes += record.bytes
            self.outcomes[record.outcome] += 1

    @property
    def last(self) -> Upload | None:
        """The upload that was begun last."""
        return self.uploads[-1] if self.uploads else None

    def attribute(self) -> dict[str, Any]:
        """As the value of the attribute."""
        last = self.last
        return {
            "version": __version__,
            **(last.settings if last else {}),
            "max_row_weight": self.max_row_weight,
            "row_weights_mib": dict(self.row_weights_mib),
            "totals": {
                "sources": self.sources,
                "clips": self.clips,
                "seconds": self.seconds,
                "bytes": self.bytes,
                "outcomes": dict(self.outcomes),
            },
            "uploads": [vars(each) for each in self.uploads[-MOST_UPLOADS:]],
            "next_index": self.next_index,
        }


def read_upload_record(client: Any, table: str) -> UploadRecord | None:
    """Read the record; None if the table was not written by an upload."""
    from yt.yson.convert import yson_to_json

    path = f"{table}/@{ATTRIBUTE}"
    if not client.exists(path):
        return None
    content = yson_to_json(client.get(path))
    if not isinstance(content, Mapping) or "uploads" not in content:
        return None
    totals = content["totals"]
    return UploadRecord(
        uploads=[Upload(**each) for each in content["uploads"]],
        next_index=content["next_index"],
        max_row_weight=content["max_row_weight"],
        row_weights_mib=Counter(content["row_weights_mib"]),
        sources=totals["sources"],
        clips=totals["clips"],
        seconds=totals["seconds"],
        bytes=totals["bytes"],
        outcomes=Counter(totals["outcomes"]),
    )


def write_upload_record(client: Any, table: str, record: UploadRecord) -> None:
    """Write the record."""
    client.set(f"{table}/@{ATTRIBUTE}", record.attribute())


def fingerprint_of(content: Mapping[str, Any]) -> str:
    """Name what decides which clips a source gives: 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
