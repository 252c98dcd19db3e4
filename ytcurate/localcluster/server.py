"""The process that serves a cluster: its socket, its log, its orderly end."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import socket
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import uvicorn

from ytcurate.localcluster import memory
from ytcurate.localcluster.app import create_app
from ytcurate.localcluster.cluster import Cluster
from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.protocol import Protocol
from ytcurate.localcluster.settings import DEFAULT_PORT, Settings
from ytcurate.localcluster.tokens import RequireToken, read_token, readable_by_others
from ytcurate.localcluster.trailers import Trailers

SERVER_FILE = "server.json"
LOG_FILE = "cluster.log"
KEEP_ALIVE_S = 300
SHUTDOWN_S = 3


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def bind(settings: Settings) -> socket.socket:
    """A listening socket at the port asked for, or at the one this data directory had before.

    Raises:
        YtError: the port asked for is taken.
    """
    if settings.port is not None:
        try:
            return _listen(settings.host, settings.port)
        except OSError as error:
            raise YtError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from None
    wanted = int(read_server_file(settings.data_dir).get("port") or DEFAULT_PORT)
    try:
        return _listen(settings.host, wanted)
    except OSError:
        bound = _listen(settings.host, 0)
        tell(f"port {wanted} is in use; taking {bound.getsockname()[1]}")
        return bound


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(1024)
    except BaseException:
        bound.close()
        raise
    return bound


def read_server_file(data_dir: Path) -> dict[str, Any]:
    """What the last server of this data directory said of itself; {} if there was none."""
    try:
        found = json.loads((data_dir / SERVER_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def proxy_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


class _Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._line, flush=True)


def serve(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    _raise_descriptor_limit()
    try:
        token = _token(settings)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _log_to(settings.data_dir / LOG_FILE)
        cluster = Cluster(settings)
    except YtError as error:
        tell(error.message)
        return 1
    except OSError as error:
        tell(f"cannot use the data directory {settings.data_dir}: {error.strerror}")
        return 1
    try:
        bound = bind(settings)
    except YtError as error:
        tell(error.message)
        cluster.close()
        return 1
    port = int(bound.getsockname()[1])
    url = proxy_url(settings.host, port)
    about = {"pid": os.getpid(), "port": port, "proxy": url, "started": time.time()}
    if settings.token_file is not None:
        about["token_file"] = str(settings.token_file)
    temporary = settings.data_dir / (SERVER_FILE + ".tmp")
    temporary.write_text(json.dumps(about))
    temporary.rename(settings.data_dir / SERVER_FILE)
    if settings.host not in ("127.0.0.1", "localhost", "::1"):
        who = "anyone with the token" if token else "anyone"
        tell(f"listening on {settings.host}: {who} who reaches this port can run commands as {settings.user}")
    try:
        cluster.start()
    except YtError as error:
        tell(error.message)
        cluster.close()
        return 1
    has_gpu_trees = any("gpu" in tree for tree in settings.pool_trees)
    if has_gpu_trees and cluster.scheduler.slots.machine.tell_once():
        tell("no GPU found: GPU pool trees offer one simulated device, without CUDA")
    app = create_app(cluster)
    memory.settle()
    config = uvicorn.Config(
        Trailers(RequireToken(app, token) if token else app),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    # uvicorn raises the signal again once it has shut down; jobs must still be ended after that.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config, f"proxy {url}").run(sockets=[bound])
    cluster.close()
    logging.shutdown()
    # Worker threads may still wait for clients that are gone.
    os._exit(0)


def _token(settings: Settings) -> str:
    """The token every request must carry, "" for none.

    Raises:
        YtError: its file cannot be used.
    """
    if settings.token_file is None:
        return ""
    token = read_token(settings.token_file)
    if readable_by_others(settings.token_file):
        tell(f"others can read the token file {settings.token_file}: chmod 600 it")
    return token


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=10 * 1024 * 1024, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _raise_descriptor_limit() -> None:
    """A job takes a dozen descriptors, a connection one; the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
