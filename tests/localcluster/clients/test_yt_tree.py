"""Subcommands of `yt` on the tree, in transactions, and about the cluster."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.localcluster.clients.conftest import YtTool

pytestmark = pytest.mark.checked_against("client")

ID = r"[0-9a-f]+(-[0-9a-f]+){3}"


def test_nodes_are_made_shown_and_removed(yt: YtTool, folder: str):
    assert re.fullmatch(ID, yt("create", "map_node", f"{folder}/a/b", "--recursive").out.strip())
    assert yt("exists", f"{folder}/a/b").out == "true\n"
    assert yt("list", f"{folder}/a").lines == ["b"]
    assert re.fullmatch(r" +map_node +tmp .+ b", yt("list", "-l", f"{folder}/a").lines[0])
    assert json.loads(yt("list", folder, "--format", "json").out) == ["a"]
    assert yt("list", "/").lines == ["home", "sys", "tmp"]
    yt("remove", f"{folder}/a", "--recursive")
    assert yt("exists", f"{folder}/a").out == "false\n"


def test_values_and_attributes_are_set_and_read(yt: YtTool, folder: str):
    yt("set", f"{folder}/map", "{list=[1;2.5];word=x}")
    assert yt("get", f"{folder}/map").value == {"list": [1, 2.5], "word": "x"}
    yt("set", f"{folder}/map/word", "--format", "json", input='"y"')
    assert json.loads(yt("get", f"{folder}/map", "--format", "json").out)["word"] == "y"
    yt("set-attribute", folder, "mine", "7")
    assert yt("get", f"{folder}/@mine").out == "7\n"
    yt("remove-attribute", folder, "mine")
    assert yt("exists", f"{folder}/@mine").out == "false\n"


def test_nodes_are_copied_moved_linked_and_found(yt: YtTool, folder: str, table: str):
    yt("copy", table, f"{folder}/copy")
    yt("move", f"{folder}/copy", f"{folder}/moved")
    yt("link", f"{folder}/moved", f"{folder}/link")
    assert yt("get", f"{folder}/link&/@target_path").value == f"{folder}/moved"
    assert yt("get", f"{folder}/link/@row_count").out == "3\n"
    found = yt("find", folder, "--type", "table").lines
    assert sorted(found) == [f"{folder}/moved", table]
    assert yt("find", folder, "--name", "li*").lines == [f"{folder}/link"]


def test_transactions_and_locks(yt: YtTool, folder: str, table: str):
    first, second = (yt("start-tx", "--timeout", "60000").out.strip() for _ in range(2))
    yt("ping-tx", first)
    assert re.search(ID, yt.inside(first, "lock", table, "--mode", "exclusive").out)
    refused = yt("--tx", second, "lock", table, code=1)
    assert "lock is taken by concurrent transaction" in refused.err
    yt.inside(first, "unlock", table)
    yt.inside(first, "create", "table", f"{folder}/new")
    yt("commit-tx", first)
    yt.inside(second, "create", "table", f"{folder}/lost")
    yt("abort-tx", second)
    assert sorted(yt("list", folder).lines) == ["new", "t"]
    assert "No such transaction" in yt("ping-tx", first, code=1).err


def test_errors_are_told_in_the_words_of_the_cluster(yt: YtTool, folder: str):
    missing = yt("get", f"{folder}/no", code=1)
    assert missing.err.splitlines()[:2] == [
        f"Error resolving path {folder}/no",
        f'    Node {folder} has no child with key "no"',
    ]


def test_commands_are_run_by_their_name(yt: YtTool, folder: str):
    answer = yt("execute", "get", f'{{path="{folder}/@type";output_format=json}}').out
    assert json.loads(answer) == {"value": "map_node"}
    exists = f'{{command=exists;parameters={{path="{folder}"}}}}'
    missing = f'{{command=get;parameters={{path="{folder}/no"}}}}'
    results = yt("execute-batch", exists, missing).value["results"]
    assert results[0] == {"output": {"value": True}}
    assert results[1]["error"]["code"] == 500


def test_a_command_runs_while_a_lock_is_held(yt: YtTool, folder: str):
    assert yt("run-command-with-lock", f"{folder}/lock", "echo", "ran").out == "ran\n"
    assert yt("get", f"{folder}/lock/@type").value == "map_node"


def test_what_the_cluster_says_of_itself(yt: YtTool, folder: str):
    assert yt("whoami").out == "tester\n"
    assert yt("check-permission", "tester", "write", folder).value == {"action": "allow"}
    assert "lz4" in yt("get-features").value["compression_codecs"]
    assert int(yt("generate-timestamp").out) > 1 << 60


def test_what_the_tool_knows_alone(yt: YtTool):
    assert "job_count" in yt("show-spec", "map").out
    assert yt("show-default-config").value["proxy"]["default_suffix"] == ""
    assert "table" in yt("explain-id", "--local", "1-2-10191-4").out
    assert yt("detect-porto-layer").out == "-\n"


@pytest.mark.checked_against("server source")
def test_members_and_accounts(yt: YtTool):
    yt("execute", "create", "{type=group;attributes={name=readers};output_format=json}")
    yt("add-member", "tester", "readers")
    assert yt("get", "//sys/groups/readers/@members").value == ["tester"]
    yt("remove-member", "tester", "readers")
    assert yt("get", "//sys/groups/readers/@members").value == []
    yt("create-account", "research")
    assert yt("exists", "//sys/accounts/research").out == "true\n"


@pytest.mark.checked_against("documentation")
def test_a_pool_is_made(yt: YtTool):
    yt("create-pool", "mine", "default", "--weight", "2")
    assert yt("get", "//sys/pool_trees/default/mine/@weight").value == 2.0


def test_the_console_script_reads_pipes(proxy: str, folder: str):
    script = str(Path(sys.executable).parent / "yt")
    command = f'echo hello | "{script}" --proxy {proxy} write-file {folder}/f'
    subprocess.run(["bash", "-c", command], check=True, timeout=60)
    read = subprocess.run(
        [script, "--proxy", proxy, "read-file", f"{folder}/f"], check=True, timeout=60, capture_output=True
    )
    assert read.stdout == b"hello\n"
