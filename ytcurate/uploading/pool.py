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
from ytcurate.uploading.messages import Done, Failed, Hashed, Order, Setup, Sign, Verdict

Answer = Hashed | Done | Failed


class CutterDied(Exception):
    """A process ended, or was stopped, while it had an order; the message says why."""

    def __init__(self, message: str, *, is_limit: bool = False) -> None:
        super().__init__(message)
        self.is_limit = is_limit
        """Whether its source took longer than a source may; it would do so again."""


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
        self._is_set_up = False
        self.order: Order | None = None
        self._sign = Sign("writing", -1)
        self._sign_s = 0.0
        """When the last sign of life came."""
        self._source_s = 0.0
        """When the source that it is at was begun."""
        self._start()

    @property
    def ds_index(self) -> int:
        """The source it is at."""
        return self._sign.ds_index

    @property
    def pipe(self) -> Connection:
        """To wait for; only while it has an order."""
        assert self._pipe is not None
        return self._pipe

    def give(self, order: Order) -> None:
        """Give an order to an idle process; it is started if it does not run."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        if not self._is_set_up:
            assert self.setup is not None
            self._send(self.setup)
            self._is_set_up = True
        self.order = order
        self._sign = Sign("writing", -1)
        self._sign_s = self._source_s = time.monotonic()
        self._send(order)

    def read(self) -> Answer | None:
        """Read what it says; None for a sign of life.

        Raises:
            CutterDied: the process is gone.
        """
        try:
            said = self.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise CutterDied(self._why_it_ended()) from error
        now = time.monotonic()
        if isinstance(said, Sign):
            if said.ds_index != self._sign.ds_index:
                self._source_s = now
            self._sign, self._sign_s = said, now
            return None
        self._sign_s = now
        if not isinstance(said, Hashed):
            self.order = None
        return said  # type: ignore[no-any-return]

    def reply(self, verdict: Verdict) -> None:
        """Answer a ``Hashed``."""
        self._send(verdict)

    def require_life(self, limits: SourceLimits) -> None:
        """Stop the process if its source takes longer than a source may.

        Time that passes while rows are written is the cluster's and the wire's; the YT client has limits
        of its own for that.

        Raises:
            CutterDied: it was stopped.
        """
        now = time.monotonic()
        phase = self._sign.phase
        if phase == "writing":
            return
        silent_s, in_all_s = now - self._sign_s, now - self._source_s
        if phase == "cutting" and silent_s > limits.stall_seconds:
            self.stop()
            reason = f"reading it stood still for {limits.stall_seconds:g} s (--stall-seconds)"
            raise CutterDied(reason, is_limit=True)
        if in_all_s > limits.max_seconds:
            self.stop()
            reason = f"{phase} it took more than {limits.max_seconds:g} s (--max-source-seconds)"
            raise CutterDied(reason, is_limit=True)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        if self._errors is not None:
            self._errors.close()
        self._process = self._pipe = self._errors = self.order = None
        self._is_set_up = False

    def _start(self) -> None:
        self.stop()
        ours, theirs = Pipe()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        # Not multiprocessing's own start: that would run the user's main program again in the child.
        command = [sys.executable, "-m", "ytcurate.uploading.cutter", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
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

        self.pipe.send_bytes(dill.dumps(message))

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
