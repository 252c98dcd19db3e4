"""The describe mapper: a stream of clips → the same number of descriptions."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from yt.wrapper import aggregator
from yt.yson import get_bytes

from ytcurate.config import Buffering, ClipLimits, EngineSettings, FrameSampling, Sampling
from ytcurate.describers.base import Describer, Description, Outcome
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.start import start_describer
from ytcurate.describers.vault import ENDPOINT_KEY, HUB_TOKEN, take_from_vault
from ytcurate.describers.weights import FileDigest, verify_files
from ytcurate.errors import EngineUnavailable, SchemaMismatch, TooManyBadRows, UsageError, VideoError
from ytcurate.mappers.answers import answer_columns, answer_row, outcome_of
from ytcurate.mappers.clip_files import clip_file, name_of_bytes
from ytcurate.mappers.in_jobs import import_parts, leave_standard_streams
from ytcurate.mappers.read_ahead import Prepared, ReadAhead
from ytcurate.mappers.statistics import JobReport, StreamStatistics, runs_in_map_job
from ytcurate.mappers.stream import DescribeStream
from ytcurate.media.frames import Frames, sample_frames

_MOST_DECODE_THREADS = 16
"""Unless told otherwise: a job sees all cores of its host, and may use few of them."""
_SWITCH_INTERVAL_S = 0.0005
_FEWEST_TO_JUDGE = 20
"""Rows before a job is stopped for too many bad ones."""

Row = dict[str, Any]


@aggregator
class DescribeMapper:
    """Describes each clip of a table with a vision-language model; one row out for each row in.

    To import into any operation::

        yt.run_map(DescribeMapper(model="Qwen/Qwen2.5-VL-7B-Instruct"), clips, result, spec=build_spec(...))

    Input rows need the columns ``ds_index``, ``segment_index`` and ``video``; ``clip_id`` and ``outcome``
    are used when they are there. A row without a video may bring ``video_path``: its clip is then the file
    of that name in the job's sandbox (``file_paths`` of the spec). A row that brings an outcome other than
    ``ok`` passes through with it.
    Output rows have the columns of ``answer_columns(questions)``, in the order in which clips finish.

    Args:
        model: a Hugging Face id, or a directory that exists where the job runs. A relative path is
            looked up in the job's sandbox.
        prompt: the question.
        questions: several questions, put about the same pictures; instead of ``prompt``.
        sampling: how words are chosen.
        frames: which pictures the model sees.
        engine: how the engine is run.
        buffering: how far to read and decode ahead.
        limits: what one clip may cost.
        keep_video: also pass ``video`` and ``file_type`` on; of a clip that is a file there is no ``video``.
        in_order: answer in the order of the input.
        max_bad: share of rows, above 0 and at most 1. A job in which more rows than this end with an outcome
            other than ``ok`` stops with the reason; it is judged from its 20th row on, and at its end.
        model_name: what the rows say; ``model`` unless given.
        manifest: what the model's files in the sandbox must be; checked before the engine starts.
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: Prompt = DESCRIBE,
        questions: Sequence[Prompt] = (),
        sampling: Sampling | None = None,
        frames: FrameSampling | None = None,
        engine: EngineSettings | None = None,
        buffering: Buffering | None = None,
        limits: ClipLimits | None = None,
        keep_video: bool = False,
        in_order: bool = False,
        max_bad: float | None = None,
        model_name: str | None = None,
        manifest: Mapping[str, FileDigest] | None = None,
    ) -> None:
        if max_bad is not None and not 0 < max_bad <= 1:
            raise UsageError(f"max_bad is a share of rows, above 0 and at most 1; it is {max_bad}.")
        self.model = model
        self.model_name = model_name or model
        self.questions = tuple(questions) or (prompt,)
        answer_columns(self.questions)  # refuses questions whose columns collide
        self.sampling = sampling or Sampling()
        self.frames = frames or FrameSampling()
        self.engine = engine or EngineSettings()
        self.buffering = buffering or Buffering()
        self.limits = limits or ClipLimits()
        self.keep_video = keep_video
        self.in_order = in_order
        self.max_bad = max_bad
        self.manifest = dict(manifest or {})

    def __getstate__(self) -> dict[str, Any]:
        """Before it is sent to jobs: import the parts that are imported late, so that they are sent, too."""
        import ytcurate.describers
        import ytcurate.media

        import_parts(ytcurate.describers, ytcurate.media)
        return self.__dict__

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Describe rows as they come. The iterator may end at any time (an interrupted job).

        Raises:
            EngineUnavailable: the model cannot be loaded; raised before the first row is answered.
            SchemaMismatch: a row has not the columns that are needed.
            TooManyBadRows: more than ``max_bad`` of them.
        """
        if runs_in_map_job():
            leave_standard_streams()
            # Decoding gives the interpreter up and wants it back for every picture: at Python's own 5 ms a
            # busy thread beside it makes that three times as slow, at this a tenth slower.
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
        _require_packages(self.questions)
        statistics = StreamStatistics()
        report = JobReport(statistics)
        judge = _Judge(self.max_bad)
        ahead = ReadAhead(
            rows,
            self._prepare,
            size=_video_bytes,
            limits=self.buffering,
            threads=self.buffering.decode_threads or _cores(),
            statistics=statistics,
        )
        stream = DescribeStream(ahead, self._start, self.questions, statistics, in_order=self.in_order)
        for described in stream:
            outcome = outcome_of(described.descriptions)
            report.add(outcome, described.descriptions)
            judge.add(outcome, described.descriptions)
            yield self._output(described.row, described.descriptions)
        report.write()
        judge.sum_up()
        if statistics.clips_done != statistics.clips_read:
            raise RuntimeError(
                f"{statistics.clips_read} rows were read and {statistics.clips_done} were written"
            )

    def _start(self) -> Describer:
        # The job's sandbox is the working directory; the engine's own process may have another.
        local = os.path.abspath(self.model)  # noqa: PTH100 - a hub id must not be made a path
        is_local = os.path.isdir(local)  # noqa: PTH112
        if self.manifest:
            verify_files(local, self.manifest)
        for name in (HUB_TOKEN, ENDPOINT_KEY):
            take_from_vault(name)
        return start_describer(
            local if is_local else self.model,
            questions=self.questions,
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
        file = clip_file(row)
        if file is not None and not file.is_file():
            reason = f"the job has no file {file.name}: give it {row['video_path']} in file_paths"
            return Prepared(row, _without_text(Outcome.UNREADABLE, reason))
        if file is None and row.get("video") is None:
            return Prepared(row, _without_text(Outcome.UNREADABLE, "the row has no video"))
        video = file or get_bytes(row["video"])
        row = dict(row)
        row["clip_id"] = row.get("clip_id") or name_of_bytes(video)
        # The video stays with its row until it is answered: should the engine die, it is decoded again.
        return Prepared(row, self._sample(video))

    def _sample(self, video: bytes | Path) -> Frames | Description:
        try:
            return sample_frames(video, self.frames, self.limits)
        except VideoError as error:
            return _without_text(Outcome.UNREADABLE, str(error))
        except MemoryError:
            return _without_text(Outcome.FAILED, "its pictures do not fit into memory")
        except Exception as error:  # noqa: BLE001 - decoders meet hostile bytes; it stays this clip's affair
            return _without_text(Outcome.FAILED, f"decoding failed ({type(error).__name__}: {error})")

    def _output(self, row: Row, descriptions: Sequence[Description]) -> Row:
        output = answer_row(row, self.questions, descriptions, model=self.model_name)
        if self.keep_video:
            output["video"] = row.get("video")
            output["file_type"] = row.get("file_type")
        return output


class _Judge:
    """Stops a job in which too many rows are bad."""

    def __init__(self, max_bad: float | None) -> None:
        self._max_bad = max_bad
        self._rows = 0
        self._bad: Counter[str] = Counter()

    def add(self, outcome: Outcome, descriptions: Sequence[Description]) -> None:
        self._rows += 1
        if outcome != Outcome.OK:
            detail = next((each.detail for each in descriptions if each.detail), None)
            self._bad[f"{outcome}: {detail}" if detail else str(outcome)] += 1
            if self._rows >= _FEWEST_TO_JUDGE:
                self.sum_up()

    def sum_up(self) -> None:
        bad = self._bad.total()
        if self._max_bad is None or not self._rows or bad / self._rows <= self._max_bad:
            return
        reason, count = self._bad.most_common(1)[0]
        raise TooManyBadRows(
            f"{bad} of {self._rows} rows of this job are bad, more than the {self._max_bad:.0%} allowed "
            f"(--max-bad). Most often ({count}): {reason}"
        )


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


def _require_packages(questions: Sequence[Prompt]) -> None:
    """Import what every clip needs: before the first, so that an image without it fails with one sentence.

    And before any thread runs: large packages do not stand being imported from two threads at once.
    """
    has_schema = any(prompt.schema for prompt in questions)
    for package in ("av", "torch", *(["jsonschema"] if has_schema else [])):
        try:
            import_module(package)
        except ImportError as error:
            raise EngineUnavailable(
                f"the job's image cannot import {package} ({error}); describe needs PyAV, torch and vLLM, "
                "and jsonschema for questions with a schema."
            ) from error


def _cores() -> int:
    return min(_MOST_DECODE_THREADS, len(os.sched_getaffinity(0)))
