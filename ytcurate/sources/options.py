"""What is taken from a source, and what a download may cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from ytcurate.config import SourceLimits
from ytcurate.errors import UsageError

ALL_COLUMNS = "*"
"""In the place of a column's name: all but the videos and other media, bytes, and the title."""


@dataclass(frozen=True, kw_only=True)
class DownloadLimits:
    """What fetching one video may cost. Is sent to the process that fetches."""

    max_bytes: int = SourceLimits.max_source_bytes
    max_seconds: float = SourceLimits.max_seconds
    """In all, with every new try and every wait."""
    stall_seconds: float = SourceLimits.stall_seconds
    """Without a byte."""
    tries: int = 6
    """In a row that bring no byte. One that breaks off later goes on from there and counts anew."""

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_seconds", "stall_seconds", "tries"):
            value = getattr(self, name)
            if value <= 0:
                raise UsageError(
                    f"{name} must be above 0, it is {value}. See DownloadLimits for the default."
                )

    @classmethod
    def of(cls, limits: SourceLimits) -> DownloadLimits:
        """Take over what a source video may cost."""
        return cls(
            max_bytes=limits.max_source_bytes,
            max_seconds=limits.max_seconds,
            stall_seconds=limits.stall_seconds,
        )


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Which rows and columns of a source are taken."""

    columns: tuple[str, ...] = ()
    """Extra columns to carry; ``a.b`` is the field b of a nested column a, carried as ``b``; ``("*",)`` is
    all but the videos and other media, bytes, and the title."""
    rows: tuple[int, int | None] | None = None
    """Rows of the source, from 0: the first, and the first no longer taken (None: to the end)."""
    title_column: str | None = None
    """Whose text is the title; may be ``a.b``. None: a column named title, if there is one."""
    download: DownloadLimits = field(default_factory=DownloadLimits)

    def __post_init__(self) -> None:
        if self.rows is not None:
            start, stop = self.rows
            if start < 0 or (stop is not None and stop <= start):
                raise UsageError(
                    f"rows {start}:{'' if stop is None else stop} is an empty range: "
                    "the first row is 0 or more, and the end lies behind it."
                )

    @property
    def start(self) -> int:
        """The first row that is taken."""
        return self.rows[0] if self.rows else 0

    @property
    def stop(self) -> int | None:
        """The first row that is no longer taken; None: to the end."""
        return self.rows[1] if self.rows else None

    def taken(self, rows: int) -> int:
        """How many of so many rows are taken."""
        return max(0, min(rows, rows if self.stop is None else self.stop) - self.start)

    def require_some(self, name: str, rows: int) -> None:
        """See to it that at least one of so many rows is taken.

        Raises:
            UsageError: the range lies behind the end.
        """
        if self.taken(rows) == 0:
            stop = "" if self.stop is None else self.stop
            raise UsageError(f"{name}: rows {self.start}:{stop} is an empty range; there are {rows} rows.")


DEFAULT_OPTIONS = SourceOptions()
