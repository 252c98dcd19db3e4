import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.download import MissingVideo, RemoteVideo
from ytcurate.sources.find import find_source
from ytcurate.sources.options import SourceOptions

URL = "https://example.org"


def names(source):
    return [video.name for video in source]


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def test_a_text_list_has_paths_beside_it_and_addresses(write, tmp_path):
    write("videos/a.mp4", "x")
    source = find_source(write("list.txt", f"# mine\n\nvideos/a.mp4\n{URL}/b.mp4#t=3\n  {tmp_path}/c.mp4 \n"))
    here, there, missing = source
    assert (here.name, here.video, here.size) == (f"{tmp_path}/videos/a.mp4", tmp_path / "videos/a.mp4", 1)
    assert (there.name, there.video) == (f"{URL}/b.mp4", RemoteVideo(f"{URL}/b.mp4#t=3"))
    with pytest.raises(FileNotFoundError, match=r"c\.mp4"):
        missing.digest()


def test_an_address_that_stands_there_twice_is_one_video(write):
    source = find_source(write("list.txt", f"{URL}/a.mp4\n{URL}/b.mp4\n{URL}/a.mp4\n"))
    assert names(source) == [f"{URL}/a.mp4", f"{URL}/b.mp4"]
    assert source.count == 2


def test_addresses_that_differ_in_secrets_only_have_their_row_in_their_name(write):
    path = write("list.txt", f"{URL}/v?key=cats\n{URL}/v?key=dogs\n{URL}/v?id=7\n")
    whole = names(find_source(path))
    assert whole == [f"{URL}/v?key=*** (row 0)", f"{URL}/v?key=*** (row 1)", f"{URL}/v?id=7"]
    assert names(find_source(path, options=SourceOptions(rows=(1, 2)))) == whole[1:2]


def test_a_csv_list_carries_columns_as_text(write):
    path = write("list.csv", f'﻿n,url,title\n1,{URL}/a.mp4,"One, two"\n2,{URL}/b.mp4,\n')
    source = find_source(path, options=SourceOptions(columns=("n",)))
    assert [(v.name, v.title, v.extra) for v in source] == [
        (f"{URL}/a.mp4", "One, two", {"n": "1"}),
        (f"{URL}/b.mp4", None, {"n": "2"}),
    ]
    assert source.columns == {"n": "utf8"}


def test_a_json_list_carries_columns_of_the_type_of_their_values(write):
    rows = [
        {"clip": f"{URL}/a.mp4", "n": 1, "x": 1, "on": True, "meta": {"who": "Ann", "tags": ["a"]}, "odd": 1},
        {"clip": f"{URL}/b.mp4", "n": None, "x": 0.5, "on": False, "meta": {"who": "Bob"}, "odd": "1"},
    ]
    path = write("list.jsonl", "\n".join(json.dumps(row) for row in rows))
    options = SourceOptions(columns=("*", "meta.who"), title_column="meta.who")
    source = find_source(f"{path}#clip", options=options)
    assert source.columns == {
        **{"n": "int64", "x": "double", "on": "boolean", "meta": "any", "odd": "any", "who": "utf8"}
    }
    first, second = source
    assert (first.title, first.extra["meta"]) == ("Ann", {"who": "Ann", "tags": ["a"]})
    assert second.extra == {
        **{"n": None, "x": 0.5, "on": False, "meta": {"who": "Bob"}, "odd": "1", "who": "Bob"}
    }
    whole = write("list.json", json.dumps(rows, indent=1))
    assert names(find_source(f"{whole}#clip")) == names(source)


def test_a_parquet_list_carries_columns_of_its_types(tmp_path):
    columns = {
        "url": pa.array([f"{URL}/{n}.mp4" for n in range(3)]),
        "views": pa.array([1, 2, 2**63], pa.uint64()),
        "when": pa.array([0, 1, None], pa.timestamp("s")),
        "score": pa.array([0.5, 1, 2], pa.float32()),
        "tags": pa.array([["a"], [], None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    options = SourceOptions(columns=("*",), rows=(1, None))
    source = find_source(f"{tmp_path}/list.parquet", options=options)
    assert source.columns == {"views": "uint64", "when": "utf8", "score": "double", "tags": "any"}
    assert [video.extra for video in source] == [
        {"views": 2, "when": "1970-01-01T00:00:01", "score": 1.0, "tags": []},
        {"views": 2**63, "when": None, "score": 2.0, "tags": None},
    ]
    assert source.count == 2


def test_a_row_without_an_address_becomes_a_row_that_says_so(write, tmp_path):
    path = write("list.csv", f"n,url\n1,\n2,{URL}/b.mp4\n")
    empty, _ = find_source(path)
    assert empty.name == f"{path} row 0"
    with pytest.raises(UnreadableVideo, match="this row names no video"):
        empty.video.fetch(tmp_path)
    assert isinstance(empty.video, MissingVideo)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.txt", "# nothing\n", "this list is empty"),
        ("list.csv", "n,address of it\n1,a.mp4\n", "no video column; its columns are n, address of it"),
        ("list.csv", "url,path\na,b\n", r"2 video columns \(url, path\)"),
        ("list.csv", "url\na,b\n", "row 0 has more values than the 1 columns"),
        ("list.jsonl", '{"url": "a"}\n{"url": \n', "list.jsonl line 2: this is no JSON"),
        ("list.jsonl", '{"url": "a"}\n3\n', "row 1 is int; an object with columns is needed"),
        ("list.jsonl#n", '{"n": 3}\n', 'column "n" does not hold videos: it is whole numbers'),
        ("list.jsonl#film", '{"n": 3}\n', 'there is no column "film"; there are n'),
        ("list.parquet", "no", "list.parquet: this Parquet file cannot be read"),
        ("list.txt", "gs://bucket/a.mp4\n", "gs:// addresses need a package that is not installed"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(write, name, text, message):
    file, _, column = name.partition("#")
    path = write(file, text)
    with pytest.raises(UsageError, match=message):
        find_source(f"{path}#{column}" if column else path)


def test_a_list_that_is_no_text_says_at_which_byte(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"a.mp4\n\xff")
    with pytest.raises(UsageError, match="byte 6 of this file is not"):
        find_source(f"{tmp_path}/list.txt")
