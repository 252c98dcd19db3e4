"""The table of all subcommands of `yt` is complete, and true."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from yt.cli import yt_binary
from yt.wrapper import YtClient

from tests.localcluster.clients.conftest import YtTool
from tests.localcluster.clients.subcommands import ELSEWHERE, REFUSED, TABLE, WORKS, Refused

pytestmark = pytest.mark.checked_against("client")


def test_every_subcommand_of_the_tool_is_in_the_table_once():
    subparsers = yt_binary._prepare_parser()._subparsers
    known = [*WORKS, *ELSEWHERE, *(name for each in REFUSED for name in each.calls)]
    assert sorted(known) == sorted(subparsers._group_actions[0].choices)


def test_every_subcommand_that_works_has_a_test_that_runs_it():
    run = set()
    for path in Path(__file__).parent.glob("test_yt_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                run.update(subcommand_of(node))
    assert sorted(WORKS - run) == []


def subcommand_of(call: ast.Call) -> list[str]:
    """Of `yt("name", ...)` and of `yt.inside(transaction, "name", ...)`."""
    place = {"yt": 0, "yt.inside": 1}.get(ast.unparse(call.func))
    if place is None or len(call.args) <= place:
        return []
    name = call.args[place]
    return [str(name.value)] if isinstance(name, ast.Constant) else []


@pytest.fixture(scope="module", autouse=True)
def table(proxy: str) -> None:
    YtClient(proxy=proxy).write_table(TABLE, [{"x": 1}])


@pytest.mark.parametrize("group", REFUSED, ids=lambda group: group.reason)
def test_what_the_local_cluster_lacks_is_refused_by_name(yt: YtTool, group: Refused):
    for name, arguments in group.calls.items():
        refusal = yt(name, *arguments, code=1).err
        assert (group.named or name.replace("-", "_")) in refusal, refusal
        assert "Internal error" not in refusal
