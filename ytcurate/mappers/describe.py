"""The describe mapper: a stream of clips → the same number of descriptions."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from yt.wrapper import aggregator
from yt.yson import get_bytes

from ytcurate.config import Buffering, EngineSettings, FrameSampling, Sampling
from ytcurate.describers.base import Describer, Description, Outcome
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.vllm import VllmDescriber
from ytcurate.errors import EngineUnavailable, SchemaMismatch, VideoError
from ytcurate.mappers.stream import Prepared, ReadAhead, StreamStatistics, describe_stream
from ytcurate.media.frames import Frames, sample_frames

_STATISTICS_EVERY_S = 3.0

Row = dict[str, Any]


@aggregator
class DescribeMapper:
    """Describes each clip of a table with a vision-language model; one row out for each row in.

    To import into any operation::

        yt.run_map(DescribeMapper(model="Qwen/Qwen2.5-VL-7B-Instruct"), clips, result, spec=build_spec(...))

    Input rows need the columns ``ds_index``, ``segment_index`` and ``video``; ``clip_id`` and ``outcome``
    are used when they are there. A row that brings an outcome other than ``ok`` passes through with it.
    Output rows have the columns of ``tables.rows.DESCRIPTIONS``, in the order in which clips finish.

    Args:
        model: a Hugging Face id, or a directory that exists where the job runs. A relative path is
            looked up in the job's sandbox.
        prompt: the question.
        sampling: how words are chosen.
        frames: which pictures the model sees.
        engine: how the engine is run.
        buffering: how far to read and decode ahead.
        keep_video: also pass ``video`` and ``file_type`` on.
        model_name: what the rows say; ``model`` unless given.
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: Prompt = DESCRIBE,
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
        buffering: Buffering | None = None,
        keep_video: bool = False,
        model_name: str | None = None,
    ) -> None:
        self.model = model
        self.model_name = model_name or model
        self.prompt = prompt
        self.sampling = sampling or Sampling()
        self.frames = frames or FrameSampling()
        self.engine = engine or EngineSettings()
        self.buffering = buffering or Buffering()
        self.keep_video = keep_video

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Describe rows as they come. The iterator may end at any time (an interrupted job).

        Raises:
            EngineUnavailable: the model cannot be loaded; raised before the first row is answered.
            SchemaMismatch: a row has not the columns that are needed.
        """
        _leave_standard_streams()
        _require_packages()
        statistics = StreamStatistics()
        report = _Report(statistics)
        ahead = ReadAhead(
            rows,
            self._prepare,
            size=_video_bytes,
            limits=self.buffering,
            threads=self.buffering.decode_threads or os.cpu_count() or 1,
            statistics=statistics,
        )
        for row, description in describe_stream(ahead, self._start, statistics):
            report.add(description)
            yield self._output(row, description)
        report.write()
        if statistics.clips_done != statistics.clips_read:
            raise RuntimeError(
                f"{statistics.clips_read} rows were read and {statistics.clips_done} were written"
            )

    def _start(self) -> Describer:
        # The job's sandbox is the working directory; the engine's own process may have another.
        local = os.path.abspath(self.model)  # noqa: PTH100 - a hub id must not be made a path
        return VllmDescriber(
            local if os.path.isdir(local) else self.model,  # noqa: PTH112
            prompt=self.prompt,
            sampling=self.sampling,
            frames=self.frames,
            engine=self.engine,
        )

    def _prepare(self, row: Row) -> Prepared[Row]:
        """Decode one row's pictures; runs in the decode pool."""
        missing = [name for name in ("ds_index", "segment_index") if name not in row]
        if missing:
            raise SchemaMismatch(
                f"describe reads the columns ds_index, segment_index and video; "
                f"this row has no {missing[0]}, it has {', '.join(sorted(row))}."
            )
        brought = str(row.get("outcome") or Outcome.OK)
        if brought != Outcome.OK:
            return Prepared(row, _passed_on(brought, row.get("detail")))
        if row.get("video") is None:
            return Prepared(row, _without_text(Outcome.UNREADABLE, "the row has no video"))
        video = get_bytes(row["video"])
        row = dict(row)
        row["clip_id"] = row.get("clip_id") or hashlib.blake2b(video, digest_size=16).hexdigest()
        if not self.keep_video:
            del row["video"]  # only its pictures are needed from here on
        return Prepared(row, self._sample(video))

    def _sample(self, video: bytes) -> Frames | Description:
        try:
            return sample_frames(video, self.frames)
        except VideoError as error:
            return _without_text(Outcome.UNREADABLE, str(error))
        except MemoryError:
            return _without_text(Outcome.FAILED, "its pictures do not fit into memory")
        except Exception as error:  # noqa: BLE001 - decoders meet hostile bytes; it stays this clip's affair
            return _without_text(Outcome.FAILED, f"decoding failed ({type(error).__name__}: {error})")

    def _output(self, row: Row, description: Description) -> Row:
        output = {
            "ds_index": row["ds_index"],
            "segment_index": row["segment_index"],
            "clip_id": row.get("clip_id"),
            "description": description.text,
            "outcome": str(description.outcome),
            "detail": description.detail,
            "finish_reason": description.finish_reason,
            "model": self.model_name,
            "prompt_id": self.prompt.prompt_id,
            "prompt_tokens": description.prompt_tokens,
            "output_tokens": description.output_tokens,
        }
        if self.keep_video:
            output["video"] = row.get("video")
            output["file_type"] = row.get("file_type")
        return output


class _Report:
    """Writes the job's custom statistics every few seconds: what came since the last time."""

    def __init__(self, statistics: StreamStatistics) -> None:
        self._stream = statistics
        self._totals: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._next = 0.0

    def add(self, description: Description) -> None:
        self._totals["clips_done"] += 1
        self._totals[f"outcome_{description.outcome}"] += 1
        self._totals["prompt_tokens"] += description.prompt_tokens or 0
        self._totals["output_tokens"] += description.output_tokens or 0
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        from yt.wrapper import write_statistics

        self._next = time.monotonic() + _STATISTICS_EVERY_S
        self._totals["decode_ms"] = round(self._stream.decode_s * 1000)
        self._totals["engine_waited_ms"] = round(self._stream.engine_waited_s * 1000)
        # The cluster sums what a job writes, so each time only the difference is written.
        difference = {name: total - self._written[name] for name, total in self._totals.items()}
        self._written = Counter(self._totals)
        if _runs_in_map_job():
            write_statistics(difference)


def _without_text(outcome: Outcome, detail: str | None) -> Description:
    return Description(key=0, outcome=outcome, detail=detail)


def _passed_on(outcome: str, detail: str | None) -> Description:
    """Keep the outcome that a row brings; one that is not ours becomes ``failed`` and is named."""
    if outcome in list(Outcome):
        return _without_text(Outcome(outcome), detail)
    return _without_text(Outcome.FAILED, f"the row came with outcome {outcome!r}: {detail or 'no detail'}")


def _video_bytes(row: Row) -> int:
    video = row.get("video")
    return len(get_bytes(video)) if video is not None else 0


def _require_packages() -> None:
    """Import what every clip needs: before the first, so that an image without it fails with one sentence.

    And before any thread runs: large packages do not stand being imported from two threads at once.
    """
    for package in ("av", "torch"):
        try:
            import_module(package)
        except ImportError as error:
            raise EngineUnavailable(
                f"the job's image cannot import {package} ({error}); describe needs PyAV, torch and vLLM."
            ) from error


def _runs_in_map_job() -> bool:
    """Tell a map job from everything else, a notebook kernel on the cluster included.

    Kernels are jobs too and have the same variables in their environment, but not the client's runner.
    Only where that runs are the descriptors of a map job open: elsewhere number 5 is somebody's file.
    """
    return os.path.basename(sys.argv[0]) == "_py_runner.py"  # noqa: PTH119


def _leave_standard_streams() -> None:
    """Let libraries print in a job: to standard error.

    The client replaces ``sys.stdout`` in jobs by an object that raises when used, and vLLM prints.
    """
    if _runs_in_map_job():
        sys.stdout = sys.stderr
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - for the life of the job
