"""The score mapper: a stream of clips → the same rows, with scores and keyframes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from yt.wrapper import aggregator
from yt.yson import get_bytes

from ytcurate.config import GIB, Scoring
from ytcurate.errors import UsageError
from ytcurate.mappers.in_jobs import import_parts
from ytcurate.mappers.ordered_map import ordered_map
from ytcurate.mappers.score import require_scoring, score_columns
from ytcurate.mappers.statistics import JobCounts, runs_in_map_job

Row = dict[str, Any]

_MOST_THREADS = 16
"""Unless told otherwise: a job sees all cores of its host, and may use few of them."""
_ROWS_OF_EACH_THREAD = 2
"""In memory: one that is scored, and one that waits for its turn to leave or to be scored."""
_MOST_BYTES = 2 * GIB
"""Of the videos in those rows."""


@aggregator
class ScoreMapper:
    """Adds scores and keyframes to each row of a table of clips; see ``score.SCORE_COLUMNS``.

    To import into any operation::

        yt.run_map(ScoreMapper(), clips, scored_clips, spec={"ordered": True})

    Rows need a column ``video``, or ``video_path`` of a file in the job's sandbox. A clip that cannot be
    scored is a row with the reason. Rows leave in the order of the input.

    Args:
        scoring: what to look at.
        pass_on: columns of the input to pass on; None: all. One that a row lacks is left out.
        threads: clips scored side by side. 0: as many as there are cores, at most 16.
    """

    def __init__(
        self, scoring: Scoring | None = None, *, pass_on: Sequence[str] | None = None, threads: int = 0
    ) -> None:
        if threads < 0:
            raise UsageError(f"threads must be 0 or more, it is {threads}.")
        self.scoring = scoring or Scoring()
        self.pass_on = None if pass_on is None else tuple(pass_on)
        self.threads = threads

    def __getstate__(self) -> dict[str, Any]:
        """Before it is sent to jobs: import the parts that are imported late, so that they are sent, too."""
        import ytcurate.mappers
        import ytcurate.media

        import_parts(ytcurate.mappers, ytcurate.media)
        return self.__dict__

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Score clips as they come. The iterator may end at any time (an interrupted job).

        Raises:
            EngineUnavailable: the image lacks what scoring needs; raised before the first row.
        """
        require_scoring()
        counts = JobCounts("score_ms", is_job=runs_in_map_job())
        threads = self.threads or min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        ahead = _ROWS_OF_EACH_THREAD * threads
        scored = ordered_map(self._score, rows, threads, ahead, size=_video_bytes, most_bytes=_MOST_BYTES)
        with closing(scored):
            for row in scored:
                counts.add(row["quality_outcome"], clips_done=1)
                yield row
        counts.write()

    def _score(self, row: Row) -> Row:
        columns = score_columns(row, self.scoring)
        if self.pass_on is not None:
            row = {name: row[name] for name in self.pass_on if name in row}
        return {**row, **columns}


def _video_bytes(row: Row) -> int:
    video = row.get("video")
    return len(get_bytes(video)) if video is not None else 0
