"""Tables as Arrow, Parquet and ORC through the client's own bindings."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as parquet
import pytest
import yt.wrapper as yt
import yt.yson as yson
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtResponseError

from .conftest_helpers import xs

pytestmark = pytest.mark.checked_against("client")

LIST = {"type_name": "optional", "item": {"type_name": "list", "item": "int64"}}
STRUCT = {"type_name": "struct", "members": [{"name": "a", "type": "int64"}]}
COLUMNS: list[tuple[str, Any, Any, Any, Any]] = [
    # name, type_v3, a value, its Arrow type, its value there
    ("small", "int8", -3, pa.int8(), -3),
    ("large", "uint64", yson.YsonUint64(2**63), pa.uint64(), 2**63),
    ("short", "float", 1.5, pa.float32(), 1.5),
    ("real", "double", 2.5, pa.float64(), 2.5),
    ("flag", "bool", True, pa.bool_(), True),
    ("raw", "string", b"\xff", pa.binary(), b"\xff"),
    ("text", "utf8", "т", pa.string(), "т"),
    ("day", "date", yson.YsonUint64(1), pa.date32(), date(1970, 1, 2)),
    ("second", "datetime", yson.YsonUint64(86_400), pa.date64(), date(1970, 1, 2)),
    ("micros", "timestamp", yson.YsonUint64(1), pa.timestamp("us"), datetime(1970, 1, 1, 0, 0, 0, 1)),
    ("lapse", "interval", -5, pa.int64(), -5),
    ("items", LIST, [1], pa.binary(), b"[\x02\x02;]"),
    ("fields", STRUCT, {"a": 1}, pa.binary(), b"[\x02\x02;]"),
]


def stream_of(client: YtClient, path: Any, **options: Any) -> bytes:
    return b"".join(client.read_table(path, format="arrow", raw=True, **options))


@pytest.fixture
def typed(client: YtClient, folder: str) -> str:
    schema = [{"name": name, "type_v3": type_v3} for name, type_v3, *_ in COLUMNS]
    client.create("table", f"{folder}/typed", attributes={"schema": schema})
    client.write_table(f"{folder}/typed", [{name: value for name, _, value, *_ in COLUMNS}])
    return f"{folder}/typed"


@pytest.mark.checked_against("documentation")
def test_columns_have_the_arrow_types_of_a_real_cluster(client: YtClient, typed: str) -> None:
    table = pa.ipc.open_stream(stream_of(client, typed)).read_all()
    assert table.schema.types == [kind for *_, kind, _ in COLUMNS]
    assert table.to_pylist() == [{name: shown for name, *_, shown in COLUMNS}]


def test_a_table_becomes_a_parquet_file(client: YtClient, typed: str, tmp_path: Path) -> None:
    client.dump_parquet(typed, output_path=str(tmp_path / "t.parquet"))
    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == [
        {name: shown for name, *_, shown in COLUMNS}
    ]


def test_parallel_readers_make_one_parquet_file_in_order(
    client: YtClient, folder: str, tmp_path: Path
) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": [{"name": "x", "type": "int64"}]})
    for start in (0, 100, 200):
        client.write_table(f"<append=%true>{folder}/t", [{"x": start + i} for i in range(100)])
    yt.config.get_config(client)["read_parallel"]["enable"] = True
    client.dump_parquet(f"{folder}/t", output_path=str(tmp_path / "t.parquet"))
    assert parquet.read_table(tmp_path / "t.parquet")["x"].to_pylist() == list(range(300))


def test_a_parquet_file_becomes_a_table(client: YtClient, folder: str, tmp_path: Path) -> None:
    columns = {
        "i": pa.array([1, None], pa.int64()),
        "u": pa.array([1, None], pa.uint8()),
        "s": pa.array(["a", None], pa.string()),
        "d": pa.array([1, None], pa.date32()),
        "l": pa.array([[1, None], None], pa.list_(pa.int64())),
        "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "o": pa.array([{"a": 1, "b": None}, None], pa.struct([("a", pa.int64()), ("b", pa.string())])),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
    client.upload_parquet(f"{folder}/t", str(tmp_path / "t.parquet"))
    assert list(client.read_table(f"{folder}/t")) == [
        {"i": 1, "u": 1, "s": "a", "d": 1, "l": [1, None], "m": [["k", 1]], "o": {"a": 1, "b": None}},
        dict.fromkeys("iusdlmo"),
    ]


def test_orc_files_go_both_ways(client: YtClient, folder: str, tmp_path: Path) -> None:
    source = pa.table({"i": pa.array([1, None], pa.int64()), "s": ["a", "b"]})
    pyarrow.orc.write_table(source, str(tmp_path / "in.orc"))
    client.upload_orc(f"{folder}/t", str(tmp_path / "in.orc"))
    client.dump_orc(f"{folder}/t", output_path=str(tmp_path / "out.orc"))
    back = pyarrow.orc.read_table(str(tmp_path / "out.orc"))
    assert back.to_pylist() == [{"i": 1, "s": b"a"}, {"i": None, "s": b"b"}]


@pytest.mark.checked_against("server source")
def test_a_table_without_rows_is_an_empty_stream(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": [{"name": "x", "type": "int64"}]})
    assert stream_of(client, f"{folder}/t") == b""


@pytest.mark.checked_against("server source")
def test_row_and_range_numbers_are_columns(client: YtClient, folder: str) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": [{"name": "x", "type": "int64"}]})
    client.write_table(f"{folder}/t", [{"x": i} for i in range(10)])
    yt.config.get_config(client)["read_retries"]["enable"] = False
    control = {"enable_row_index": True, "enable_range_index": True, "enable_end_of_stream": True}
    data = stream_of(client, f"{folder}/t[#7:#9,#1]", control_attributes=control)
    assert data.endswith(b"\x00\x00\x00\x00")
    table = pa.ipc.open_stream(data).read_all()
    assert table["$row_index"].to_pylist() == [7, 8, 1]
    assert table["$range_index"].to_pylist() == [0, 0, 1]


@pytest.mark.checked_against("server source")
def test_tables_of_a_job_are_streams_that_name_them(client: YtClient, folder: str) -> None:
    for name, value in (("a", 1), ("b", 2)):
        client.create("table", f"{folder}/{name}", attributes={"schema": [{"name": "x", "type": "int64"}]})
        client.write_table(f"{folder}/{name}", [{"x": value}])
    path = TablePath(f"{folder}/out", attributes={"schema": [{"name": "x", "type": "int64"}]})
    script = "tee /dev/stderr"
    operation = client.run_map(
        script, [f"{folder}/a", f"{folder}/b"], path, format="arrow", job_count=1, ordered=True
    )
    assert xs(client, f"{folder}/out") == [1, 2]
    (job,) = client.list_jobs(operation.id)["jobs"]
    raw = client.get_job_stderr(operation.id, job["id"]).read()
    assert raw.count(b"TableId") == 2
    assert raw.count(b"\xff\xff\xff\xff\x00\x00\x00\x00") == 1


def arrow_of(**columns: Any) -> bytes:
    sink = io.BytesIO()
    table = pa.table(columns)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.checked_against("server source")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (arrow_of(x=["text"]), 'Unexpected arrow type "string"'),
        (arrow_of(x=[1])[:-20], "Arrow error occurred: "),
        (b"this is not arrow at all", "Arrow error occurred: "),
    ],
)
def test_broken_arrow_is_refused_and_publishes_nothing(
    client: YtClient, folder: str, data: bytes, message: str
) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": [{"name": "x", "type": "int64"}]})
    client.write_table(f"{folder}/t", [{"x": 7}])
    with pytest.raises(YtResponseError) as caught:
        client.write_table(f"{folder}/t", [data], format="arrow", raw=True)
    assert caught.value.error["message"].startswith(message)
    assert xs(client, f"{folder}/t") == [7]


@pytest.mark.checked_against("nothing")
def test_a_column_outside_the_schema_is_refused_by_name(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"a": 1}])
    with pytest.raises(YtResponseError) as caught:
        stream_of(client, f"{folder}/t")
    assert caught.value.error["message"] == (
        'Format "arrow" needs a table with a schema: column "a" is not in it'
    )
