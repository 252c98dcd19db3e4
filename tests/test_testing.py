"""The fixtures for other projects, used by a project of a stranger in a pytest of its own."""

import subprocess
import sys
import tomllib
from pathlib import Path

import psutil
import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent.parent
STRANGER = """
import urllib.request

import pytest
import yt.wrapper as yt


def longer(row):
    yield {"word": row["word"], "length": len(row["word"])}


def test_a_map_runs(yt_client, yt_directory):
    yt_client.write_table(f"{yt_directory}/words", [{"word": "a"}, {"word": "bcd"}])
    yt_client.run_map(longer, f"{yt_directory}/words", f"{yt_directory}/lengths")
    rows = sorted(yt_client.read_table(f"{yt_directory}/lengths"), key=lambda row: row["word"])
    assert rows == [{"word": "a", "length": 1}, {"word": "bcd", "length": 3}]


directories = []


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_directory_of_its_own(yt_client, yt_directory, turn):
    assert yt_client.list(yt_directory) == []
    yt_client.set(f"{yt_directory}/left", turn)
    directories.append(yt_directory)


def test_directories_are_removed(yt_client, yt_cluster):
    assert len(set(directories)) == 2
    assert not any(yt_client.exists(each) for each in directories)
    with open("cluster.txt", "w") as file:
        file.write(str(yt_cluster.data_dir))
"""


@pytest.fixture
def stranger(pytester, monkeypatch):
    """A project with one test file; it sees our package and no cluster of ours."""
    for name in ("YT_PROXY", "YT_TOKEN", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(test_stranger=STRANGER)
    return pytester


def run(pytester, *arguments):
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_a_stranger_creates_a_table_and_runs_a_map_and_the_cluster_is_stopped(stranger):
    stranger.makeconftest('pytest_plugins = ["ytcurate.testing"]')
    run(stranger).assert_outcomes(passed=4)
    data_dir = (stranger.path / "cluster.txt").read_text()
    assert (Path(data_dir) / "state.sqlite").exists()
    left = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"]]
    assert [cmdline for cmdline in left if data_dir in cmdline] == []


def test_the_entry_point_brings_the_fixtures_once_and_starts_nothing_by_itself(stranger, monkeypatch):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    about = stranger.mkdir("installed-1.dist-info")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1\n")
    lines = [f"{name} = {module}" for name, module in declared.items()]
    (about / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{stranger.path}")
    for conftest in ("", 'pytest_plugins = ["ytcurate.testing"]'):
        stranger.makeconftest(conftest)
        shown = run(stranger, "--fixtures")
        for name in ("yt_cluster", "yt_client", "yt_directory"):
            shown.stdout.re_match_lines_random([rf"{name}\b.* -- .*testing\.py:\d+"])
        assert shown.ret == 0


def test_without_ytcurate_loaded_there_is_no_such_fixture(stranger):
    result = run(stranger, "-p", "no:ytcurate.testing", "-k", "map")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'yt_client' not found*"])


def test_a_cluster_that_does_not_start_says_why(stranger):
    stranger.makeconftest(
        """
        import ytcurate.testing
        from ytcurate.testing import *  # noqa
        run = ytcurate.testing._run
        ytcurate.testing._run = lambda action, place, *options: run(action, place, "--port", "1x")
        pytest_plugins = ["ytcurate.testing"]
        """
    )
    result = run(stranger, "-k", "map")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*invalid int value: '1x'*"])


def test_the_plugin_imports_no_client_and_nothing_heavy():
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import ytcurate.testing; print(*set(sys.modules) - before)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert sorted(loaded.split()) == ["ytcurate", "ytcurate.testing"]
