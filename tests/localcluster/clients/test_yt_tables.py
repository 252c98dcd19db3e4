"""Subcommands of `yt` on the contents of tables and files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.orc as orc
import pyarrow.parquet as parquet
import pytest
from yt.wrapper import YtClient

from tests.localcluster.clients.conftest import YtTool

pytestmark = pytest.mark.checked_against("client")


def test_rows_are_written_and_read_in_several_formats(yt: YtTool, folder: str):
    path = f"{folder}/rows"
    yt("write-table", path, "--format", "json", input='{"k":1,"v":"a"}\n{"k":2,"v":"b"}\n')
    yt("write", f"<append=%true>{path}", "--format", "dsv", input="k=3\tv=c\n")
    yt("write", f"<append=%true>{path}", "--format", "yson", input="{k=4;v=#};")
    assert yt("read-table", f"{path}[:#3]", "--format", "json").lines == [
        '{"k":1,"v":"a"}',
        '{"k":2,"v":"b"}',
        '{"k":"3","v":"c"}',
    ]
    assert yt("read", f"{path}{{v}}[#1:#3]", "--format", "dsv").lines == ["v=b", "v=c"]
    assert yt("read", f"{path}[#2]", "--format", "<format=text>yson").out == '{"k"="3";"v"="c";};\n'
    listed = json.loads(yt("read-table", path, "--format", "json", "--as-json-list").out)
    assert [row["k"] for row in listed] == [1, 2, "3", 4]


@pytest.fixture
def strict(client: YtClient, folder: str) -> str:
    """A table with types: formats of columns can hold it."""
    schema = [{"name": "k", "type": "int64"}, {"name": "v", "type": "string"}]
    client.create("table", f"{folder}/strict", attributes={"schema": schema})
    client.write_table(f"{folder}/strict", [{"k": 1, "v": "a"}, {"k": 2, "v": None}])
    return f"{folder}/strict"


def test_tables_are_joined_altered_and_measured(yt: YtTool, folder: str, strict: str):
    yt("concatenate", "--src", strict, "--src", strict, "--dst", f"{folder}/twice")
    assert yt("get", f"{folder}/twice/@row_count").out == "4\n"
    (measured,) = yt("get-table-columnar-statistics", "--path", f"{strict}{{k,v}}").value
    assert measured["column_data_weights"] == {"k": 16, "v": 1}
    yt("alter-table", strict, "--schema", "[{name=k;type=int64};{name=v;type=string};{name=new;type=any}]")
    assert [each["name"] for each in yt("get", f"{strict}/@schema").value["$value"]] == ["k", "v", "new"]
    made = yt("create-temp-table", "--path", folder).out.strip()
    assert yt("get", f"{made}/@type").value == "table"


def test_a_table_is_compressed_anew(yt: YtTool, folder: str, table: str):
    yt("transform", table, f"{folder}/z", "--compression-codec", "zstd_3", "--optimize-for", "scan")
    assert yt("get", f"{folder}/z/@compression_codec").value == "zstd_3"
    assert yt("get", f"{folder}/z/@row_count").out == "3\n"


def test_files_go_up_and_down(yt: YtTool, folder: str):
    yt("write-file", f"{folder}/f", "--compute-md5", "--executable", input="hello")
    assert yt("read-file", f"{folder}/f", "--offset", "1", "--length", "3").out == "ell"
    assert yt("get", f"{folder}/f/@md5").value == "5d41402abc4b2a76b9719d911017c592"
    assert yt("get", f"{folder}/f/@executable").out == "%true\n"
    yt("upload", f"{folder}/g", input="")
    assert yt("download", f"{folder}/g").out == ""


def test_a_directory_travels_in_a_table(yt: YtTool, folder: str, tmp_path: Path):
    source, copy = tmp_path / "source", tmp_path / "copy"
    (source / "below").mkdir(parents=True)
    (source / "below" / "a.txt").write_text("alpha")
    yt("dirtable", "upload", "--directory", str(source), "--yt-table", f"{folder}/dir")
    assert "below/a.txt" in yt("dirtable", "list-files", "--yt-table", f"{folder}/dir").out
    yt("dirtable", "download", "--directory", str(copy), "--yt-table", f"{folder}/dir")
    assert (copy / "below" / "a.txt").read_text() == "alpha"


@pytest.fixture
def blobs(client: YtClient, folder: str) -> str:
    """Two files as rows: `f` in two parts of up to four bytes, `g` with its parts in disorder."""
    path, ascending = f"{folder}/blobs", {"sort_order": "ascending"}
    schema = [
        {"name": "name", "type": "string", **ascending},
        {"name": "part_index", "type": "int64", **ascending},
        {"name": "data", "type": "string"},
    ]
    client.create("table", path, attributes={"schema": schema})
    parts = [("f", 0, "abcd"), ("f", 1, "ef"), ("g", 0, "abcd"), ("g", 2, "ef")]
    client.write_table(path, [{"name": name, "part_index": i, "data": data} for name, i, data in parts])
    return path


@pytest.mark.checked_against("server source")
def test_a_file_is_read_out_of_a_table_of_blobs(yt: YtTool, blobs: str):
    assert yt("read-blob-table", f"{blobs}[f]", "--part-size", "4").out == "abcdef"
    broken = yt("read-blob-table", f"{blobs}[g]", "--part-size", "4", code=1).err
    assert 'Values of column "part_index" must be consecutive but values 1 and 2 violate' in broken
    assert "Inconsistent part size" in yt("read-blob-table", f"{blobs}[f]", "--part-size", "3", code=1).err
    named = ("--data-column-name", "bytes", "--part-size", "4")
    assert 'Column "bytes" not found' in yt("read-blob-table", f"{blobs}[f]", *named, code=1).err


@pytest.mark.checked_against("documentation")
def test_tables_travel_as_parquet(yt: YtTool, folder: str, strict: str, tmp_path: Path):
    file = str(tmp_path / "rows.parquet")
    yt("dump-parquet", strict, "--output-path", file)
    assert parquet.read_table(file).column("k").to_pylist() == [1, 2]
    yt("upload-parquet", f"{folder}/back", "--input-file", file)
    assert yt("read", f"{folder}/back", "--format", "json").lines == ['{"k":1,"v":"a"}', '{"k":2,"v":null}']


@pytest.mark.checked_against("documentation")
def test_tables_travel_as_orc(yt: YtTool, folder: str, strict: str, tmp_path: Path):
    file = str(tmp_path / "rows.orc")
    yt("dump-orc", strict, "--output-file", file)
    assert orc.read_table(file).column("k").to_pylist() == [1, 2]
    yt("upload-orc", f"{folder}/back", "--input-file", file)
    assert yt("read", f"{folder}/back", "--format", "json").lines == ['{"k":1,"v":"a"}', '{"k":2,"v":null}']
