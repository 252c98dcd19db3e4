"""What an operation has done so far, on disk: after a restart of the server it goes on from here.

One small record for each job that is planned and for each that is over, and none is written twice. A
job's record names the chunks that it wrote, so they count from the same write as the job itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk, stored_key
from ytcurate.localcluster.model.state import State
from ytcurate.localcluster.model.upload import Target
from ytcurate.localcluster.scheduler.plan import Input, JobPlan, Place
from ytcurate.localcluster.scheduler.statistics import JobStatistics, Summary
from ytcurate.localcluster.scheduler.user_job import UserJob

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.job import JobResult

TABLE = "progress"
PLAN_FIELDS = ("cookie", "index_in_task", "first_output")
"""Of a `JobPlan`, besides its user job, its slice and its parent."""


@dataclass
class Finished:
    """A job that is over."""

    job_id: str
    phase: int
    cookie: int
    place: Place
    first_output: int
    statistics: JobStatistics
    outputs: list[list[Chunk]] | None
    """By output table of the job; None if the job did not complete, or its output is lost."""
    reason: str
    """Why it was interrupted or aborted; "" for none."""
    is_done: bool
    """Was there nothing left to do for its cookie?"""

    @property
    def counts(self) -> bool:
        """Is it completed still?"""
        return self.is_done and self.outputs is not None


@dataclass
class Past:
    """A journal as it was found after a start."""

    input_ids: list[str] = field(default_factory=list)
    targets: list[Target] | None = None
    """None if the operation had not locked its tables yet."""
    finished: list[Finished] = field(default_factory=list)
    """In the order in which they ended."""
    plans: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By phase."""
    intermediate: dict[int, list[Chunk]] = field(default_factory=dict)
    """By input table of the reducers, what was sorted for them."""
    are_streams_dropped: bool = False
    """Is all of it sorted, and what it was sorted from gone?"""

    def plans_of(self, phase: int, jobs: Iterable[UserJob], state: State) -> list[JobPlan] | None:
        """The jobs of a phase with the slices they had; None for a phase that had not begun."""
        if phase not in self.plans:
            return None
        by_name = {job.name: job for job in jobs}
        found = [
            JobPlan(
                user_job=by_name[str(data["name"])],
                segments=[Segment(state.chunks[str(each[0])], *each[1:]) for each in data["segments"]],
                parent=tuple(data["parent"]),
                **{name: data[name] for name in PLAN_FIELDS},
            )
            for data in self.plans[phase]
        ]
        return sorted(found, key=lambda job: job.cookie)

    def completed(self, phase: int) -> set[int]:
        """Cookies of a phase's jobs that need not run again."""
        return {each.cookie for each in self.finished if each.phase == phase and each.counts}


class Journal:
    """Of one operation. What is written belongs to the caller's session."""

    def __init__(self, state: State, files: ChunkFiles, operation_id: str) -> None:
        self._state = state
        self._files = files
        self._prefix = f"{operation_id}/"
        self._names: set[str] = set()
        self._finished = 0

    def open_tables(self, inputs: Sequence[Input], targets: Sequence[Target]) -> None:
        """The operation has locked these."""
        data = [{**vars(target), "schema": target.schema.stored()} for target in targets]
        self._put("tables", {"inputs": [each.node_id for each in inputs], "targets": data})

    def plan(self, phase: int, jobs: Iterable[JobPlan]) -> None:
        """These are to run in a phase; those that were written down before are not written again."""
        for job in jobs:
            name = f"plan/{phase}/{job.cookie}"
            if name in self._names:
                continue
            segments = [
                [each.chunk.id, each.start, each.end, each.row_index, each.range_index, each.table_index]
                for each in job.segments
            ]
            data = {field: getattr(job, field) for field in PLAN_FIELDS}
            data |= {"phase": phase, "name": job.user_job.name, "parent": list(job.parent)}
            self._put(name, {**data, "segments": segments})

    def finish(
        self,
        job_id: str,
        phase: int,
        job: JobPlan,
        statistics: JobStatistics,
        result: JobResult,
        *,
        is_done: bool,
    ) -> None:
        """A job is over; `is_done` if nothing is left to do for its cookie."""
        outputs = result.outputs if result.state == "completed" else None
        data: dict[str, Any] = {
            "job_id": job_id,
            "phase": phase,
            "cookie": job.cookie,
            "place": list(job.place),
            "first_output": job.first_output,
            "statistics": _dump(statistics),
            "reason": result.reason,
            "is_done": is_done,
        }
        if outputs is not None:
            data["outputs"] = [self._keep(chunks) for chunks in outputs]
        # Numbers have a fixed width, so that they are read in order.
        self._put(f"job/{self._finished:09}", data)
        self._finished += 1

    def lose(self, job_id: str) -> None:
        """The output of a job that was done is lost."""
        self._put(f"lost/{job_id}", True)

    def sort(self, index: int, chunks: list[Chunk]) -> None:
        """One input table of the reducers is sorted."""
        self._put(f"sorted/{index}", self._keep(chunks))

    def drop_streams(self, count: int) -> None:
        """What jobs so far wrote to the first `count` tables is sorted and no longer needed."""
        self._put("dropped", {"count": count, "jobs": self._finished})

    def forget(self) -> None:
        """The operation is over, or begins anew."""
        for name in self._names:
            self._state.delete(TABLE, self._prefix + name)
        self._names.clear()
        self._finished = 0

    def forget_unread(self) -> None:
        """`forget` for a journal that cannot be read."""
        for key, _ in self._state.store.read_prefix(TABLE, self._prefix):
            self._state.delete(TABLE, key)

    def read(self) -> Past:
        """What was written before a restart. Chunks whose files are gone do not count."""
        past = Past()
        dropped, lost = {"count": 0, "jobs": 0}, set()
        records = self._state.store.read_prefix(TABLE, self._prefix)
        self._names = {key[len(self._prefix) :] for key, _ in records}
        for key, data in records:
            name = key[len(self._prefix) :]
            kind, _, rest = name.partition("/")
            if kind == "tables":
                past.input_ids = [str(each) for each in data["inputs"]]
                past.targets = [_target(each) for each in data["targets"]]
            elif kind == "plan":
                past.plans.setdefault(int(data["phase"]), []).append(data)
            elif kind == "sorted":
                chunks = self._chunks(data)
                if chunks is None:
                    # It cannot be made again: the streams it was sorted from are dropped.
                    return Past()
                past.intermediate[int(rest)] = chunks
            elif kind == "lost":
                lost.add(rest)
            elif kind == "dropped":
                dropped = data
                past.are_streams_dropped = True
        for key, data in records:
            if key.startswith(f"{self._prefix}job/"):
                number = int(key.rpartition("/")[2])
                end = self._read_job(data, dropped["count"] if number < dropped["jobs"] else 0)
                if end.job_id in lost:
                    end.outputs = None
                past.finished.append(end)
                self._finished = number + 1
        return past

    def _put(self, name: str, data: Any) -> None:
        self._names.add(name)
        self._state.put(TABLE, self._prefix + name, data)

    def _keep(self, chunks: Sequence[Chunk]) -> list[str]:
        """Write down chunks that no table names yet."""
        for chunk in chunks:
            self._state.chunks[chunk.id] = chunk
            self._state.put("chunks", chunk.id, chunk)
        return [chunk.id for chunk in chunks]

    def _chunks(self, ids: Sequence[Any]) -> list[Chunk] | None:
        found = [self._state.chunks.get(str(each)) for each in ids]
        chunks = [each for each in found if each is not None and self._files.path(each.id).exists()]
        return chunks if len(chunks) == len(found) else None

    def _read_job(self, data: dict[str, Any], dropped: int) -> Finished:
        first, outputs = int(data["first_output"]), data.get("outputs")
        kept: list[list[Chunk]] | None = None
        if outputs is not None:
            tables = [
                [] if first + index < dropped else self._chunks(ids) for index, ids in enumerate(outputs)
            ]
            there = [each for each in tables if each is not None]
            kept = there if len(there) == len(tables) else None
        return Finished(
            job_id=str(data["job_id"]),
            phase=int(data["phase"]),
            cookie=int(data["cookie"]),
            place=tuple(data["place"]),
            first_output=first,
            statistics=_load(data["statistics"]),
            outputs=kept,
            reason=str(data["reason"]),
            is_done=bool(data["is_done"]),
        )


def _target(data: dict[str, Any]) -> Target:
    known = {**data, "schema": schemas.load(data["schema"])}
    if data["last_key"] is not None:
        known["last_key"] = stored_key(data["last_key"])
    return Target(**known)


def _dump(statistics: JobStatistics) -> list[Any]:
    return [
        [list(path), summary.sum, summary.count, summary.min, summary.max]
        for path, summary in list(statistics.values.items())
    ]


def _load(data: Collection[Any]) -> JobStatistics:
    statistics = JobStatistics()
    for path, total, count, least, most in data:
        statistics.values[tuple(str(each) for each in path)] = Summary(total, int(count), least, most)
    return statistics
