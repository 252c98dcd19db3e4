"""Limits on what runs: memory with tmpfs, and time. One thread looks after all jobs."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ytcurate.localcluster import errors
from ytcurate.localcluster.errors import YtError

if TYPE_CHECKING:
    from ytcurate.localcluster.scheduler.job import JobProcess

log = logging.getLogger(__name__)

PERIOD_S = 0.4
TMPFS_PERIOD_S = 1.0


class Watch:
    def __init__(self) -> None:
        self._jobs: dict[str, JobProcess] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job limits", daemon=True)
        self._thread.start()

    def add(self, job: JobProcess) -> None:
        with self._lock:
            self._jobs[job.id] = job

    def remove(self, job: JobProcess) -> None:
        with self._lock:
            self._jobs.pop(job.id, None)

    def close(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        last_tmpfs = 0.0
        while not self._stop.wait(PERIOD_S):
            with self._lock:
                jobs = list(self._jobs.values())
            if not jobs:
                continue
            with_tmpfs = time.monotonic() - last_tmpfs >= TMPFS_PERIOD_S
            if with_tmpfs:
                last_tmpfs = time.monotonic()
            try:
                memory = memory_of({job.pid: job.id for job in jobs if job.pid})
                for job in jobs:
                    if with_tmpfs:
                        job.tmpfs.seen([folder_size(job.folder / path) for path, _ in job.user_job.tmpfs])
                    self._check(job, memory.get(job.id, 0))
            except Exception:
                # Whatever it is: if this thread ended, no job would be held to its limits any more.
                log.exception("looking after the limits of jobs failed")

    def _check(self, job: JobProcess, memory: int) -> None:
        job.max_memory = max(job.max_memory, memory)
        limit, usage = job.user_job.memory_limit, memory + job.tmpfs.size
        if usage > limit:
            attributes = {"usage": usage, "limit": limit, "tmpfs_usage": job.tmpfs.size, "rss": memory}
            job.fail(YtError("Memory limit exceeded", errors.MEMORY_LIMIT, attributes))
        for (path, size), used in zip(job.user_job.tmpfs, job.tmpfs.sizes, strict=True):
            if used > size:
                attributes = {"tmpfs_usage": used, "tmpfs_size": size}
                job.fail(YtError(f'No space left in tmpfs volume "{path}"', attributes=attributes))
        asked = job.interruption
        if asked is not None and time.monotonic() > asked.deadline_s:
            job.abort(asked.timed_out())
        allowed = job.user_job.time_limit_ms
        if allowed and job.started_at and (time.monotonic() - job.started_at) * 1000 > allowed:
            job.fail(YtError("Job time limit exceeded", errors.JOB_TIME_LIMIT, {"limit": allowed}))


def memory_of(roots: dict[int, str]) -> dict[str, int]:
    """Resident bytes by job: its session, and what descends from its first process.

    Shared pages are counted once per job, so forked workers do not count the parent's memory again.
    """
    private: dict[str, int] = defaultdict(int)
    shared: dict[str, int] = defaultdict(int)
    if not Path("/proc/self/statm").exists():
        for pid, job_id in roots.items():
            try:
                parent = psutil.Process(pid)
                for process in [parent, *parent.children(recursive=True)]:
                    private[job_id] += process.memory_info().rss
            except psutil.Error:
                continue
        return private
    page = os.sysconf("SC_PAGE_SIZE")
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        name = entry.name
        if not name.isdigit():
            continue
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            parents[int(name)], sessions[int(name)] = int(fields[1]), int(fields[3])
        except (OSError, ValueError, IndexError):
            continue
    for pid in parents:
        owner, at = roots.get(sessions[pid]), pid
        while owner is None and at in parents and at > 1:
            owner, at = roots.get(at), parents[at]
        if owner is None:
            continue
        try:
            numbers = Path(f"/proc/{pid}/statm").read_text().split()
        except OSError:
            continue
        rss, common = int(numbers[1]) * page, int(numbers[2]) * page
        private[owner] += max(rss - common, 0)
        shared[owner] = max(shared[owner], common)
    return {owner: private[owner] + shared[owner] for owner in private}


def folder_size(folder: Path) -> int:
    total, stack = 0, [str(folder)]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
