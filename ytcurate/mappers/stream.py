"""Rows → decoded pictures → descriptions, all at once, in bounded memory.

``rows → admit (bounded by clips and bytes) → decode pool → engine → rows``: a thread reads rows, a pool
decodes them (read_ahead.py), and the calling thread feeds the engine and hands out what is finished. The
engine starts while the first clips are decoding, and is never waiting while a decoded clip is there.

What goes wrong stays with its clip: a request that failed is put once more, alone. When the engine dies it
is started again with the clips it had; those that saw two deaths are put to it one by one, so that a clip
that kills it is found.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic

from ytcurate.describers.base import Describer, Description, Outcome
from ytcurate.describers.prompts import Prompt
from ytcurate.describers.reply_schema import ReplyDoesNotFit
from ytcurate.errors import EngineUnavailable
from ytcurate.mappers.read_ahead import Prepared, ReadAhead, Row, Taken
from ytcurate.mappers.statistics import StreamStatistics
from ytcurate.media.frames import Frames

MAX_RESTARTS = 5
"""An engine that dies more often in one job is not killed by single clips: one such clip costs three."""
_SET_ASIDE = 16
"""Clips kept for being tried alone, or to be handed out; more of them go first."""


@dataclass
class _Clip(Generic[Row]):
    """A clip that has been put to the engine and is not answered in full."""

    taken: Taken[Row]
    answers: dict[int, Description] = field(default_factory=dict)
    """By the number of the question."""
    asked: set[int] = field(default_factory=set)
    """Questions in flight."""
    repeated: set[int] = field(default_factory=set)
    """Questions put a second time."""
    deaths: int = 0
    """Of the engine, with this clip in it."""
    alone: bool = False
    """It is the only clip in the engine."""


@dataclass(frozen=True)
class Described(Generic[Row]):
    """A finished clip."""

    row: Row
    descriptions: list[Description]
    """One for each question, in their order."""


class DescribeStream(Generic[Row]):
    """Describes every row; iterate over it once. Yields each row exactly once, as soon as it is finished.

    Args:
        rows: already reading and decoding when this is built.
        start: starts a describer; called before the first row is taken, and again when one dies.
        questions: put about every clip.
        statistics: kept up to date while running.
        in_order: yield rows in the order of the input; a slow clip then holds back those after it.
    """

    def __init__(
        self,
        rows: ReadAhead[Row],
        start: Callable[[], Describer],
        questions: Sequence[Prompt],
        statistics: StreamStatistics,
        *,
        in_order: bool = False,
    ) -> None:
        self._rows = rows
        self._start = start
        self._questions = questions
        self._statistics = statistics
        self._in_order = in_order
        self._describer: Describer | None = None
        self._clips: dict[int, _Clip[Row]] = {}
        self._to_try_alone: deque[_Clip[Row]] = deque()
        self._to_put_again: deque[_Clip[Row]] = deque()
        self._decoded_again: Iterator[Prepared[Row]] = iter(())
        self._done: deque[tuple[Taken[Row], list[Description]]] = deque()

    def __iter__(self) -> Iterator[Described[Row]]:
        try:
            self._start_engine()
            since = time.monotonic()
            for taken, descriptions in self._order(self._run()):
                row = taken.prepared.row
                self._rows.finish(taken)
                self._statistics.clips_done += 1
                self._statistics.stream_s = time.monotonic() - since
                yield Described(row, descriptions)
        finally:
            self._rows.close()
            if self._describer is not None:
                self._describer.close()

    def _run(self) -> Iterator[tuple[Taken[Row], list[Description]]]:
        """Feed and collect until everything is answered; in order of completion."""
        while not self._is_over():
            try:
                self._feed()
                if self._engine.in_flight:
                    for description in self._engine.collect():
                        self._answer(description)
            except EngineUnavailable as error:
                self._survive(error)
            while self._done:
                yield self._done.popleft()

    def _is_over(self) -> bool:
        return self._rows.ended and not (self._clips or self._to_try_alone or self._to_put_again)

    def _order(
        self, finished: Iterator[tuple[Taken[Row], list[Description]]]
    ) -> Iterator[tuple[Taken[Row], list[Description]]]:
        if not self._in_order:
            yield from finished
            return
        waiting: dict[int, tuple[Taken[Row], list[Description]]] = {}
        following = 0
        for each in finished:
            waiting[each[0].place] = each
            while following in waiting:
                yield waiting.pop(following)
                following += 1

    @property
    def _engine(self) -> Describer:
        if self._describer is None:
            raise RuntimeError("the engine is not started")
        return self._describer

    def _start_engine(self) -> None:
        started = time.monotonic()
        self._describer = self._start()
        self._statistics.engine_start_s += time.monotonic() - started
        if self._engine.room < len(self._questions):
            raise RuntimeError(
                f"the describer has room for {self._engine.room} requests, a clip has {len(self._questions)} "
                "questions: no clip could ever be put to it"
            )

    def _feed(self) -> None:
        """Give the engine what it has room for: waits for a clip only while the engine is idle."""
        if any(clip.alone for clip in self._clips.values()):
            return
        self._put_again()
        if self._to_put_again:
            return
        if self._to_try_alone and (len(self._to_try_alone) >= _SET_ASIDE or self._rows.ended):
            if not self._clips:
                self._try_alone()
            return
        while (
            self._engine.room >= len(self._questions)
            and not self._rows.ended
            and len(self._done) < _SET_ASIDE
        ):
            idle = not self._clips
            if idle and self._to_try_alone:
                taken = self._rows.take(wait=False)
                if taken is None:
                    self._try_alone()
                    return
            else:
                since = time.monotonic()
                taken = self._rows.take(wait=idle and not self._done)
                if idle:
                    self._statistics.engine_waited_s += time.monotonic() - since
            if taken is None:
                return
            self._put(taken)

    def _put(self, taken: Taken[Row]) -> None:
        result = taken.prepared.result
        if isinstance(result, Description):
            self._done.append((taken, [result] * len(self._questions)))
            return
        clip = _Clip(taken)
        self._clips[taken.place] = clip
        try:
            self._ask(clip, result, range(len(self._questions)))
        finally:
            self._rows.let_go_of_pictures(taken)

    def _put_again(self) -> None:
        """Put clips that an engine took with it when it died to the new one, as it has room."""
        while self._to_put_again and self._engine.room >= len(self._questions):
            clip = self._to_put_again.popleft()
            prepared = next(self._decoded_again)
            self._put_open_questions(clip, prepared)

    def _put_open_questions(self, clip: _Clip[Row], prepared: Prepared[Row]) -> None:
        open_questions = self._to_repeat(clip)
        clip.repeated.update(number for number in open_questions if number in clip.answers)
        self._statistics.requests_repeated += len(open_questions)
        if isinstance(prepared.result, Description):  # it could be decoded before: memory ran out, perhaps
            clip.answers.update(dict.fromkeys(open_questions, prepared.result))
            self._finish(clip)
            return
        self._clips[clip.taken.place] = clip
        self._ask(clip, prepared.result, open_questions)

    def _finish(self, clip: _Clip[Row]) -> None:
        self._done.append((clip.taken, [clip.answers[number] for number in range(len(self._questions))]))

    def _ask(self, clip: _Clip[Row], frames: Frames, questions: Sequence[int]) -> None:
        clip.asked.update(questions)
        for question in questions:
            key = clip.taken.place * len(self._questions) + question
            before = clip.answers.get(question)
            again = before is not None and before.outcome == Outcome.MISFIT
            self._engine.submit(key, frames, question=question, again=again)

    def _answer(self, description: Description) -> None:
        place, question = divmod(description.key, len(self._questions))
        clip = self._clips[place]
        clip.asked.discard(question)
        clip.answers[question] = self._checked(description, self._questions[question])
        if clip.asked:
            return
        del self._clips[place]
        if self._to_repeat(clip):
            self._to_try_alone.append(clip)
        else:
            self._finish(clip)

    def _checked(self, description: Description, prompt: Prompt) -> Description:
        if prompt.schema is None or description.outcome != Outcome.OK:
            return description
        try:
            prompt.schema.parse(description.text or "")
        except ReplyDoesNotFit as error:
            return replace(description, outcome=Outcome.MISFIT, detail=str(error))
        return description

    def _to_repeat(self, clip: _Clip[Row]) -> list[int]:
        """Questions that a second try may answer and that had none yet."""
        return [
            number
            for number, answer in clip.answers.items()
            if answer.outcome in (Outcome.FAILED, Outcome.MISFIT) and number not in clip.repeated
        ] + [number for number in range(len(self._questions)) if number not in clip.answers]

    def _try_alone(self) -> None:
        """Put the questions that are open about one clip to an engine that has nothing else."""
        clip = self._to_try_alone.popleft()
        clip.alone = True
        (prepared,) = self._rows.prepare_again([clip.taken])
        self._put_open_questions(clip, prepared)

    def _survive(self, error: EngineUnavailable) -> None:
        """Start a dead engine again and set the clips it had aside; a clip it had alone is to blame.

        Raises:
            EngineUnavailable: it died too often, or does not start again.
        """
        self._statistics.engine_restarts += 1
        if self._statistics.engine_restarts > MAX_RESTARTS:
            raise EngineUnavailable(f"the engine died {MAX_RESTARTS + 1} times; the last: {error}") from error
        # Those that were waiting to be put again have not been in the engine that died now.
        waiting = [*self._to_put_again]
        self._to_put_again.clear()
        for clip in self._clips.values():
            clip.deaths += 1
            if clip.alone:
                self._blame(clip, error)
            elif clip.deaths > 1:
                self._to_try_alone.append(clip)
            else:
                self._to_put_again.append(clip)
            clip.asked.clear()
        self._clips.clear()
        self._to_put_again.extend(waiting)
        self._decoded_again = self._rows.prepare_again([clip.taken for clip in self._to_put_again])
        self._engine.close()
        self._describer = None
        self._start_engine()

    def _blame(self, clip: _Clip[Row], error: EngineUnavailable) -> None:
        """Take a clip for the cause of a death that it saw with nothing else in the engine."""
        detail = f"the engine died {clip.deaths} times with this clip in it, now alone: {error}"
        for number in range(len(self._questions)):
            if number in clip.asked or number not in clip.answers:
                clip.answers[number] = Description(key=0, outcome=Outcome.FAILED, detail=detail)
        self._finish(clip)
