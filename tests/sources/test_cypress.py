import pytest

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.find import find_source
from ytcurate.sources.options import SourceOptions

VIDEOS = [b"plain text, which YSON gives as a string", b"\x00\xff\xfe bytes", "видео".encode()]


@pytest.fixture
def write(client, workdir):
    def write(schema, rows, name="videos"):
        path = f"{workdir}/{name}"
        client.create("table", path, attributes={"schema": schema})
        client.write_table(path, rows, raw=False)
        return path

    return write


def column(name, item, tag=None):
    tagged = {"type_name": "tagged", "tag": tag, "item": item} if tag else item
    return {"name": name, "type_v3": {"type_name": "optional", "item": tagged}}


def test_a_table_of_whole_videos_gives_each_with_its_name_title_and_columns(write, client):
    schema = [
        column("film", "string", "video"),
        column("preview", "string", "image/jpeg"),
        column("source", "utf8"),
        column("title", "utf8"),
        column("kills", "int32"),
        column("tags", "yson"),
    ]
    rows = [
        {"film": video, "preview": b"\xff", "source": f"{n}.mp4", "title": f"T{n}", "kills": n, "tags": ["a"]}
        for n, video in enumerate(VIDEOS)
    ]
    path = write(schema, rows)
    source = find_source(path, options=SourceOptions(columns=("*",)), client=client)
    found = list(source)
    assert [video.video for video in found] == VIDEOS
    assert [(video.name, video.title) for video in found] == [(f"{n}.mp4", f"T{n}") for n in range(3)]
    assert found[2].extra == {"source": "2.mp4", "kills": 2, "tags": ["a"]}
    assert source.columns == {"source": "utf8", "kills": "int64", "tags": "any"}
    assert source.count == 3
    part = find_source(path, options=SourceOptions(rows=(1, 9), columns=("*",)), client=client)
    assert (list(part), part.count) == (found[1:], 2)


def test_names_that_are_not_the_only_ones_of_their_kind_have_the_row_number(write, client):
    names = ["a.mp4", "b.mp4", "a.mp4", None]
    path = write(
        [column("mp4", "string"), column("name", "string")], [{"mp4": b"x", "name": name} for name in names]
    )
    expected = [f"{path} row 0 (a.mp4)", "b.mp4", f"{path} row 2 (a.mp4)", f"{path} row 3"]
    assert [video.name for video in find_source(path, client=client)] == expected


def test_a_table_without_names_numbers_its_rows_and_says_where_there_is_no_video(write, client, tmp_path):
    path = write([column("bytes", "string")], [{"bytes": VIDEOS[1]}, {"bytes": None}])
    full, empty = find_source(path, client=client)
    assert (full.name, full.video, full.size) == (f"{path} row 0", VIDEOS[1], len(VIDEOS[1]))
    with pytest.raises(UnreadableVideo, match="this row has no video"):
        empty.video.fetch(tmp_path)


def test_what_a_cluster_cannot_give_is_said_before_anything_starts(write, client, workdir):
    path = write([column("a", "string"), column("n", "int64")], [{"a": b"x", "n": 1}])
    client.create("map_node", f"{workdir}/folder")
    wrong = {
        f"{workdir}/missing": "there is no such table on this cluster",
        f"{workdir}/folder": "a static table is needed, this is a map_node",
        path: "no video column; its columns are a, n. Name the column",
        f"{path}#b": 'there is no column "b"; there are a, n',
        f"{path}#n": 'column "n" does not hold videos: it is int64',
    }
    for name, message in wrong.items():
        with pytest.raises(UsageError, match=message):
            find_source(name, client=client)
    with pytest.raises(UsageError, match="rows 1: is an empty range; there are 1 rows"):
        find_source(f"{path}#a", options=SourceOptions(rows=(1, None)), client=client)
    with pytest.raises(UsageError, match="a client of it is needed"):
        find_source(path)


def test_a_table_that_goes_away_ends_the_source(write, client):
    path = write([column("mp4", "string")], [{"mp4": b"x"}])
    source = find_source(path, client=client)
    client.remove(path)
    with pytest.raises(UnreadableVideo, match="reading breaks off at row 0"):
        list(source)
