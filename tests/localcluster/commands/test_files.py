"""Files and the cache of job files."""

from __future__ import annotations

import hashlib
import io

import pytest
from yt.wrapper import YtClient
from yt.wrapper.errors import YtResponseError

pytestmark = pytest.mark.checked_against("client")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_empty_bodies_are_taken_and_the_connection_goes_on(
    client: YtClient, folder: str, encoding: str
) -> None:
    client.config["proxy"]["content_encoding"] = encoding
    client.config["write_retries"]["enable"] = False
    for number in range(3):
        client.write_file(f"{folder}/f{number}", b"")
        client.write_table(f"{folder}/t{number}", [])
        assert client.read_file(f"{folder}/f{number}").read() == b""
        assert list(client.read_table(f"{folder}/t{number}")) == []


def test_a_file_comes_back_whole_and_in_part(client: YtClient, folder: str) -> None:
    data = bytes(range(256)) * 20_000
    client.write_file(f"{folder}/f", io.BytesIO(data))
    assert client.read_file(f"{folder}/f").read() == data
    assert client.read_file(f"{folder}/f", offset=1_000_000, length=10).read() == data[1_000_000:1_000_010]
    assert client.get(f"{folder}/f/@uncompressed_data_size") == len(data)


def test_an_empty_file_is_a_file(client: YtClient, folder: str) -> None:
    client.write_file(f"{folder}/f", io.BytesIO(b""))
    assert client.read_file(f"{folder}/f").read() == b""


def test_the_cache_finds_a_file_by_its_md5(client: YtClient, folder: str) -> None:
    data = b"weights"
    md5 = hashlib.md5(data).hexdigest()
    cache = f"{folder}/cache"
    assert not client.get_file_from_cache(md5, cache_path=cache)
    client.write_file(f"{folder}/f", io.BytesIO(data), compute_md5=True)
    client.create("map_node", cache)
    kept = client.put_file_to_cache(f"{folder}/f", md5, cache_path=cache)
    client.remove(f"{folder}/f")
    assert client.get_file_from_cache(md5, cache_path=cache) == kept == f"{cache}/{md5[-2:]}/{md5}"
    assert client.read_file(kept).read() == data


def test_the_cache_refuses_another_md5(client: YtClient, folder: str) -> None:
    client.write_file(f"{folder}/f", io.BytesIO(b"x"), compute_md5=True)
    client.create("map_node", f"{folder}/cache")
    with pytest.raises(YtResponseError, match="expected"):
        client.put_file_to_cache(f"{folder}/f", "0" * 32, cache_path=f"{folder}/cache")
