"""The processes that cut, seen from the one that uploads: started, given orders, stopped when they stall."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection, Pipe
from typing import IO

from ytcurate.config import MIB, SourceLimits
from ytcurate.uploading.heartbeat import Heartbeat
from ytcurate.uploading.messages import Done, Failed, Hashed, Order, Setup, Verdict

Answer = Hashed | Done | Failed


class CutterDied(Exception):
    """A process ended, or was stopped, while it had an order; the message says why."""

    def __init__(self, message: str, *, is_limit: bool = False) -> None:
        super().__init__(message)
        self.is_limit = is_limit
        """Whether its source took longer than a source may; it would do so again."""


_LOOK_AGAIN_S = 0.05

_ENVIRONMENT = {
    # glibc gives memory of a clip's size back to the system each time it is freed, and takes it again for the
    # next one: a thousand page faults for each clip, a sixth of all that a process does.
    "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),
    "MALLOC_TRIM_THRESHOLD_": str(64 * MIB),
}


class CutterProcess:
    """One process, and what it is at.

    It is started at once, since loading what it needs takes as long as looking at a small source.
    """

    def __init__(self) -> None:
        self.setup: Setup | None = None
        """To be given before the first order."""
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._errors: IO[bytes] | None = None
        self._heartbeat: Heartbeat | None = None
        self._is_set_up = False
        self.order: Order | None = None
        self.ds_index = -1
        """Of the source that it was at when it ended."""
        self._start()

    @property
    def pipe(self) -> Connection:
        """To wait for; only while it has an order."""
        assert self._pipe is not None
        return self._pipe

    def give(self, order: Order) -> None:
        """Give an order to an idle process; it is started if it does not run.

        Raises:
            CutterDied: the process is gone already.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        if not self._is_set_up:
            assert self.setup is not None
            self._send(self.setup)
            self._is_set_up = True
        self.order = order
        assert self._heartbeat is not None
        self._heartbeat.give("writing", -1)
        self._send(order)

    def read(self) -> Answer:
        """Read what it says.

        Raises:
            CutterDied: the process is gone.
        """
        try:
            said: Answer = self.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise CutterDied(self._why_it_ended()) from error
        if not isinstance(said, Hashed):
            self.order = None
        return said

    def reply(self, verdict: Verdict) -> None:
        """Answer a ``Hashed``.

        Raises:
            CutterDied: the process is gone.
        """
        self._send(verdict)

    def require_life(self, limits: SourceLimits) -> None:
        """Stop the process if its source takes longer than a source may.

        Time that passes while rows are written is the cluster's and the wire's; the YT client has limits
        of its own for that.

        Raises:
            CutterDied: it was stopped.
        """
        if self._overdue(limits) is None:
            return
        time.sleep(_LOOK_AGAIN_S)  # it may have been about to say more
        reason = self._overdue(limits)
        if reason is not None:
            self.stop()
            raise CutterDied(reason, is_limit=True)

    def _overdue(self, limits: SourceLimits) -> str | None:
        assert self._heartbeat is not None
        sign, now = self._heartbeat.read(), time.monotonic()
        if sign.phase == "writing" or self.order is None:
            return None
        if sign.phase == "cutting" and now - sign.at_s > limits.stall_seconds:
            return f"reading it stood still for {limits.stall_seconds:g} s (--stall-seconds)"
        if now - sign.source_s > limits.max_seconds:
            return f"{sign.phase} it took more than {limits.max_seconds:g} s (--max-source-seconds)"
        return None

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        if self._errors is not None:
            self._errors.close()
        if self._heartbeat is not None:
            self.ds_index = self._heartbeat.read().ds_index
            self._heartbeat.close()
        self._process = self._pipe = self._errors = self._heartbeat = self.order = None
        self._is_set_up = False

    def _start(self) -> None:
        self.stop()
        ours, theirs = Pipe()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        # Not multiprocessing's own start: that would run the user's main program again in the child.
        self._heartbeat = Heartbeat()
        descriptors = (theirs.fileno(), self._heartbeat.descriptor)
        command = [sys.executable, "-m", "ytcurate.uploading.cutter", *map(str, descriptors)]
        self._process = subprocess.Popen(
            command,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            # It must find what this process finds, such as modules beside the user's script.
            env=os.environ
            | _ENVIRONMENT
            | {"PYTHONPATH": os.pathsep.join(place for place in sys.path if place)},
        )
        theirs.close()
        self._pipe = ours

    def _send(self, message: Setup | Order | Verdict) -> None:
        # A source of the user's own may be defined in a notebook, where plain pickle cannot name it.
        import dill

        message_bytes = dill.dumps(message)
        try:
            self.pipe.send_bytes(message_bytes)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise CutterDied(self._why_it_ended()) from error

    def _why_it_ended(self) -> str:
        assert self._process is not None
        assert self._errors is not None
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.stop()
        if code < 0:
            return f"its process was killed by signal {-code}"
        return f"its process ended with code {code}: {said[-1] if said else 'it said nothing'}"
