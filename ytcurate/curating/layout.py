"""Where the tables of a run lie: one directory of Cypress, readable by its names.

::

    DIR/clips            every clip, with its video, its scores and its keyframes; attribute: how it was cut
    DIR/clips_sources    what became of each source video
    DIR/clips_videos     whole videos on their way to the jobs that cut them; removed at the end
    DIR/labels           the model's answers about the clips that passed the quality filter
    DIR/labels_<id>      the same of an earlier question or model: going back to it costs nothing
    DIR/embeddings       a vector for each of the same clips
    DIR/curated          one row for each clip: metadata, scores, labels, vector, kept, reason
    DIR/parquet          the kept rows as Parquet files
"""

from __future__ import annotations

from dataclasses import dataclass

from ytcurate.errors import UsageError
from ytcurate.tables.ledger import sources_table


@dataclass(frozen=True)
class RunLayout:
    """Paths of one run."""

    directory: str

    def __post_init__(self) -> None:
        if not self.directory.startswith("//") or self.directory.endswith("/"):
            raise UsageError(
                f"{self.directory}: a run is kept in a directory of the cluster, such as //home/you/run."
            )

    @property
    def clips(self) -> str:
        """Every clip."""
        return f"{self.directory}/clips"

    @property
    def sources(self) -> str:
        """What became of each source video."""
        return sources_table(self.clips)

    @property
    def labels(self) -> str:
        """Answers of the model."""
        return f"{self.directory}/labels"

    @property
    def embeddings(self) -> str:
        """Vectors."""
        return f"{self.directory}/embeddings"

    @property
    def curated(self) -> str:
        """The result."""
        return f"{self.directory}/curated"

    @property
    def parquet(self) -> str:
        """The result as files."""
        return f"{self.directory}/parquet"

    def aside(self, table: str, fingerprint: str) -> str:
        """Where rows of other settings wait, in case these come back."""
        return f"{table}_{fingerprint}"
