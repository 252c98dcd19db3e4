"""Start a cluster in the background, ask how it is, stop it.

These functions, and the same commands of `python -m ytcurate.localcluster`, are all the rest of the
world needs besides the proxy's URL.
"""

from __future__ import annotations

import contextlib
import fcntl
import http
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.server import LOG_FILE, read_server_file
from ytcurate.localcluster.tokens import read_token

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05


class LifecycleError(Exception):
    """One sentence for the user."""


@dataclass(frozen=True)
class Status:
    proxy: str
    data_dir: Path
    pid: int
    uptime_s: float
    profile: str
    pool_trees: list[str]
    running_operations: list[str]


def is_running(data_dir: Path) -> bool:
    """Does a live process hold this data directory? A pid file alone proves nothing."""
    try:
        with (data_dir / "lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _ask(proxy: str, token_file: str | None) -> dict[str, Any] | None:
    # No proxy from the environment: it is this machine we talk to.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        headers = {"Authorization": f"OAuth {read_token(Path(token_file))}"} if token_file else {}
        with opener.open(urllib.request.Request(f"{proxy}/service", headers=headers), timeout=5) as answer:
            found = json.loads(answer.read())
    except YtError as error:
        raise LifecycleError(f"the local cluster runs, but asks for a token: {error.message}") from None
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.UNAUTHORIZED:
            raise LifecycleError(
                f"the local cluster runs with another token than the one now in {token_file}"
            ) from None
        return None
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return found if isinstance(found, dict) else None


def status(data_dir: Path) -> Status | None:
    """The running cluster of a data directory, None if there is none that answers.

    Raises:
        LifecycleError: it asks for a token, and its token file does not help.
    """
    if not is_running(data_dir):
        return None
    about = read_server_file(data_dir)
    answer = _ask(str(about.get("proxy", "")), about.get("token_file")) if about else None
    if answer is None or Path(answer["data_dir"]).resolve() != data_dir.resolve():
        return None
    return Status(
        str(about["proxy"]),
        data_dir,
        int(answer["pid"]),
        float(answer["uptime_s"]),
        str(answer["profile"]),
        list(answer["pool_trees"]),
        list(answer["running_operations"]),
    )


def start(data_dir: Path, arguments: list[str], token_file: Path | None = None) -> tuple[Status, bool]:
    """Start a cluster in the background unless one runs; returns it and whether it is new.

    Args:
        arguments: further options of `python -m ytcurate.localcluster serve`.
        token_file: holds the token every request must carry.

    Raises:
        LifecycleError: it did not come up; the message ends with what it said.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    if is_running(data_dir):
        running = _wait_until_up(data_dir, None, None)
        has = read_server_file(data_dir).get("token_file")
        if token_file is not None and str(token_file) != has:
            how = f"with the token in {has}" if has else "without a token"
            raise LifecycleError(f"the local cluster of {data_dir} runs already, {how}; stop it first")
        return running, False
    if token_file is not None:
        arguments = [*arguments, "--token-file", str(token_file)]
    log = data_dir / "start.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "ytcurate.localcluster", "serve", "--data-dir", str(data_dir), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    up = _wait_until_up(data_dir, process, log)
    for line in log.read_text(errors="replace").splitlines():
        if not line.startswith("proxy "):
            print(line, file=sys.stderr)
    return up, True


def _wait_until_up(data_dir: Path, process: subprocess.Popen[bytes] | None, log: Path | None) -> Status:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = status(data_dir)
        if found is not None:
            return found
        if process is not None and process.poll() is not None:
            said = log.read_text(errors="replace").strip() if log is not None else ""
            raise LifecycleError(
                f"the local cluster did not start: {said or f'exit code {process.returncode}'}"
            )
        time.sleep(POLL_S)
    raise LifecycleError(
        f"the local cluster of {data_dir} does not answer after {START_TIMEOUT_S:.0f} s; "
        f"see {data_dir / LOG_FILE}"
    )


def stop(data_dir: Path) -> bool:
    """Stop the cluster and wait until its process is gone; False if none was running.

    Raises:
        LifecycleError: it would not go.
    """
    if not is_running(data_dir):
        return False
    # Written by the process that holds the lock, so never somebody else's number.
    pid = int((data_dir / "lock").read_text() or 0)
    if not pid:
        raise LifecycleError(f"{data_dir} is in use, but its process is unknown")
    for signal_number, patience in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not is_running(data_dir):
                return True
            time.sleep(POLL_S)
    raise LifecycleError(f"process {pid} of the local cluster does not end")
