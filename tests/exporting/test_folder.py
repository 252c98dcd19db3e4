"""Folders that are whole or not there, on this machine and in Cypress."""

import fcntl
import hashlib
import os

import pytest
import yt.wrapper as yt

from ytcurate.errors import UsageError
from ytcurate.exporting.folder import cypress_folder, local_folder


def fill(folder, **files):
    for name, content in files.items():
        with folder.create(f"{name}.parquet".replace("part_", "part-")) as file:
            file.write(content)


def names(place):
    return sorted(each.name for each in place.iterdir())


def test_files_show_when_all_are_there(tmp_path):
    with local_folder(tmp_path / "out", overwrite=False) as folder:
        fill(folder, part_0=b"abc")
        assert names(tmp_path) == ["out.partial"]
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out/part-0.parquet").read_bytes() == b"abc"
    assert (folder.files, folder.bytes) == (1, 3)


def test_a_file_knows_its_size_and_digest(tmp_path):
    with local_folder(tmp_path / "out", overwrite=False) as folder, folder.create("data/x") as file:
        file.write(b"abc")
        file.write(memoryview(b"def"))
    assert (file.size, file.tell(), file.closed) == (6, 6, True)
    assert file.sha256 == hashlib.sha256(b"abcdef").hexdigest()


def test_after_an_error_nothing_is_left_and_what_was_there_stays(tmp_path):
    with local_folder(tmp_path / "out", overwrite=False) as folder:
        fill(folder, part_0=b"old")
    with pytest.raises(TypeError), local_folder(tmp_path / "out", overwrite=True) as folder:
        fill(folder, part_0=b"new", part_1="no bytes")
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out/part-0.parquet").read_bytes() == b"old"


def test_a_killed_export_is_begun_anew(tmp_path):
    (tmp_path / "out.partial/data").mkdir(parents=True)
    (tmp_path / "out.partial/data/train-0.parquet").write_bytes(b"half")
    with local_folder(tmp_path / "out", overwrite=False) as folder:
        fill(folder, part_0=b"abc")
    assert names(tmp_path / "out") == ["part-0.parquet"]


def test_an_export_is_replaced_only_when_asked(tmp_path):
    for content in (b"old", b"new"):
        with local_folder(tmp_path / "out", overwrite=content == b"new") as folder:
            fill(folder, part_0=content)
    assert (tmp_path / "out/part-0.parquet").read_bytes() == b"new"
    with (
        pytest.raises(UsageError, match=r"holds an export already \(part-0.*Use --overwrite"),
        local_folder(tmp_path / "out", overwrite=False),
    ):
        pass


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").write_text("years of work")
    with (
        pytest.raises(UsageError, match=r"holds 'chapter\.tex', which no export writes"),
        local_folder(tmp_path / "thesis", overwrite=True),
    ):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), local_folder(tmp_path / "file", overwrite=True):
        pass
    assert names(tmp_path) == ["file", "thesis"]


def test_two_exports_into_one_place_do_not_mix(tmp_path):
    (tmp_path / "out.partial").mkdir()
    held = os.open(tmp_path / "out.partial", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with (
            pytest.raises(UsageError, match="another export is writing there"),
            local_folder(tmp_path / "out", overwrite=True),
        ):
            pass
    finally:
        os.close(held)


def test_in_cypress_files_show_with_the_transaction_or_never(client, workdir):
    path = f"{workdir}/deep/out"
    with (
        pytest.raises(TypeError),
        yt.Transaction(client=client),
        cypress_folder(path, overwrite=False, client=client) as folder,
    ):
        fill(folder, part_0=b"abc", part_1="no bytes")
    assert client.list(workdir) == []
    for content in (b"old", b"new"):
        with (
            yt.Transaction(client=client),
            cypress_folder(path, overwrite=content == b"new", client=client) as folder,
        ):
            fill(folder, part_0=content)
            with folder.create("clips/0/1.mp4") as file:
                file.write(content * 2)
    assert client.read_file(f"{path}/part-0.parquet").read() == b"new"
    assert client.read_file(f"{path}/clips/0/1.mp4").read() == b"newnew"
    assert (folder.files, folder.bytes) == (2, 9)


def test_in_cypress_what_is_there_is_refused(client, workdir):
    client.create("map_node", f"{workdir}/full/strange", recursive=True)
    client.create("table", f"{workdir}/table")
    for path, words in (
        (f"{workdir}/full", "holds 'strange'"),
        (f"{workdir}/table", "is a table"),
        (f"{workdir}/", "a directory of its own"),
    ):
        with (
            pytest.raises(UsageError, match=words),
            yt.Transaction(client=client),
            cypress_folder(path, overwrite=True, client=client),
        ):
            pass


def test_in_cypress_two_exports_into_one_place_do_not_mix(client, proxy, workdir):
    other = yt.YtClient(config={"proxy": {"url": proxy}})
    path = f"{workdir}/out"
    with (
        yt.Transaction(client=other),
        cypress_folder(path, overwrite=False, client=other),
        pytest.raises(UsageError, match="another export is writing there"),
        yt.Transaction(client=client),
        cypress_folder(path, overwrite=False, client=client),
    ):
        pass
