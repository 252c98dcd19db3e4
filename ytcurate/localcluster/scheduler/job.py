"""One job: one process with its sandbox, input, outputs, limits, and what became of it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.reader import Segment
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.rows import parse_rows
from ytcurate.localcluster.scheduler import container, measures, pipes, sandbox, signals, slicing
from ytcurate.localcluster.scheduler.feed import Feeder, InputContext, Meter
from ytcurate.localcluster.scheduler.interruption import PREEMPTION, UNKNOWN, Interruption, preempted
from ytcurate.localcluster.scheduler.outcome import exit_error, user_job_failed, write_rows
from ytcurate.localcluster.scheduler.places import JobPlaces
from ytcurate.localcluster.scheduler.record import JobRecord
from ytcurate.localcluster.scheduler.spec import UserJob
from ytcurate.localcluster.scheduler.statistics import JobStatistics, read_statistics
from ytcurate.localcluster.scheduler.stderr import StderrKeeper

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.watch import Watch

log = logging.getLogger(__name__)

READ_BYTES = 1 << 16
Source = Callable[[Meter | None], Iterator[bytes]]
"""Opens a job's input; with a meter as the job is to get it, else whole."""


@dataclass
class JobResult:
    """`state` is completed, failed or aborted; chunks are there only for a completed job."""

    state: str
    error: YtError | None = None
    fatal: bool = False
    outputs: list[list[Chunk]] = field(default_factory=list)
    interruption: Interruption | None = None
    """Of a completed job whose work is to go on elsewhere."""
    unread: list[Segment] = field(default_factory=list)
    """Input an interrupted job was not given."""
    is_abandoned: bool = False

    @property
    def reason(self) -> str:
        """What counters call it: why it was interrupted or aborted; "" for none."""
        if self.state == "completed":
            return self.interruption.reason if self.interruption is not None else ""
        return str(self.error.attributes.get("abort_reason") or "") if self.error is not None else ""


class JobProcess:
    """`run` blocks until the job is over; all that ends it earlier may come from other threads."""

    def __init__(
        self,
        job_id: str,
        user_job: UserJob,
        places: JobPlaces,
        segments: list[Segment],
        environment: dict[str, str],
        vault: dict[str, Any],
    ) -> None:
        self.id = job_id
        self.user_job = user_job
        self.places = places
        self.folder = places.sandbox
        self.segments = segments
        self.own_environment = environment
        self.vault = vault
        self.statistics = JobStatistics(user_job.custom_statistics_limit)
        rows, weight = sum(each.row_count for each in segments), sum(each.data_weight for each in segments)
        self.meter = Meter(rows, weight, user_job.buffer_row_count)
        self.context = InputContext()
        self.source: Source | None = None
        """None for a job without input."""
        self.stderr: StderrKeeper | None = None
        self.pid: int | None = None
        self.started_at = 0.0
        self.max_memory = 0
        self.tmpfs = measures.TmpfsUse(len(user_job.tmpfs))
        self.interruption: Interruption | None = None
        self._is_measured = False
        self._input_done = True
        self._stderr_size = self._fail_context_size = 0
        self._error: YtError | None = None
        self._stream_error: YtError | None = None
        self._aborted: YtError | None = None
        self._abandoned = False
        self._ended = False
        self._lock = threading.Lock()

    # ---- from outside

    def fail(self, error: YtError) -> None:
        """End the job as failed; the first reason counts."""
        with self._lock:
            self._error = self._error or error
        self._kill()

    def abort(self, reason: YtError, asked: Interruption | None = None) -> None:
        """End the job as aborted: not its own fault.

        Args:
            asked: to be remembered of a job that cannot be interrupted, and should have been.
        """
        with self._lock:
            self._aborted = self._aborted or reason
            self.interruption = self.interruption or asked
        self._kill()

    def abandon(self) -> None:
        """End the job as completed, without output."""
        with self._lock:
            self._abandoned = True
        self._kill()

    def interrupt(self, asked: Interruption) -> None:
        """Ask the job to end well with the input it has; the earliest deadline counts."""
        if self.pid is None:
            attributes = {"interruption_reason": asked.reason}
            too_early = YtError(
                "Interrupting job that has not started yet", errors.INTERRUPTION_FAILED, attributes
            )
            self.abort(preempted(too_early) if asked.reason == PREEMPTION else too_early, asked)
            return
        with self._lock:
            is_first = self.interruption is None
            if self.interruption is None or asked.deadline_s < self.interruption.deadline_s:
                self.interruption = asked
        self.meter.stop()
        number = self.user_job.interruption_signal
        if is_first and number is not None and not self._ended:
            root_only = self.user_job.raw.get("signal_root_process_only")
            signals.send(number, [self.pid] if root_only else sandbox.processes_of(self.id))

    def show(self, record: JobRecord) -> None:
        """Put into the job's record how far it is."""
        record.stderr_size = self._stderr_size if self.stderr is None else self.stderr.size
        record.fail_context_size = self._fail_context_size
        record.progress = self.meter.progress
        record.statistics = measures.in_brief(self._read())
        record.all_statistics = self.measured().tree()

    def measured(self) -> JobStatistics:
        """Statistics as of now."""
        if self._is_measured:
            return self.statistics
        so_far = self.statistics.copy()
        measures.add_input(so_far, self._read())
        return so_far

    def _read(self) -> list[Segment]:
        """Input so far; a reducer's rows come from many places at once and are not told apart."""
        return self.segments if self.user_job.group else slicing.before(self.segments, self.meter.rows)

    def _kill(self) -> None:
        if self.pid is not None and not self._ended:
            sandbox.kill_all(self.id, self.pid)

    # ---- the job itself

    def run(self, cluster: Cluster, watch: Watch, tx: str, writers: list[RowWriter]) -> JobResult:
        """Run to the end. `writers` get the rows of each output table; on failure they are discarded."""
        begun = time.monotonic()
        try:
            sandbox.prepare(cluster, self.folder, self.user_job, tx)
            prepared = time.monotonic()
            code = self._process(watch, writers)
            measures.add_times(self.statistics, begun, prepared, time.monotonic())
            measures.add_limits(self)
            measures.add_input(self.statistics, self._read())
            self._is_measured = True
            result = self._verdict(code, writers)
        except YtError as error:
            result = JobResult("failed", error)
        except Exception as error:
            log.exception("bug while running job %s", self.id)
            result = JobResult("failed", errors.bug("job", error))
        finally:
            self._ended = True
            sandbox.remove(self.folder)
        if result.state != "completed" or result.is_abandoned:
            for writer in writers:
                writer.discard()
        if result.state == "failed":
            self._keep_context()
        return result

    def _process(self, watch: Watch, writers: list[RowWriter]) -> int:
        raw = self.user_job.raw
        numbers = pipes.output_descriptors(
            len(writers),
            redirect_stdout=self.user_job.redirects_stdout,
            yamr=bool(raw.get("use_yamr_descriptors")),
        )
        stderr_read, stderr_write = pipes.make_pipe()
        wanted = {2: stderr_write}
        threads: list[threading.Thread] = []
        tables = [(writer, threading.Lock()) for writer in writers]
        for index, number in enumerate(numbers):
            read, wanted[number] = pipes.make_pipe()
            threads.append(self._thread(self._read_output, read, index, tables))
        if 1 not in wanted:
            wanted[1] = os.dup(stderr_write)
        if pipes.STATISTICS not in wanted:
            read, wanted[pipes.STATISTICS] = pipes.make_pipe()
            threads.append(self._thread(self._read_statistics, read))
        if pipes.PROFILE not in wanted:
            wanted[pipes.PROFILE] = os.open(os.devnull, os.O_WRONLY)
        keeper = self.stderr = StderrKeeper(
            self.places.stderr, self.user_job.max_stderr_size, self.places.whole_stderr
        )
        threads.append(self._thread(self._read_stderr, stderr_read, keeper))
        feeder = self._feeder()
        stdin = feeder.stdin if feeder is not None else os.open(os.devnull, os.O_RDONLY)
        own = {**self.own_environment, "YT_FIRST_OUTPUT_TABLE_FD": str(numbers[0] if numbers else 1)}
        environment = sandbox.environment(self.folder, self.user_job, own, self.vault)
        command = container.command_of(self.user_job, self.folder)
        process = pipes.spawn(command, self.folder, environment, stdin, wanted)
        with self._lock:
            self.pid = process.pid
            self.started_at = time.monotonic()
            doomed = self._error or self._aborted or self._abandoned
        if doomed:
            self._kill()
        watch.add(self)
        if feeder is not None:
            feeder.start()
        for thread in threads:
            thread.start()
        code = measures.wait(process, self.statistics)
        watch.remove(self)
        # Children left behind would keep the pipes open and us waiting.
        sandbox.kill_all(self.id, process.pid)
        for thread in threads:
            thread.join()
        if feeder is not None:
            self._input_done = feeder.end()
            self.statistics.add(("data", "input", "not_fully_consumed"), int(not self._input_done))
        self._stderr_size, self.stderr = keeper.close(), None
        return code

    def _feeder(self) -> Feeder | None:
        if self.source is None:
            return None
        return Feeder(self.source(self.meter), self.context, self.user_job.pipe_capacity, self.fail)

    @staticmethod
    def _thread(target: Callable[..., None], *args: Any) -> threading.Thread:
        return threading.Thread(target=target, args=args, daemon=True)

    def _read_output(
        self, descriptor: int, index: int, tables: list[tuple[RowWriter, threading.Lock]]
    ) -> None:
        with open(descriptor, "rb", buffering=1 << 20) as stream:
            try:
                schema = tables[index][0].schema
                rows = parse_rows(stream, self.user_job.output_format, schema, index)
                write_rows(rows, index, tables)
                return
            except YtError as error:
                if error.code == errors.GENERIC:
                    # Broken output is often just what a dying process leaves; its exit code says more.
                    self._stream_error = self._stream_error or error
                else:
                    self.fail(error)
            except Exception as error:
                log.exception("bug while reading the output of job %s", self.id)
                self.fail(errors.bug("job output", error))
            _drain(stream)

    def _read_statistics(self, descriptor: int) -> None:
        with open(descriptor, "rb", buffering=0) as stream:
            try:
                read_statistics(stream, self.statistics)
            except YtError as error:
                self.fail(YtError("Error writing custom job statistics", inner=[error]))
            _drain(stream)

    @staticmethod
    def _read_stderr(descriptor: int, keeper: StderrKeeper) -> None:
        with open(descriptor, "rb", buffering=0) as stream:
            while data := stream.read(READ_BYTES):
                keeper.add(data)

    def _verdict(self, code: int, writers: list[RowWriter]) -> JobResult:
        if self._aborted is not None:
            return JobResult("aborted", self._aborted)
        if self._abandoned:
            return JobResult("completed", is_abandoned=True)
        error, asked = self._error, self.interruption
        if error is None and code and code == self.user_job.restart_exit_code:
            asked = asked or Interruption(UNKNOWN, 0)
        elif error is None and code:
            error = exit_error(code)
        elif error is None and self._stream_error is not None:
            return JobResult("failed", user_job_failed(self._stream_error), fatal=True)
        elif error is None and self.user_job.raw.get("check_input_fully_consumed") and not self._input_done:
            error = YtError("Input stream was not fully consumed by user process", attributes={"fd": 0})
        if error is not None:
            fatal = bool(error.codes() & errors.FATAL_IN_A_JOB)
            return JobResult("failed", user_job_failed(error), fatal)
        outputs = [writer.close() for writer in writers]
        measures.add_outputs(self.statistics, writers, outputs)
        unread = slicing.after(self.segments, self.meter.rows) if self.meter.is_stopped else []
        if self.source is not None and not unread:
            asked = None
        return JobResult("completed", outputs=outputs, interruption=asked, unread=unread)

    def _keep_context(self) -> None:
        data = self.context.read()
        if not data:
            return
        try:
            self.places.fail_context.parent.mkdir(parents=True, exist_ok=True)
            self._fail_context_size = self.places.fail_context.write_bytes(data)
        except OSError:
            # As on a real node: the error of the job matters more than what helps to find its cause.
            log.exception("the fail context of job %s cannot be written", self.id)


def _drain(stream: IO[bytes]) -> None:
    """Read to the end, so that who writes is not held up."""
    with contextlib.suppress(OSError):
        while stream.read(READ_BYTES):
            pass
