import subprocess
import sys
import tarfile
from types import ModuleType

import pytest

from ytcurate.config import MIB
from ytcurate.errors import UsageError
from ytcurate.mappers import describe
from ytcurate.operations import submit
from ytcurate.operations.archive import ArchiveSize, is_users_own, measure_archive, shipping

BARE = [sys.executable, "-I", "-S", "-c"]
"""A Python that has its standard library and nothing that was ever installed."""


@pytest.fixture
def client(client):
    """As of a cluster whose jobs have an image of their own: the local one lends them our packages."""
    client.config["pickling"]["ignore_system_modules"] = False
    return client


def pack(client, folder):
    """Pack what a job would get, by the client itself; returns the archive's size and unpacks it."""
    from yt.wrapper.py_wrapper import TempfilesManager, create_modules_archive_default

    with TempfilesManager(True, str(folder)) as files, shipping(client):
        archives = create_modules_archive_default(files, False, client)
        for archive in archives:
            with tarfile.open(archive["filename"]) as tar:
                tar.extractall(folder / "modules", filter="data")
        return sum((folder / archive["filename"]).stat().st_size for archive in archives)


def test_a_bare_python_runs_what_is_sent(client, tmp_path):
    pack(client, tmp_path)
    modules = tmp_path / "modules"
    assert {path.name for path in modules.iterdir()} >= {"yt", "ytcurate", "yt_yson_bindings"}
    code = (
        f"import sys; sys.path.insert(0, {str(modules)!r});"
        "import yt.wrapper.py_runner_helpers, yt_yson_bindings, ytcurate.config, ytcurate.errors"
    )
    subprocess.run([*BARE, code], check=True, timeout=60)


def test_ytcurate_is_sent_whole_but_for_what_never_runs_in_a_job(client, tmp_path):
    pack(client, tmp_path)
    sent = tmp_path / "modules" / "ytcurate"
    assert (sent / "describers" / "vllm.py").is_file()  # whether or not it was imported here
    assert list(sent.glob("describers/**/*.yaml"))
    assert not [name for name in ("cli", "demo", "localcluster") if (sent / name).exists()]
    assert not list(sent.rglob("__pycache__"))


def test_the_measured_size_is_that_of_the_archive(client, tmp_path):
    measured = measure_archive(client)
    assert measured.sent_bytes == pytest.approx(pack(client, tmp_path), rel=0.25)
    assert measured.sent_bytes < 15 * MIB
    assert max(measured.packages, key=measured.packages.get) == "yt_yson_bindings"


def test_of_imported_modules_only_the_users_own_plain_ones_are_sent(tmp_path):
    def module(name, file=None, **more):
        made = ModuleType(name)
        made.__dict__.update({"__file__": str(file)} if file else {}, **more)
        return made

    assert is_users_own(module("mine", tmp_path / "mine.py"))
    assert is_users_own(module("folder", __path__=[str(tmp_path)]))
    assert not is_users_own(module("mine", tmp_path / "mine.so"))
    assert not is_users_own(module("numpy", tmp_path / "site-packages/numpy/__init__.py"))
    assert not is_users_own(sys.modules["subprocess"])
    assert not is_users_own(module("__main__", tmp_path / "script.py"))
    assert not is_users_own(module("built_in"))


def test_a_module_filter_of_the_users_own_stays(client, tmp_path):
    client.config["pickling"]["module_filter"] = lambda module: module.__name__ == "pytest"
    pack(client, tmp_path)
    assert sorted(path.name for path in (tmp_path / "modules").iterdir()) == ["pytest", "ytcurate"]
    assert set(measure_archive(client).packages) == {"pytest", "ytcurate"}


def test_a_cluster_whose_jobs_have_our_packages_is_sent_only_ytcurate(client):
    client.config["pickling"]["ignore_system_modules"] = True
    assert "yt" not in measure_archive(client).packages
    assert measure_archive(client).sent_bytes < MIB


def test_settings_of_the_client_and_the_program_are_put_back(client, monkeypatch):
    # A process of pytest-xdist has none.
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/some/program.py", raising=False)
    before, program = dict(client.config["pickling"]), sys.modules["__main__"].__file__
    with shipping(client, describe.DescribeMapper):
        assert sys.modules["__main__"].__file__ == program  # a class, not one of our mappers
    with shipping(client, object.__new__(describe.DescribeMapper)):
        assert not hasattr(sys.modules["__main__"], "__file__")
    assert dict(client.config["pickling"]) == before
    assert sys.modules["__main__"].__file__ == program


def test_too_large_an_archive_is_refused_and_says_what_is_large(client, workdir):
    size = ArchiveSize({"torch": 560 * 10**6, "yt": 3 * 10**6, "a": 1, "b": 1, "c": 1})
    with pytest.raises(UsageError, match=r"188 MB compressed, the limit is 21 MB\. .* are torch 560 MB"):
        size.require_at_most(20 * MIB)
    size.require_at_most(200 * MIB)
    with pytest.raises(UsageError, match="--ship-anyway"):
        submit.start(client, "cat", f"{workdir}/a", f"{workdir}/b", spec={}, max_archive_bytes=MIB)


def test_jobs_get_the_memory_that_was_asked_for(client, workdir):
    client.write_table(f"{workdir}/rows", [{"n": 1}])
    asked = {"memory_limit": 10**9}
    done = submit.run(client, count_up, f"{workdir}/rows", f"{workdir}/more", spec={"mapper": asked})
    mapper = client.get_operation(done.operation_id, attributes=["spec"])["spec"]["mapper"]
    assert (mapper["memory_limit"], "tmpfs_size" in mapper) == (10**9, False)
    assert list(client.read_table(f"{workdir}/more")) == [{"n": 2}]


def count_up(row):
    yield {"n": row["n"] + 1}
