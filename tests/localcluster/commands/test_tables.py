"""Table data over HTTP."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yt.wrapper as yt
import yt.yson as yson
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtError, YtResponseError

from .conftest_helpers import another

pytestmark = pytest.mark.checked_against("client")

MIB = 1024 * 1024
MP4 = {"type_name": "tagged", "tag": "video/mp4", "item": "string"}
SCHEMA = [
    {"name": "id", "type": "int64", "required": True},
    {"name": "name", "type": "utf8"},
    {"name": "video", "type_v3": {"type_name": "optional", "item": MP4}},
]


def read(client: YtClient, path: Any, **options: Any) -> list[dict[str, Any]]:
    return list(client.read_table(path, **options))


def test_rows_come_back_as_written(client: YtClient, folder: str) -> None:
    rows = [
        {
            "i": -5,
            "u": yson.YsonUint64(7),
            "d": 1.5,
            "b": True,
            "s": "text",
            "n": None,
            "a": {"k": [1, None]},
        },
        {"bytes": b"\xff\x00\xfe"},
        {},
    ]
    client.write_table(f"{folder}/t", rows)
    got = read(client, f"{folder}/t", format=yt.YsonFormat(encoding=None))
    assert got[0] == {b"i": -5, b"u": 7, b"d": 1.5, b"b": True, b"s": b"text", b"a": {b"k": [1, None]}}
    assert got[1] == {b"bytes": b"\xff\x00\xfe"}
    assert got[2] == {}


@pytest.mark.parametrize("rows", [[], [{"x": 1}]])
def test_zero_and_one_row_are_written(client: YtClient, folder: str, rows: list[dict[str, int]]) -> None:
    client.write_table(f"{folder}/t", [{"x": 9}])
    client.write_table(f"{folder}/t", rows)
    assert read(client, f"{folder}/t") == rows


def test_append_keeps_what_was_there(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.write_table(TablePath(f"{folder}/t", append=True), [{"x": 2}])
    client.write_table(TablePath(f"{folder}/t", append=True), [])
    assert read(client, f"{folder}/t") == [{"x": 1}, {"x": 2}]
    assert client.get(f"{folder}/t/@chunk_count") == 2


@pytest.mark.checked_against("documentation")
def test_a_schema_is_kept_in_both_spellings(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": SCHEMA})
    schema = client.get(f"{folder}/t/@schema")
    assert schema.attributes == {"strict": True, "unique_keys": False}
    assert [(c["name"], c["type"], c["required"]) for c in schema] == [
        ("id", "int64", True), ("name", "utf8", False), ("video", "string", False),
    ]  # fmt: skip
    assert schema[1]["type_v3"] == {"type_name": "optional", "item": "utf8"}
    assert schema[2]["type_v3"]["item"] == {"type_name": "tagged", "tag": "video/mp4", "item": "string"}
    assert client.get(f"{folder}/t/@schema_mode") == "strong"


def test_nulls_of_a_strict_table_are_shown(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": SCHEMA})
    client.write_table(f"{folder}/t", [{"id": 1, "video": b"\xff"}])
    assert read(client, f"{folder}/t", format=yt.YsonFormat(encoding=None)) == [
        {b"id": 1, b"name": None, b"video": b"\xff"}
    ]


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "x"}, 'Invalid type: expected "int64", actual "string"'),
        ({"name": "a"}, 'Required column "id" cannot have "null" value'),
        ({"id": 1, "z": 1}, 'Unknown column "z" in strict schema'),
        ({"id": 1, "name": b"\xff"}, "Not a valid utf8 string"),
    ],
)
def test_a_row_that_breaks_the_schema_is_307_and_nothing_is_written(
    client: YtClient, folder: str, row: dict[str, Any], message: str
) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": SCHEMA})
    client.write_table(f"{folder}/t", [{"id": 1}])
    with pytest.raises(YtResponseError) as caught:
        client.write_table(f"{folder}/t", [{"id": 5}, row])
    assert caught.value.contains_code(307)
    assert message in str(caught.value)
    assert client.row_count(f"{folder}/t") == 1


@pytest.mark.checked_against("server source")
def test_a_row_over_max_row_weight_is_308(client: YtClient, folder: str) -> None:
    row = {"v": b"\xff" * (17 * MIB)}
    with pytest.raises(YtResponseError) as caught:
        client.write_table(f"{folder}/t", [row])
    assert caught.value.contains_code(308)
    client.write_table(f"{folder}/t", [row], table_writer={"max_row_weight": 32 * MIB})
    assert client.row_count(f"{folder}/t") == 1


@pytest.mark.checked_against("documentation")
def test_the_tracto_profile_accepts_800_mebibytes(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}], table_writer={"max_row_weight": 800 * MIB})
    with pytest.raises(YtResponseError, match="Expected <= 1073741824"):
        client.write_table(f"{folder}/t", [{"x": 1}], table_writer={"max_row_weight": 1025 * MIB})


@pytest.mark.checked_against("server source")
def test_the_ytsaurus_profile_stops_at_128_mebibytes(start_server: Callable[..., Any]) -> None:
    client = start_server("--profile", "ytsaurus").client()
    client.write_table("//tmp/t", [{"x": 1}], table_writer={"max_row_weight": 128 * MIB})
    with pytest.raises(YtResponseError, match="Expected <= 134217728"):
        client.write_table("//tmp/t", [{"x": 1}], table_writer={"max_row_weight": 800 * MIB})
    spec = {"job_io": {"table_writer": {"max_row_weight": 800 * MIB}}}
    with pytest.raises(YtResponseError, match="Expected <= 134217728"):
        client.run_map("cat", "//tmp/t", "//tmp/u", format="json", spec=spec)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_bodies_in_every_encoding(proxy: str, folder: str, encoding: str) -> None:
    client = YtClient(proxy=proxy)
    yt.config.get_config(client)["proxy"]["content_encoding"] = encoding
    client.write_table(f"{folder}/t", [{"x": 1}])
    assert read(client, f"{folder}/t") == [{"x": 1}]


def put_rows(proxy: str, path: str, body: Any, **headers: str) -> requests.Response:
    parameters = yson.dumps({"path": path, "input_format": "json"}, yson_format="text").decode()
    sent = {"X-YT-Header-Format": "<format=text>yson", "X-YT-Parameters": parameters, **headers}
    return requests.put(f"{proxy}/api/v4/write_table", data=body, headers=sent, timeout=20)


@pytest.mark.checked_against("server source")
def test_an_unknown_encoding_is_415(client: YtClient, proxy: str, folder: str) -> None:
    client.create("table", f"{folder}/t")
    answer = put_rows(proxy, f"{folder}/t", b"...", **{"Content-Encoding": "z-lz4"})
    assert answer.status_code == 415
    assert "not supported" in answer.json()["message"]


def test_a_body_cut_off_inside_its_encoding_writes_nothing(client: YtClient, proxy: str, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}])
    body = zlib.compress(b'{"x":2}\n' * 1000)[:-8]
    answer = put_rows(proxy, f"{folder}/t", body, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 400
    assert read(client, f"{folder}/t") == [{"x": 1}]


def test_an_error_after_the_stream_began_comes_in_a_trailer(
    start_server: Callable[..., Any],
) -> None:
    server = start_server()
    client = server.client()
    yt.config.get_config(client)["read_retries"]["enable"] = False
    client.write_table("//tmp/t", [{"v": b"\xff" * MIB} for _ in range(4)])
    client.write_table(TablePath("//tmp/t", append=True), [{"v": 1}])
    last = client.get("//tmp/t/@chunk_ids")[-1]
    damaged = next(Path(server.data_dir / "chunks").glob(f"*/{last}"))
    damaged.chmod(0o644)
    damaged.write_bytes(b"not a chunk")
    rows = client.read_table("//tmp/t", raw=True, format="yson")
    with pytest.raises(YtError, match="Internal error of the local cluster"):
        sum(1 for _ in rows)


def test_parallel_write_keeps_the_order(proxy: str, folder: str) -> None:
    client = YtClient(proxy=proxy)
    config = yt.config.get_config(client)
    config["write_parallel"].update({"enable": True, "max_thread_count": 4})
    config["write_retries"]["chunk_size"] = 200
    config["remote_temp_tables_directory"] = f"{folder}/temp"
    client.create("map_node", f"{folder}/temp")
    client.write_table(f"{folder}/t", [{"x": i} for i in range(200)])
    assert read(client, f"{folder}/t") == [{"x": i} for i in range(200)]
    assert client.get(f"{folder}/t/@chunk_count") >= 10


def test_parallel_read_gives_all_rows(proxy: str, folder: str) -> None:
    client = YtClient(proxy=proxy)
    client.write_table(f"{folder}/t", [{"x": i} for i in range(300)])
    yt.config.get_config(client)["read_parallel"].update({"enable": True, "data_size_per_thread": 500})
    assert read(client, f"{folder}/t") == [{"x": i} for i in range(300)]


@pytest.mark.checked_against("nothing")
def test_three_megabyte_cells_are_streamed_in_bounded_memory(start_server: Callable[..., Any]) -> None:
    import psutil

    server = start_server()
    client = server.client()
    schema = [{"name": "id", "type": "int64"}, {"name": "video", "type": "string"}]
    client.create("table", "//tmp/t", attributes={"schema": schema})
    cell = bytes(range(256)) * 12_000
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    client.write_table("//tmp/t", ({"id": i, "video": cell} for i in range(100)))
    used = private_bytes(process) - before
    count = 0
    for row in client.read_table("//tmp/t", format=yt.YsonFormat(encoding=None)):
        assert row[b"video"] == cell
        count += 1
    used = max(used, private_bytes(process) - before)
    assert count == 100
    assert client.get("//tmp/t/@data_weight") == 100 * (len(cell) + 8 + 1)
    assert used < 200 * MIB


def private_bytes(process: Any) -> int:
    """Without mapped files, which the system may drop at any time."""
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


@pytest.mark.checked_against("nothing")
def test_selected_columns_do_not_carry_the_blobs(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"id": i, "v": b"\xff" * 10_000} for i in range(50)])
    raw = client.read_table(f"{folder}/t{{id}}", raw=True, format="json").read()
    assert len(raw) < 1000


@pytest.mark.checked_against("documentation")
def test_concatenate_keeps_order_and_refuses_weak_into_strict(client: YtClient, folder: str) -> None:
    for name in "abc":
        client.write_table(f"{folder}/{name}", [{"x": name}])
    client.concatenate([f"{folder}/b", f"{folder}/a"], f"{folder}/all")
    client.concatenate([f"{folder}/c"], TablePath(f"{folder}/all", append=True))
    assert [row["x"] for row in read(client, f"{folder}/all")] == ["b", "a", "c"]
    client.create("table", f"{folder}/strict", attributes={"schema": [{"name": "x", "type": "string"}]})
    with pytest.raises(YtResponseError) as caught:
        client.concatenate([f"{folder}/a"], f"{folder}/strict")
    assert caught.value.contains_code(316)


@pytest.mark.checked_against("documentation")
def test_alter_table_may_add_a_nullable_column(client: YtClient, folder: str) -> None:
    schema = [{"name": "x", "type": "int64"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.alter_table(f"{folder}/t", schema=[*schema, {"name": "y", "type": "string"}])
    assert read(client, f"{folder}/t") == [{"x": 1, "y": None}]
    with pytest.raises(YtResponseError) as caught:
        client.alter_table(
            f"{folder}/t", schema=[{"name": "x", "type": "string"}, {"name": "y", "type": "string"}]
        )
    assert caught.value.contains_code(316)


def test_columnar_statistics_weigh_columns(client: YtClient, folder: str) -> None:
    schema = [{"name": "id", "type": "int64"}, {"name": "v", "type": "string"}]
    rows = [{"id": i, "v": "x" * 100} for i in range(10)]
    client.write_table(TablePath(f"{folder}/t", schema=schema), rows)
    (found,) = client.get_table_columnar_statistics([f"{folder}/t{{id,v}}"])
    assert found["column_data_weights"] == {"id": 80, "v": 1000}


@pytest.mark.checked_against("documentation")
def test_a_write_killed_half_way_leaves_the_old_table(start_server: Callable[..., Any]) -> None:
    server = start_server()
    client = server.client()
    client.write_table("//tmp/t", [{"x": 1}])

    def rows() -> Any:
        yield from ({"x": i, "pad": b"\xff" * 100_000} for i in range(200))
        server.kill()
        yield {"x": 0}

    yt.config.get_config(client)["write_retries"]["enable"] = False
    # Else the client's pinger would interrupt the whole test run some time later.
    yt.config.get_config(client)["ping_failed_mode"] = "pass"
    with pytest.raises(Exception):  # noqa: B017, PT011
        client.write_table("//tmp/t", rows())
    again = start_server(data_dir=server.data_dir).client()
    assert read(again, "//tmp/t") == [{"x": 1}]
    chunks = list((server.data_dir / "chunks").glob("*/*"))
    assert len(chunks) == 1


@pytest.mark.checked_against("nothing")
def test_a_restart_serves_everything(start_server: Callable[..., Any]) -> None:
    server = start_server()
    client = server.client()
    client.create("table", "//tmp/a/t", recursive=True, attributes={"schema": SCHEMA, "note": {"x": [1]}})
    client.write_table("//tmp/a/t", [{"id": 1, "name": "é"}])
    client.link("//tmp/a/t", "//tmp/l")
    transaction = client.start_transaction(timeout=60_000)
    with client.Transaction(transaction_id=transaction, ping=False):
        client.set("//tmp/inside", 1)
    server.kill()
    again = start_server(data_dir=server.data_dir)
    other = again.client()
    assert read(other, "//tmp/l") == [{"id": 1, "name": "é", "video": None}]
    assert other.get("//tmp/a/t/@note/x/0") == 1
    assert not other.exists("//tmp/inside")
    other.commit_transaction(transaction)
    assert other.get("//tmp/inside") == 1


@pytest.mark.checked_against("nothing")
def test_many_clients_write_and_read_at_once(proxy: str, folder: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def one(index: int) -> int:
        client = YtClient(proxy=proxy)
        path = f"{folder}/t{index}"
        client.write_table(path, ({"x": i} for i in range(50)))
        return sum(row["x"] for row in client.read_table(path))

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(24))) == [1225] * 24


@pytest.mark.checked_against("nothing")
def test_another_client_is_independent(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t")
    assert another(client).exists(f"{folder}/t")
