"""The `yt` command line against the local cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.checked_against("client")


def yt(proxy: str, *arguments: str, data: bytes = b"") -> bytes:
    tool = Path(sys.executable).parent / "yt"
    environment = {**os.environ, "YT_PROXY": proxy}
    done = subprocess.run(
        [sys.executable, str(tool), *arguments], input=data, capture_output=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_cli_lists_creates_writes_reads_and_maps(proxy: str, folder: str) -> None:
    assert b"tmp" in yt(proxy, "list", "//").split()
    yt(proxy, "create", "table", f"{folder}/t")
    rows = b'{"x":1,"s":"a"}\n{"x":2,"s":"b"}\n'
    yt(proxy, "write", f"{folder}/t", "--format", "json", data=rows)
    yt(proxy, "map", "cat", "--src", f"{folder}/t", "--dst", f"{folder}/u", "--format", "json")
    got = [json.loads(line) for line in yt(proxy, "read", f"{folder}/u", "--format", "json").splitlines()]
    assert got == [{"x": 1, "s": "a"}, {"x": 2, "s": "b"}]
    assert b"x=1" in yt(proxy, "read", f"{folder}/u", "--format", "dsv")


def test_the_cli_uploads_and_downloads(proxy: str, folder: str) -> None:
    yt(proxy, "upload", f"{folder}/f", data=b"bytes\xff")
    assert yt(proxy, "download", f"{folder}/f") == b"bytes\xff"
    assert yt(proxy, "get", f"{folder}/f/@type").strip() == b'"file"'
    assert b"file" in yt(proxy, "list", "-l", folder)
    assert f"{folder}/f" in yt(proxy, "find", folder, "--type", "file").decode()


@pytest.mark.checked_against("documentation")
def test_formats_of_text_tools_go_both_ways(proxy: str, folder: str) -> None:
    schema = "<schema=[{name=a;type=int64};{name=b;type=string}]>"
    form = "<columns=[b;a];enable_string_to_all_conversion=%true>schemaful_dsv"
    yt(proxy, "write-table", f"{schema}{folder}/t", "--format", form, data=b"x\t1\ny\t2\n")
    assert (
        yt(proxy, "read-table", f"{folder}/t", "--format", "<columns=[a;b]>schemaful_dsv") == b"1\tx\n2\ty\n"
    )
    assert yt(proxy, "read-table", f"{folder}/t", "--format", "dsv") == b"a=1\tb=x\na=2\tb=y\n"
    yt(proxy, "write-table", f"{folder}/u", "--format", "yamr", data=b"k\tv\n")
    assert yt(proxy, "read-table", f"{folder}/u", "--format", "<has_subkey=%true>yamr") == b"k\t\tv\n"
