"""The embed mapper: a stream of clips with keyframes → the same number of vectors."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from importlib import import_module
from typing import Any

from yt.wrapper import aggregator

from ytcurate.config import ClipLimits
from ytcurate.describers.vault import HUB_TOKEN, take_from_vault
from ytcurate.describers.weights import FileDigest, verify_files
from ytcurate.embedders.base import Embedder
from ytcurate.embedders.clip import ClipEmbedder
from ytcurate.errors import EngineUnavailable, UsageError
from ytcurate.mappers.embed_rows import EMBED_COLUMNS as EMBED_COLUMNS
from ytcurate.mappers.embed_worker import EmbedWorker as EmbedWorker
from ytcurate.mappers.in_jobs import import_parts, leave_standard_streams
from ytcurate.mappers.statistics import runs_in_map_job

_MOST_THREADS = 16
"""Unless told otherwise: a job sees all cores of its host, and may use few of them."""
_BATCHES_NOT_WRITTEN = 4
_WRITE_EVERY_S = 3.0

Row = dict[str, Any]


@aggregator
class EmbedMapper:
    """Embeds each clip of a table with CLIP; one row out for each row in, in their order.

    To import into any operation::

        yt.run_map(EmbedMapper("openai/clip-vit-base-patch32"), clips, embeddings, spec=build_spec(...))

    Input rows need the columns ``ds_index``, ``segment_index`` and ``keyframes``, a list of JPEG (or PNG,
    WebP) pictures; ``clip_id`` and ``outcome`` are used when they are there. From a row without keyframes
    but with a ``video`` (or ``video_path``, a file of the job's sandbox) pictures are decoded. A row that
    brings an outcome other than ``ok`` passes through with it; one whose pictures cannot be decoded is
    ``unreadable``. Output rows have the columns ``EMBED_COLUMNS``; a vector is as ``Embedder`` has it.

    Args:
        model_path: the directory of a CLIP checkpoint, which must exist where the job runs (a relative path
            is looked up in the job's sandbox), or a Hugging Face id.
        model_name: what the rows say; ``model_path`` unless given.
        revision: commit, tag or branch, with a Hugging Face id.
        batch_clips: most clips that the model gets at once.
        device: torch's word. None: the first GPU, or else the CPU.
        threads: cores to decode and, on a CPU, to compute with. 0: all of the job's, at most 16.
        pictures: taken from a video, evenly spaced from its first to its last.
        renormalise: bring the mean of a clip's pictures to length 1.
        limits: what one picture or video may cost.
        manifest: what the model's files in the sandbox must be; checked before they are loaded.
    """

    def __init__(
        self,
        model_path: str,
        *,
        model_name: str | None = None,
        revision: str | None = None,
        batch_clips: int = 32,
        device: str | None = None,
        threads: int = 0,
        pictures: int = 3,
        renormalise: bool = True,
        limits: ClipLimits | None = None,
        manifest: Mapping[str, FileDigest] | None = None,
    ) -> None:
        for name, value, least in (
            ("batch_clips", batch_clips, 1),
            ("threads", threads, 0),
            ("pictures", pictures, 1),
        ):
            if value < least:
                raise UsageError(f"{name} must be {least} or more, it is {value}.")
        self.model_path = model_path
        self.model_name = model_name or model_path
        self.revision = revision
        self.batch_clips = batch_clips
        self.device = device
        self.threads = threads
        self.pictures = pictures
        self.renormalise = renormalise
        self.limits = limits or ClipLimits()
        self.manifest = dict(manifest or {})

    def __getstate__(self) -> dict[str, Any]:
        """Before it is sent to jobs: import the parts that are imported late, so that they are sent, too."""
        import ytcurate.embedders
        import ytcurate.media

        import_parts(ytcurate.embedders, ytcurate.media)
        return self.__dict__

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Embed rows as they come. The iterator may end at any time (an interrupted job).

        Raises:
            EngineUnavailable: the model cannot be loaded, raised before the first row is answered; or it
                failed.
            SchemaMismatch: a row has not the columns that are needed.
        """
        if runs_in_map_job():
            leave_standard_streams()
        require_packages()
        threads = self.threads or _cores()
        started = time.monotonic()
        embedder = self.start(threads)
        start_ms = round((time.monotonic() - started) * 1000)
        worker = EmbedWorker(
            embedder,
            batch_clips=self.batch_clips,
            decode_threads=threads,
            pictures=self.pictures,
            limits=self.limits,
        )
        report = _Report(worker, start_ms)
        not_written: deque[Future[Row]] = deque()
        with worker:
            for row in rows:
                not_written.append(worker.submit(row))
                while not_written and (
                    not_written[0].done() or len(not_written) > _BATCHES_NOT_WRITTEN * self.batch_clips
                ):
                    yield report.add(not_written.popleft().result())
            while not_written:
                yield report.add(not_written.popleft().result())
        report.write()

    def start(self, threads: int = 0) -> Embedder:
        """Verify and load the model; for whoever feeds an ``EmbedWorker`` from another mapper.

        Raises:
            EngineUnavailable: it is not what the manifest says, or cannot be loaded.
        """
        # The job's sandbox is the working directory.
        local = os.path.abspath(self.model_path)  # noqa: PTH100 - a hub id must not be made a path
        is_local = os.path.isdir(local)  # noqa: PTH112
        if self.manifest:
            verify_files(local, self.manifest)
        take_from_vault(HUB_TOKEN)
        return ClipEmbedder(
            local if is_local else self.model_path,
            name=self.model_name,
            revision=None if is_local else self.revision,
            device=self.device,
            threads=threads,
            renormalise=self.renormalise,
        )


class _Report:
    """Tells the cluster what the job has done: every few seconds, what came since the last time."""

    def __init__(self, worker: EmbedWorker, start_ms: int) -> None:
        self._worker = worker
        self._totals: Counter[str] = Counter(embed_start_ms=start_ms)
        self._written: Counter[str] = Counter()
        self._next = 0.0

    def add(self, row: Row) -> Row:
        """Count a row, and give it back."""
        self._totals["clips_done"] += 1
        self._totals[f"outcome_{row['outcome']}"] += 1
        if time.monotonic() >= self._next:
            self.write()
        return row

    def write(self) -> None:
        """Write; outside a map job nothing is."""
        from yt.wrapper import write_statistics

        self._next = time.monotonic() + _WRITE_EVERY_S
        self._totals |= self._worker.statistics()
        # The cluster sums what a job writes, so each time only the difference is written.
        difference = {name: total - self._written[name] for name, total in self._totals.items()}
        self._written = Counter(self._totals)
        if runs_in_map_job():
            write_statistics(difference)


def require_packages() -> None:
    """Import what every clip needs before any thread runs: large packages do not stand two importing them."""
    for package in ("torch", "transformers", "PIL.Image", "av"):
        try:
            import_module(package)
        except ImportError as error:
            raise EngineUnavailable(
                f"the job's image cannot import {package} ({error}); embed needs torch, transformers, Pillow "
                "and PyAV."
            ) from error


def _cores() -> int:
    return min(_MOST_THREADS, len(os.sched_getaffinity(0)))
