"""The page of commands, the declarations it is made from, and the marks of the tests."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

from ytcurate.localcluster import commands as families
from ytcurate.localcluster import page
from ytcurate.localcluster.option_reads import scheduler_reads
from ytcurate.localcluster.parameters import COMMON_WITHOUT_EFFECT, PARAMETERS, Taken
from ytcurate.localcluster.registry import COMMANDS
from ytcurate.localcluster.scheduler import known_options
from ytcurate.localcluster.scheduler.spec import TYPES

pytestmark = pytest.mark.checked_against("nothing")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = {"documentation", "client", "server source", "nothing"}


def test_the_page_of_commands_is_what_the_server_says_today() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ytcurate.localcluster", "commands"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (DOCS / "local-cluster-commands.md").read_text(), (
        "run `python -m ytcurate.localcluster commands > docs/local-cluster-commands.md`"
    )


def test_the_page_shows_every_command_and_operation_type(proxy: str) -> None:
    text = page.page()
    section = text.partition("## Commands")[2].partition("Accepted without effect")[0]
    listed = {each["name"] for each in requests.get(f"{proxy}/api/v4", timeout=10).json()}
    assert set(re.findall(r"^\| `(\w+)`", section, re.M)) == listed == set(COMMANDS) == set(PARAMETERS)
    assert f"Types: {' '.join(f'`{name}`' for name in TYPES)}." in text


def test_every_declared_parameter_is_read_by_a_handler() -> None:
    places = [Path(str(families.__file__)).parent, Path(str(families.__file__)).parents[1] / "context.py"]
    files = [*places[0].glob("*.py"), places[1]]
    literals = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    declared = {name for takes in PARAMETERS.values() for name in takes.honoured}
    assert declared - literals == set()


def test_no_parameter_is_declared_in_two_ways() -> None:
    for name, takes in PARAMETERS.items():
        assert not set(takes.honoured) & (set(takes.without_effect) | set(takes.only)), name
        assert not set(takes.without_effect) & (set(COMMON_WITHOUT_EFFECT) | set(takes.only)), name


def test_a_handler_cannot_read_what_its_command_does_not_declare() -> None:
    taken = PARAMETERS["exists"].take("exists", {"path": "//tmp", "trace": True})
    assert isinstance(taken, Taken)
    assert taken.get("path") == taken["path"] == "//tmp"
    with pytest.raises(LookupError, match='"exists" reads parameter "force"'):
        taken.get("force")
    with pytest.raises(LookupError, match='"trace"'):
        _ = taken["trace"]


def call(proxy: str, command: str, parameters: dict[str, object]) -> requests.Response:
    headers = {
        "X-YT-Header-Format": "json",
        "X-YT-Parameters": json.dumps({**parameters, "output_format": "json"}),
    }
    return requests.get(f"{proxy}/api/v4/{command}", headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("command", "parameters", "named"),
    [
        ("exists", {"path": "//tmp", "attributes": {"keys": ["a"]}}, "attributes"),
        ("get", {"path": "//tmp", "attributes": {"paths": ["/a/b"]}}, "attributes/paths"),
        ("list_jobs", {"operation_id": "1-2-3-4", "job_competition_id": "5"}, "job_competition_id"),
        (
            "read_table",
            {"path": "//tmp/t", "table_reader": {"sampling_rate": 0.5}},
            "table_reader/sampling_rate",
        ),
    ],
)
def test_a_parameter_that_is_not_implemented_is_refused_by_name(
    proxy: str, command: str, parameters: dict[str, object], named: str
) -> None:
    answer = call(proxy, command, parameters)
    assert answer.status_code == 400
    assert f'Parameter "{named}" of command "{command}"' in answer.json()["message"]


def test_a_count_that_is_no_number_is_refused(proxy: str) -> None:
    refused = call(proxy, "list_operations", {"limit": "x"}).json()
    assert refused["message"] == 'Error reading parameter /limit: expected a number, found "x"'


def test_a_parameter_that_asks_for_nothing_is_accepted(proxy: str) -> None:
    nothing = {"prerequisite_revisions": [], "a": False, "b": None, "c": "", "d": {}}
    assert call(proxy, "exists", {"path": "//tmp", **nothing}).json() == {"value": True}


def test_a_refusal_reaches_the_user_of_the_client_and_of_a_batch(client: YtClient, folder: str) -> None:
    client.set(f"{folder}/a", 1)
    with pytest.raises(YtResponseError, match='"upstream_replica_id" of command "alter_table"'):
        client.alter_table(f"{folder}/a", upstream_replica_id="1-2-3-4")
    batch = client.create_batch_client()
    refused = batch.alter_table(f"{folder}/a", upstream_replica_id="1-2-3-4")
    done = batch.copy(f"{folder}/a", f"{folder}/d", preserve_account=True)
    batch.commit_batch()
    assert "upstream_replica_id" in refused.get_error()["message"]
    assert done.is_ok()
    assert sorted(client.list(folder)) == ["a", "d"]


def test_a_transaction_of_another_type_is_refused(client: YtClient) -> None:
    with pytest.raises(
        YtResponseError, match='"type" of command "start_transaction" with the value \'tablet\''
    ):
        client.start_transaction(type="tablet")


def test_spec_options_are_sorted_by_what_the_scheduler_does() -> None:
    reads = scheduler_reads()
    assert {
        "max_failed_job_count",
        "memory_limit",
        "environment",
        "tmpfs_volumes",
        "time_limit",
        "cpu_limit",
        "weight",
        "pool",
    } <= reads.honoured
    assert {"docker_image", "auto_merge"} <= reads.alerted
    assert "input_query" in reads.refused
    # Nobody looks at these: were one called honoured, the page would promise what is not there.
    assert not {"locality_timeout", "preemption_mode", "title"} & (
        reads.honoured | reads.alerted | reads.refused
    )
    assert reads.alerted >= set(known_options.WITHOUT_EFFECT)


def test_links_of_the_pages_lead_somewhere() -> None:
    for path in DOCS.glob("local-cluster*.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
            assert target.startswith("http") or (path.parent / target).exists(), f"{path.name}: {target}"


def modules() -> list[Path]:
    return sorted((ROOT / "tests" / "localcluster").rglob("test_*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_every_test_says_what_its_expectations_were_checked_against(path: Path) -> None:
    tree = ast.parse(path.read_text())
    of_module = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark"
    ]
    tests = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    for test in tests:
        # The mark of a test goes before that of its module.
        found = [source for each in test.decorator_list for source in sources(each)]
        found = found or [source for each in of_module for source in sources(each)]
        assert len(found) == 1, f"{test.name}: {found}"
        assert set(found) <= SOURCES, test.name


def sources(expression: ast.expr) -> list[str]:
    """Arguments of the `checked_against` marks in an expression."""
    return [
        str(ast.literal_eval(node.args[0]))
        for node in ast.walk(expression)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "checked_against"
    ]
