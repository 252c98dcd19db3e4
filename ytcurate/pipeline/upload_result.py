"""What an upload did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ytcurate.mappers.clips import SourceRecord
from ytcurate.tables.ledger import GOOD_OUTCOMES

MOST_PROBLEMS = 1000
"""Sentences kept; each problem is a row of the tables, too."""


@dataclass(kw_only=True)
class UploadResult:
    """What an upload did; its totals grow while it runs, each time a transaction is committed."""

    table: str
    sources: int = 0
    """Taken by this call, whatever became of them."""
    clips: int = 0
    """With a video."""
    seconds: float = 0.0
    """Of video, in those clips."""
    bytes: int = 0
    """Of video, in those clips."""
    already: int = 0
    """Sources that were in the table before."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Of the sources."""
    elapsed_s: float = 0.0
    problems: list[str] = field(default_factory=list)
    """One sentence for each source or clip that could not be used, at most 1,000."""

    @property
    def bad_sources(self) -> int:
        """Sources of which something is missing in the table."""
        return sum(count for outcome, count in self.outcomes.items() if outcome not in GOOD_OUTCOMES)

    @property
    def duplicates(self) -> int:
        """Sources whose bytes were taken from another one."""
        return self.outcomes.get("duplicate", 0)

    def count(self, records: Iterable[SourceRecord]) -> None:
        """Add what became of some sources."""
        totals = Counter(self.outcomes)
        for record in records:
            self.sources += 1
            self.clips += record.clips
            self.seconds += record.seconds
            self.bytes += record.bytes
            totals[record.outcome] += 1
            if record.outcome not in GOOD_OUTCOMES and len(self.problems) < MOST_PROBLEMS:
                detail = str(record.detail)
                named = detail.startswith(record.source)
                self.problems.append(detail if named else f"{record.source}: {detail}")
        self.outcomes = dict(totals)

    def __str__(self) -> str:
        notes = []
        if self.duplicates:
            notes.append(f"{self.duplicates} duplicates")
        if self.already:
            notes.append(f"{self.already} sources were there before")
        if self.bad_sources:
            notes.append(f"{self.bad_sources} problems")
        text = f"{self.clips} clips, {self.seconds:.1f} s, {self.bytes / 1e6:.1f} MB → {self.table}"
        return f"{text} ({', '.join(notes)})" if notes else text

    def rate(self) -> str:
        """How fast it went, in words."""
        elapsed = max(self.elapsed_s, 1e-9)
        return (
            f"{self.sources} sources in {self.elapsed_s:.1f} s: {self.clips / elapsed:.1f} clips and "
            f"{self.bytes / elapsed / 1e6:.1f} MB per second"
        )
