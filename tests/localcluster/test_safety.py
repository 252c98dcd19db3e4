"""Tokens, and names that try to leave the data directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yt.wrapper as yt
from yt.wrapper import YtClient
from yt.wrapper.errors import YtOperationFailedError, YtResponseError, YtTokenError

from tests.localcluster.conftest import run_module
from ytcurate.localcluster.scheduler import sandbox

pytestmark = pytest.mark.checked_against("documentation")

TOKEN = "a-word-nobody-guesses"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


def with_token(proxy: str, token: str | None) -> YtClient:
    client = YtClient(proxy=proxy, token=token)
    yt.config.get_config(client)["proxy"]["retries"]["enable"] = False
    return client


# ---- tokens


def test_only_the_token_lets_in(start_server: Callable[..., Any], token_file: Path) -> None:
    proxy = start_server("--token-file", str(token_file)).proxy
    client = with_token(proxy, TOKEN)
    # Without the cluster's own advice the client asks for the proxies, and sends no token with that.
    client.set("//sys/client_config/default/@value/enable_proxy_discovery", True)
    client.write_table("//tmp/t", [{"x": 1}])
    client.run_map("cat", "//tmp/t", "//tmp/out", format="json")
    assert list(client.read_table("//tmp/out")) == [{"x": 1}]
    for wrong in ("another", TOKEN + "x", TOKEN[:-1], TOKEN.upper()):
        stranger = with_token(proxy, wrong)
        with pytest.raises(YtTokenError):
            stranger.exists("//tmp")
        with pytest.raises(YtTokenError):
            stranger.get_user_name()
        with pytest.raises(YtTokenError):
            list(stranger.read_table("//tmp/t"))


def test_nobody_loses_a_job_without_the_token(token_server: str) -> None:
    url = f"{token_server}/local/jobs/1-2-3-4/lose"
    body = {"operation_id": "1-2-3-4"}
    assert requests.post(url, json=body, timeout=10).status_code == 401
    answer = requests.post(url, json=body, headers={"Authorization": f"OAuth {TOKEN}"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, 1915)


@pytest.mark.parametrize("path", ["api/v4/get?path=//tmp", "hosts/all", "auth/whoami", "service"])
def test_every_address_asks_for_the_token(token_server: str, path: str) -> None:
    for headers in ({}, {"Authorization": TOKEN}, {"Authorization": "Bearer " + TOKEN}):
        answer = requests.get(f"{token_server}/{path}", headers=headers, timeout=10)
        assert answer.status_code == 401
        assert answer.json()["code"] == 900
        assert int(answer.headers["X-YT-Response-Code"]) == 900
        assert TOKEN not in answer.text
    right = requests.get(f"{token_server}/{path}", headers={"Authorization": "OAuth " + TOKEN}, timeout=10)
    assert right.status_code == 200


@pytest.mark.parametrize("path", ["api", "api/v4", "hosts", "hosts?address_type=http", "ping"])
def test_what_the_client_asks_without_its_token_is_answered(token_server: str, path: str) -> None:
    assert requests.get(f"{token_server}/{path}", timeout=10).status_code == 200


@pytest.fixture(scope="module")
def token_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tests.localcluster.conftest import Server

    folder = tmp_path_factory.mktemp("token")
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    server = Server(folder / "data", "--token-file", str(folder / "token"))
    yield server.proxy
    server.stop()


def test_an_upload_of_a_stranger_changes_nothing(token_server: str) -> None:
    client = with_token(token_server, TOKEN)
    client.write_file("//tmp/f", b"old")
    answer = requests.put(
        f"{token_server}/api/v4/write_file",
        data=(b"x" * 65536 for _ in range(100)),
        headers={"X-YT-Parameters": '{"path":"//tmp/f"}'},
        timeout=20,
    )
    assert answer.status_code == 401
    assert client.read_file("//tmp/f").read() == b"old"


def test_start_and_status_with_a_token(tmp_path: Path, token_file: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    token_file.chmod(0o644)
    started = run_module("start", *place, "--port", "0", "--token-file", str(token_file))
    try:
        assert started.returncode == 0, started.stderr
        assert f"others can read the token file {token_file}" in started.stderr
        proxy = started.stdout.split()[1]
        assert requests.get(f"{proxy}/service", timeout=10).status_code == 401
        assert run_module("status", *place).stdout.splitlines()[0] == f"proxy {proxy}"
        assert TOKEN not in (tmp_path / "data" / "server.json").read_text()
        token_file.write_text("changed")
        changed = run_module("status", *place)
        assert changed.returncode == 1
        assert "another token than the one now in" in changed.stderr
    finally:
        assert run_module("stop", *place).returncode == 0


def test_an_open_cluster_is_not_taken_for_a_closed_one(tmp_path: Path, token_file: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    try:
        assert run_module("start", *place, "--port", "0").returncode == 0
        again = run_module("start", *place, "--token-file", str(token_file))
        assert again.returncode == 1
        assert "runs already, without a token; stop it first" in again.stderr
    finally:
        run_module("stop", *place)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot read the token file"), (" \n", "is empty"), ("two words", "one word of printable ASCII")],
)
def test_a_token_file_without_a_token_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "bad"
    if content is not None:
        path.write_text(content)
    done = run_module("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--token-file", str(path))
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_job_sees_nothing_of_the_token(start_server: Callable[..., Any], token_file: Path) -> None:
    client = with_token(start_server("--token-file", str(token_file)).proxy, TOKEN)
    client.write_table("//tmp/t", [{"x": 1}])
    client.run_map("env | tr '\\n=' ',:' | sed 's/^/text=/'; echo", "//tmp/t", "//tmp/out", format="dsv")
    (row,) = client.read_table("//tmp/out")
    assert "YT_JOB_ID:" in row["text"]
    assert str(token_file) not in row["text"]
    assert "TOKEN" not in row["text"]


def test_others_on_the_network_do_not_reach_it(proxy: str) -> None:
    assert proxy.startswith("http://127.0.0.1:")


# ---- names that lead elsewhere


@pytest.mark.parametrize(
    "name", ["../../escaped", "/tmp/escaped-absolute", "a/../../escaped", "..", ".", "a\0b", "x" * 300]
)
def test_a_file_name_stays_in_the_sandbox(client: YtClient, folder: str, name: str) -> None:
    client.write_table(f"{folder}/in", [{"x": 1}])
    client.write_file(f"{folder}/f", b"data")
    spec = {"mapper": {"file_paths": [yt.YPath(f"{folder}/f", attributes={"file_name": name})]}}
    spec["max_failed_job_count"] = 1  # type: ignore[assignment]
    with pytest.raises(YtOperationFailedError, match="sandbox"):
        client.run_map("cat", f"{folder}/in", f"{folder}/out", format="json", spec=spec)
    assert not Path("/tmp/escaped-absolute").exists()


def test_an_attribute_may_not_name_a_file_outside(client: YtClient, folder: str, proxy_data: Path) -> None:
    client.write_table(f"{folder}/in", [{"x": 1}])
    client.write_file(f"{folder}/f", b"data")
    client.set(f"{folder}/f/@file_name", "../../escaped")
    spec = {"mapper": {"file_paths": [f"{folder}/f"]}, "max_failed_job_count": 1}
    with pytest.raises(YtOperationFailedError, match="leads out of the sandbox"):
        client.run_map("cat", f"{folder}/in", f"{folder}/out", format="json", spec=spec)
    assert list(proxy_data.glob("**/escaped")) == []


@pytest.fixture
def proxy_data(proxy: str) -> Path:
    return Path(requests.get(f"{proxy}/service", timeout=10).json()["data_dir"])


@pytest.mark.parametrize("path", ["/tmp/escaped-tmpfs", "../escaped", "a/../../escaped"])
def test_a_tmpfs_path_stays_in_the_sandbox(client: YtClient, folder: str, path: str) -> None:
    client.write_table(f"{folder}/in", [{"x": 1}])
    volumes = {"mapper": {"tmpfs_volumes": [{"path": path, "size": 1024}]}}
    with pytest.raises(YtResponseError, match="does not point inside the sandbox directory"):
        client.run_map("cat", f"{folder}/in", f"{folder}/out", format="json", spec=volumes)
    assert not Path("/tmp/escaped-tmpfs").exists()


def test_layer_paths_are_never_opened(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/in", [{"x": 1}])
    spec = {"mapper": {"layer_paths": ["//../../../etc/passwd", "//tmp/no-such-layer"]}}
    operation = client.run_map("cat", f"{folder}/in", f"{folder}/out", format="json", spec=spec)
    assert "layer_paths_ignored" in operation.get_attributes()["alerts"]


def test_links_a_job_plants_are_removed_and_not_followed(
    client: YtClient, folder: str, tmp_path: Path, proxy_data: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("precious")
    client.write_table(f"{folder}/in", [{"x": 1}])
    command = f"cat; ln -s {kept} there; mkdir d; ln -s {kept} d/there; ln -s {kept}/file .tmp/f; chmod 000 d"
    client.run_map(command, f"{folder}/in", f"{folder}/out", format="json")
    assert (kept / "file").read_text() == "precious"
    assert list((proxy_data / "sandboxes").iterdir()) == []


def test_a_sandbox_its_job_has_closed_is_removed(tmp_path: Path) -> None:
    """Not as root, whom no permission stops."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (outside / "file").touch()
    place = tmp_path / "sandboxes" / "1-2-3-4"
    (place / "a" / "b").mkdir(parents=True)
    (place / "a" / "b" / "file").touch()
    (place / "link").symlink_to(outside)
    for path in (place / "a" / "b", place / "a"):
        path.chmod(0)
    user = 65534
    if os.getuid() == 0:
        for path in (tmp_path, tmp_path / "sandboxes", place, place / "a"):
            os.chown(path, user, user)
        os.chown(place / "a" / "b", user, user)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(tmp_path)
            if os.getuid() == 0:
                os.setuid(user)
            sandbox.remove(Path("sandboxes/1-2-3-4"))
            os._exit(0)
        except BaseException:  # noqa: BLE001  whatever it is, the child must not go on as pytest
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert not place.exists()
    assert (outside / "file").exists()
    assert outside.stat().st_mode & 0o777 == 0o750


def test_a_link_in_the_place_of_a_sandbox_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (tmp_path / "1-2-3-4").symlink_to(tmp_path / "outside")
    sandbox.remove(tmp_path / "1-2-3-4")
    assert not (tmp_path / "1-2-3-4").exists()
    assert (tmp_path / "outside" / "file").exists()


@pytest.mark.parametrize("path", ["#../../etc/passwd", "#/etc/passwd", "#1-2-3-4/../..", "#.."])
def test_an_object_id_is_no_path_of_the_disk(client: YtClient, path: str) -> None:
    with pytest.raises(YtResponseError) as caught:
        client.get(path + "/@id")
    assert caught.value.contains_code(500)
    with pytest.raises(YtResponseError):
        client.read_file(path)


def test_dots_are_names_in_the_tree(client: YtClient, folder: str) -> None:
    client.write_file(f"{folder}/..", b"dots")
    client.write_table(f"{folder}/%2e%2e", [{"x": 1}])
    assert client.read_file(f"{folder}/..").read() == b"dots"
    assert sorted(client.list(folder)) == ["%2e%2e", ".."]


@pytest.mark.parametrize("md5", ["../../../../etc/passwd", "a/b", "", "0" * 31, "@x"])
def test_an_md5_is_no_path(client: YtClient, folder: str, md5: str) -> None:
    with pytest.raises(YtResponseError, match="32 hexadecimal digits"):
        client.get_file_from_cache(md5, cache_path=folder)
