"""The `yt` tool, run against the tests' cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yt.yson as yson
from yt.wrapper import YtClient


@dataclass(frozen=True)
class Output:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def value(self) -> object:
        """What was printed, as YSON."""
        return yson.yson_to_json(yson.loads(self.out.encode()))


class YtTool:
    """`yt(subcommand, arguments...)`: what the console script prints and how it ends."""

    def __init__(self, proxy: str) -> None:
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("yt_server.py"))],
            env={**os.environ, "YT_PROXY": proxy},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, input: str = "", code: int = 0) -> Output:
        """Run it; `code` is the exit code it must have, and nothing of it may be a traceback."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([arguments, input]) + "\n")
        self._server.stdin.flush()
        done = Output(**json.loads(self._server.stdout.readline()))
        assert (done.code, "Traceback" in done.err) == (code, False), (arguments, done.out, done.err)
        return done

    def inside(self, transaction: str, *arguments: str) -> Output:
        """Run it in a transaction."""
        return self("--tx", transaction, *arguments)

    def stop(self) -> None:
        self._server.communicate(timeout=30)


@pytest.fixture(scope="session")
def yt(proxy: str) -> Iterator[YtTool]:
    tool = YtTool(proxy)
    yield tool
    tool.stop()


@pytest.fixture
def table(client: YtClient, folder: str) -> str:
    """Three rows, not sorted."""
    client.write_table(f"{folder}/t", [{"k": 2, "v": "b"}, {"k": 1, "v": "a"}, {"k": 2, "v": "c"}])
    return f"{folder}/t"
