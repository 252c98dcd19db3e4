"""One job: one process with its sandbox, input, outputs, limits, and what became of it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yt.yson as yson

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.records import Chunk
from ytcurate.localcluster.model.writer import RowWriter
from ytcurate.localcluster.rows import parse_rows
from ytcurate.localcluster.scheduler import container, pipes, sandbox
from ytcurate.localcluster.scheduler.outcome import exit_error, user_job_failed, write_rows
from ytcurate.localcluster.scheduler.spec import UserJob
from ytcurate.localcluster.scheduler.statistics import JobStatistics

if TYPE_CHECKING:
    from ytcurate.localcluster.cluster import Cluster
    from ytcurate.localcluster.scheduler.watch import Watch

log = logging.getLogger(__name__)

READ_BYTES = 1 << 16


@dataclass
class JobResult:
    """`state` is completed, failed or aborted; chunks are there only for a completed job."""

    state: str
    error: YtError | None = None
    fatal: bool = False
    outputs: list[list[Chunk]] = field(default_factory=list)


class JobProcess:
    """`run` blocks until the job is over; `fail` and `abort` may come from other threads."""

    def __init__(
        self,
        job_id: str,
        user_job: UserJob,
        folder: Path,
        stderr_path: Path,
        environment: dict[str, str],
        vault: dict[str, Any],
    ) -> None:
        self.id = job_id
        self.user_job = user_job
        self.folder = folder
        self.own_environment = environment
        self.vault = vault
        self.statistics = JobStatistics(int(user_job.raw.get("custom_statistics_count_limit") or 128))
        self.stderr_path = stderr_path
        self.stderr_size = 0
        self.pid: int | None = None
        self.started_at = 0.0
        self.max_memory = 0
        self.tmpfs_usage = 0
        self.input_rows = 0
        self.input_done = True
        self._error: YtError | None = None
        self._stream_error: YtError | None = None
        self._aborted: YtError | None = None
        self._ended = False
        self._lock = threading.Lock()

    # ---- from outside

    def fail(self, error: YtError) -> None:
        """End the job as failed; the first reason counts."""
        with self._lock:
            self._error = self._error or error
        self._kill()

    def abort(self, reason: YtError) -> None:
        """End the job as aborted: not its own fault."""
        with self._lock:
            self._aborted = self._aborted or reason
        self._kill()

    def _kill(self) -> None:
        if self.pid is not None and not self._ended:
            sandbox.kill_all(self.id, self.pid)

    # ---- the job itself

    def run(
        self, cluster: Cluster, watch: Watch, tx: str, feed: Callable[[], Iterator[bytes]] | None,
        writers: list[RowWriter],
    ) -> JobResult:  # fmt: skip
        """Run to the end. `writers` get the rows of each output table; on failure they are discarded."""
        begun = time.monotonic()
        try:
            sandbox.prepare(cluster, self.folder, self.user_job, tx)
            prepared = time.monotonic()
            code = self._process(watch, feed, writers)
            finished = time.monotonic()
            self._count_time(begun, prepared, finished)
            result = self._verdict(code, writers)
        except YtError as error:
            result = JobResult("failed", error)
        except Exception as error:
            log.exception("bug while running job %s", self.id)
            result = JobResult("failed", errors.bug("job", error))
        finally:
            self._ended = True
            sandbox.remove(self.folder)
        if result.state != "completed":
            for writer in writers:
                writer.discard()
        return result

    def _process(
        self, watch: Watch, feed: Callable[[], Iterator[bytes]] | None, writers: list[RowWriter]
    ) -> int:
        raw = self.user_job.raw
        redirect = self.user_job.redirects_stdout
        numbers = pipes.output_descriptors(
            len(writers), redirect_stdout=redirect, yamr=bool(raw.get("use_yamr_descriptors"))
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
        keeper = pipes.StderrKeeper(self.stderr_path, int(raw.get("max_stderr_size") or 5 * 1024 * 1024))
        threads.append(self._thread(self._read_stderr, stderr_read, keeper))
        stdin_write = -1
        if feed is None:
            stdin = os.open(os.devnull, os.O_RDONLY)
        else:
            stdin, stdin_write = pipes.make_pipe()
        own = {**self.own_environment, "YT_FIRST_OUTPUT_TABLE_FD": str(numbers[0] if numbers else 1)}
        environment = sandbox.environment(self.folder, self.user_job, own, self.vault)
        command = container.command_of(self.user_job, self.folder)
        process = pipes.spawn(command, self.folder, environment, stdin, wanted)
        with self._lock:
            self.pid = process.pid
            self.started_at = time.monotonic()
            doomed = self._error or self._aborted
        if doomed:
            self._kill()
        watch.add(self)
        feeder = None
        if feed is not None:
            feeder = self._thread(self._feed, stdin_write, feed)
            feeder.start()
        for thread in threads:
            thread.start()
        code = process.wait()
        watch.remove(self)
        # Children left behind would keep the pipes open and us waiting.
        sandbox.kill_all(self.id, process.pid)
        for thread in threads:
            thread.join()
        if feeder is not None:
            feeder.join()
        self.stderr_size = keeper.close()
        return code

    @staticmethod
    def _thread(target: Callable[..., None], *args: Any) -> threading.Thread:
        return threading.Thread(target=target, args=args, daemon=True)

    def _feed(self, descriptor: int, feed: Callable[[], Iterator[bytes]]) -> None:
        self.input_done = False
        try:
            with contextlib.closing(feed()) as pieces:  # type: ignore[type-var]
                for piece in pieces:
                    view = memoryview(piece)
                    while view:
                        view = view[os.write(descriptor, view) :]
            self.input_done = True
        except BrokenPipeError:
            pass  # A job may stop reading when it has seen enough.
        except Exception as error:
            log.exception("bug while feeding job %s", self.id)
            self.fail(errors.bug("job input", error))
        finally:
            os.close(descriptor)

    def _read_output(
        self, descriptor: int, index: int, tables: list[tuple[RowWriter, threading.Lock]]
    ) -> None:
        with open(descriptor, "rb", buffering=1 << 20) as stream:
            try:
                write_rows(parse_rows(stream, self.user_job.output_format), index, tables)
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
            with contextlib.suppress(OSError):
                while stream.read(READ_BYTES):
                    pass

    def _read_statistics(self, descriptor: int) -> None:
        with open(descriptor, "rb", buffering=0) as stream:
            pending = b""
            try:
                while data := stream.read(READ_BYTES):
                    pending += data
                    # A streaming parser would hold an item back until the next one begins; statistics
                    # are wanted while the job runs.
                    if pending.rstrip().endswith(b";") and self._count_custom(pending):
                        pending = b""
                if pending.strip() and not self._count_custom(pending):
                    raise YtError("Invalid custom statistics: broken YSON")
            except YtError as error:
                self.fail(error)
            with contextlib.suppress(OSError):
                while stream.read(READ_BYTES):
                    pass

    def _count_custom(self, data: bytes) -> bool:
        """Take what was written to descriptor 5; False if it is not whole yet."""
        try:
            trees = list(yson.loads(data, yson_type="list_fragment", always_create_attributes=False))
        except yson.YsonError:
            return False
        for tree in trees:
            self.statistics.add_custom(tree)
        return True

    @staticmethod
    def _read_stderr(descriptor: int, keeper: pipes.StderrKeeper) -> None:
        with open(descriptor, "rb", buffering=0) as stream:
            while data := stream.read(READ_BYTES):
                keeper.add(data)

    def _verdict(self, code: int, writers: list[RowWriter]) -> JobResult:
        if self._aborted is not None:
            return JobResult("aborted", self._aborted)
        error = self._error
        if error is None and code != 0:
            error = exit_error(code)
        elif error is None and self._stream_error is not None:
            return JobResult("failed", user_job_failed(self._stream_error), fatal=True)
        elif error is None and self.user_job.raw.get("check_input_fully_consumed") and not self.input_done:
            error = YtError("Input stream was not fully consumed by user process")
        if error is not None:
            fatal = bool(error.codes() & errors.FATAL_IN_A_JOB)
            return JobResult("failed", user_job_failed(error), fatal)
        outputs = [writer.close() for writer in writers]
        for index, writer in enumerate(writers):
            self.statistics.add(("data", "output", str(index), "row_count"), writer.row_count)
            self.statistics.add(("data", "output", str(index), "data_weight"), writer.data_weight)
        return JobResult("completed", outputs=outputs)

    def _count_time(self, begun: float, prepared: float, finished: float) -> None:
        self.statistics.add(("time", "prepare"), int((prepared - begun) * 1000))
        self.statistics.add(("time", "exec"), int((finished - prepared) * 1000))
        self.statistics.add(("time", "total"), int((finished - begun) * 1000))
        self.statistics.add(("user_job", "max_memory"), self.max_memory)
        self.statistics.add(("user_job", "max_tmpfs_size"), self.tmpfs_usage)
