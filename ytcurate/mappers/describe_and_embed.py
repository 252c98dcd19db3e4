"""One job that describes clips and embeds them, at once: the pictures' vectors are made while words are."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from yt.wrapper import aggregator, create_table_switch

from ytcurate.mappers.describe import DescribeMapper
from ytcurate.mappers.embed import EmbedMapper, require_packages
from ytcurate.mappers.embed_worker import EmbedWorker
from ytcurate.mappers.in_jobs import leave_standard_streams
from ytcurate.mappers.statistics import runs_in_map_job

Row = dict[str, Any]
_MOST_THREADS = 4
"""That decode keyframes: small pictures, beside many threads that decode videos."""


@aggregator
class DescribeAndEmbedMapper:
    """Describes each clip and embeds it: rows of descriptions, and of vectors after a switch to table 1.

    Input rows need what both mappers need. Each table gets exactly one row for each row in.

    Args:
        describe: gives the first table.
        embed: gives the second one.
    """

    def __init__(self, describe: DescribeMapper, embed: EmbedMapper) -> None:
        self.describe = describe
        self.embed = embed

    def __call__(self, rows: Iterable[Row]) -> Iterator[Any]:
        """Describe and embed rows as they come. The iterator may end at any time (an interrupted job).

        Raises:
            EngineUnavailable, SchemaMismatch, TooManyBadRows: as both mappers.
        """
        # Before anything is loaded: what the client puts into the place of standard output raises when used.
        if runs_in_map_job():
            leave_standard_streams()
        require_packages()
        threads = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        vectors: deque[Future[Row]] = deque()
        with EmbedWorker(
            self.embed.start(threads),
            batch_clips=self.embed.batch_clips,
            decode_threads=threads,
            pictures=self.embed.pictures,
            limits=self.embed.limits,
        ) as worker:
            for described in self.describe(_noting(rows, worker, vectors)):
                yield described
                yield from _ready(vectors, wait=False)
            yield from _ready(vectors, wait=True)


def _noting(rows: Iterable[Row], worker: EmbedWorker, vectors: deque[Future[Row]]) -> Iterator[Row]:
    """Give rows on, each after the worker has got it."""
    for row in rows:
        vectors.append(worker.submit(row))
        yield {name: value for name, value in row.items() if name != "keyframes"}


def _ready(vectors: deque[Future[Row]], *, wait: bool) -> Iterator[Any]:
    """Give the vectors that are done, from the front; with ``wait`` all of them."""
    if not vectors or not (wait or vectors[0].done()):
        return
    yield create_table_switch(1)
    while vectors and (wait or vectors[0].done()):
        yield vectors.popleft().result()
    yield create_table_switch(0)
