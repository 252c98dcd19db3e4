"""Reads that are cut off and go on, and reads of some columns only."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, YtClient

from tests.localcluster.conftest import make_client

MIB = 1024 * 1024


class Cutter:
    """Passes bytes on to a server and cuts the connection of each of the first reads after some of them."""

    def __init__(self, target: str, cuts: list[int]) -> None:
        host, port = target.removeprefix("http://").split(":")
        self.target = (host, int(port))
        self.cuts = cuts
        """After how many bytes of an answer the next reads end."""
        self.reads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.proxy = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, socket.create_connection(self.target) as far:
            left: list[int | None] = [None]
            back = threading.Thread(target=self._pass_back, args=(far, near, left), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while data := near.recv(65536):
                    if b"/read_table" in data:
                        self.reads.append(data)
                        left[0] = self.cuts.pop(0) if self.cuts else None
                    far.sendall(data)

    def _pass_back(self, far: socket.socket, near: socket.socket, left: list[int | None]) -> None:
        with contextlib.suppress(OSError):  # of a client that has hung up
            while data := far.recv(65536):
                if left[0] is not None:
                    data, left[0] = data[: left[0]], left[0] - len(data)
                near.sendall(data)
                if left[0] is not None and left[0] <= 0:
                    for each in (near, far):
                        each.shutdown(socket.SHUT_RDWR)
                    return


@pytest.fixture
def cutter(proxy: str) -> Iterator[Cutter]:
    made = Cutter(proxy, [])
    yield made
    made.close()


@pytest.mark.checked_against("client")
@pytest.mark.parametrize("ranges", [None, [(0, 30), (50, 80)]])
def test_a_read_that_is_cut_off_goes_on_where_it_was(
    client: YtClient, cutter: Cutter, folder: str, ranges: list[tuple[int, int]] | None
) -> None:
    client.write_table(f"{folder}/t", [{"i": i, "pad": "x" * 20_000} for i in range(100)])
    through = make_client(cutter.proxy)
    retries = yt.config.get_config(through)["read_retries"]
    retries["backoff"] = {"policy": "constant_time", "constant_time": 10}
    cutter.cuts = [300_000, 200_000]
    limits = [{"lower_limit": {"row_index": a}, "upper_limit": {"row_index": b}} for a, b in ranges or ()]
    path = TablePath(f"{folder}/t", ranges=limits) if ranges else f"{folder}/t"
    found = [row["i"] for row in through.read_table(path)]
    assert found == [i for low, high in ranges or [(0, 100)] for i in range(low, high)]
    assert len(cutter.reads) == 3
    assert cutter.cuts == []


def resident(path: Path) -> int:
    """Bytes of a file that are in the page cache."""
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        pages = (len(mapped) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        vector = (ctypes.c_ubyte * pages)()
        address = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        asked = libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(len(mapped)), vector)
        assert asked == 0, os.strerror(ctypes.get_errno())
        return sum(each & 1 for each in vector) * mmap.PAGESIZE


@pytest.mark.checked_against("documentation")
def test_columns_that_are_not_asked_for_are_not_read_from_the_disk(start_server: Callable[..., Any]) -> None:
    server = start_server()
    client = server.client()
    schema = [{"name": "id", "type": "int64"}, {"name": "v", "type": "string"}]
    client.create("table", "//tmp/t", attributes={"schema": schema})
    client.write_table("//tmp/t", ({"id": i, "v": b"\xff" * MIB} for i in range(64)))
    (chunk,) = (each for each in (server.data_dir / "chunks").glob("*/*") if each.stat().st_size > 60 * MIB)
    chunk.chmod(0o644)
    with chunk.open("r+b") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if resident(chunk) > 8 * MIB:
        pytest.skip("this file system keeps files in memory, so nothing shows what is read from them")
    assert [row["id"] for row in client.read_table("//tmp/t{id}")] == list(range(64))
    assert resident(chunk) < 8 * MIB
