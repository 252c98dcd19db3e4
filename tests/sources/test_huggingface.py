import io
import json
import tarfile

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ytcurate.errors import UnreadableVideo, UsageError
from ytcurate.sources.find import find_source
from ytcurate.sources.options import SourceOptions

VIDEOS = [f"video {number}".encode() for number in range(5)]
"""They stand for videos: a source never looks into one."""


@pytest.fixture(autouse=True)
def no_decoding(monkeypatch):
    def decode(*arguments, **options):
        raise AssertionError("a source must not decode")

    monkeypatch.setattr(datasets.Video, "decode_example", decode)
    for name in ("TORCH_AVAILABLE", "TORCHCODEC_AVAILABLE"):  # imported by it, for nothing, in ten seconds
        monkeypatch.setattr(datasets.config, name, False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def contents(source):
    return [video.video if isinstance(video.video, bytes) else video.video.read_bytes() for video in source]


def named(source):
    return {video.name: video.title for video in source}


def video_feature(values, **columns):
    made = datasets.Dataset.from_dict({"film": values, **columns})
    return made.cast_column("film", datasets.Video(decode=False))


def test_a_column_of_videos_holds_bytes_with_or_without_a_path_and_paths(folder, tmp_path):
    (tmp_path / "far.mp4").write_bytes(VIDEOS[2])
    values = [
        {"bytes": VIDEOS[0], "path": None},
        {"bytes": VIDEOS[1], "path": "clips/b.mp4"},
        {"bytes": None, "path": str(tmp_path / "far.mp4")},
    ]
    video_feature(values).to_parquet(folder / "part.parquet")
    source = find_source(str(folder))
    assert contents(source) == VIDEOS[:3]
    assert list(named(source)) == [f"{folder} row 0", f"{folder} row 1 (clips/b.mp4)", f"{tmp_path}/far.mp4"]
    assert [video.size for video in source] == [7, 7, 7]
    assert source.count == 3


def test_videos_as_bytes_beside_nested_columns_as_fine_video_has_them(folder):
    about = [
        {"youtube_title": f"Film {n}", "text_to_speech": "...", "content_metadata": {"scenes": [n]}}
        for n in range(5)
    ]
    datasets.Dataset.from_dict({"json": about, "mp4": VIDEOS}).to_parquet(folder / "train-0.parquet")
    options = SourceOptions(
        columns=("json.content_metadata", "json.youtube_title"), title_column="json.youtube_title"
    )
    source = find_source(f"{folder}#mp4", options=options)
    assert source.columns == {"content_metadata": "any", "youtube_title": "utf8"}
    last = list(source)[-1]
    assert (last.title, last.video) == ("Film 4", VIDEOS[4])
    assert last.extra == {"content_metadata": {"scenes": [4]}, "youtube_title": "Film 4"}
    everything = find_source(f"{folder}#mp4", options=SourceOptions(columns=("*",)))
    assert everything.columns == {"json": "any"}


def write_shards(folder, shards, **extra):
    for number, keys in enumerate(shards):
        with tarfile.open(folder / f"s-{number}.tar", "w") as tar:
            for key in keys:
                about = json.dumps({"title": f"t{key}", "n": int(key), **extra}).encode()
                for ending, data in (("mp4", VIDEOS[int(key)]), ("json", about)):
                    entry = tarfile.TarInfo(f"{key}.{ending}")
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))


def test_webdataset_shards_give_videos_with_what_is_packed_beside_them(folder):
    write_shards(folder, ["01", "23"])
    options = SourceOptions(columns=("json.n", "__key__"), title_column="json.title")
    source = find_source(str(folder), options=options)
    assert contents(source) == VIDEOS[:4]
    assert named(source) == {f"{folder} row {n} ({n}.mp4)": f"t{n}" for n in range(4)}
    assert [video.extra for video in source] == [{"n": n, "__key__": str(n)} for n in range(4)]
    assert (source.count, source.columns) == (None, {"n": "int64", "__key__": "utf8"})
    assert contents(find_source(f"{folder}/s-1.tar")) == VIDEOS[2:4]


def test_a_video_folder_gives_its_files_with_their_metadata(folder):
    for number in range(2):
        (folder / f"{number}.mp4").write_bytes(VIDEOS[number])
    (folder / "metadata.csv").write_text("file_name,title,n\n1.mp4,One,1\n0.mp4,Zero,0\n")
    as_data_set = find_source(f"{folder}#video", options=SourceOptions(columns=("n",)))
    assert named(as_data_set) == {f"{folder}/1.mp4": "One", f"{folder}/0.mp4": "Zero"}
    as_files = find_source(str(folder), options=SourceOptions(columns=("n",)))
    assert named(as_files) == {f"{folder}/0.mp4": "Zero", f"{folder}/1.mp4": "One"}


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_a_table_of_file_names_finds_the_files_beside_it_or_below_the_root(folder, ending, suffix):
    (folder / "tables").mkdir()
    (folder / "clips").mkdir()
    (folder / f"tables/0.{suffix}").write_bytes(VIDEOS[0])
    (folder / f"clips/1.{suffix}").write_bytes(VIDEOS[1])
    rows = {"clip": [f"0.{suffix}", f"clips/1.{suffix}"], "title": ["Ace", "Clutch"], "kills": [5, 3]}
    made = datasets.Dataset.from_dict(rows)
    writers = {"parquet": made.to_parquet, "csv": made.to_csv, "jsonl": made.to_json}
    writers[ending](folder / f"tables/highlights.{ending}")
    source = find_source(f"{folder}#clip", options=SourceOptions(columns=("kills",)))
    assert contents(source) == VIDEOS[:2]
    assert named(source) == {f"{folder}/tables/0.{suffix}": "Ace", f"{folder}/clips/1.{suffix}": "Clutch"}
    assert source.columns == {"kills": "utf8" if ending == "csv" else "int64"}
    assert source.count == 2


def test_a_saved_data_set_and_its_arrow_file_are_read_row_by_row(folder):
    made = video_feature([{"bytes": video, "path": None} for video in VIDEOS], n=list(range(5)))
    datasets.DatasetDict({"train": made}).save_to_disk(str(folder))
    source = find_source(str(folder), options=SourceOptions(rows=(1, 3), columns=("n",)))
    assert (contents(source), source.count) == (VIDEOS[1:3], 2)
    assert [video.extra for video in source] == [{"n": 1}, {"n": 2}]
    assert contents(find_source(f"{folder}/train/data-00000-of-00001.arrow")) == VIDEOS


def write_parts(folder):
    """Five rows in two files, the second with row groups of one row."""
    for number, part in enumerate((VIDEOS[:2], VIDEOS[2:])):
        table = pa.table({"mp4": part, "n": [VIDEOS.index(video) for video in part]})
        pq.write_table(table, folder / f"train-{number}.parquet", row_group_size=2 - number)


@pytest.mark.parametrize("rows", [(0, 1), (1, 4), (2, None), (3, 99)])
def test_a_range_of_rows_keeps_the_names_they_have_in_the_whole(folder, rows):
    write_parts(folder)
    whole = list(find_source(f"{folder}#mp4", options=SourceOptions(columns=("n",))))
    part = find_source(f"{folder}#mp4", options=SourceOptions(rows=rows, columns=("n",)))
    assert list(part) == whole[rows[0] : rows[1]]
    assert part.count == len(whole[rows[0] : rows[1]])


def test_a_range_of_a_streaming_data_set_keeps_the_names_too(folder):
    write_shards(folder, ["012", "34"])
    part = find_source(str(folder), options=SourceOptions(rows=(2, 4)))
    assert list(part) == list(find_source(str(folder)))[2:4]
    behind = find_source(str(folder), options=SourceOptions(rows=(5, None)))
    with pytest.raises(UsageError, match="there is no row 5; the range of rows is empty"):
        list(behind)


def test_a_row_without_a_video_becomes_a_row_that_says_so(folder, tmp_path):
    pq.write_table(
        pa.table({"mp4": [None, VIDEOS[1]]}, pa.schema([("mp4", pa.binary())])), folder / "p.parquet"
    )
    empty, full = find_source(f"{folder}#mp4")
    assert full.video == VIDEOS[1]
    with pytest.raises(UnreadableVideo, match="this row has no video"):
        empty.video.fetch(tmp_path)


def test_labels_are_carried_as_their_names(folder):
    made = datasets.Dataset.from_dict({"mp4": VIDEOS[:2], "label": [1, 0]})
    made.cast_column("label", datasets.ClassLabel(names=["cat", "dog"])).to_parquet(folder / "p.parquet")
    source = find_source(f"{folder}#mp4", options=SourceOptions(columns=("label",)))
    assert [video.extra["label"] for video in source] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        ("n", {}, 'column "n" does not hold videos: it is int64'),
        ("mp4", {"rows": (5, None)}, "rows 5: is an empty range; there are 5 rows"),
        ("mp4", {"columns": ("film",)}, 'there is no column "film"; there are mp4, n'),
        ("mp4", {"columns": ("n.a",)}, 'there is no column "n.a"; there are none in "n"'),
        ("mp4", {"columns": ("n", "n")}, 'columns n and n would both be called "n"'),
    ],
)
def test_what_a_table_cannot_give_is_said_before_anything_starts(folder, column, options, message):
    write_parts(folder)
    with pytest.raises(UsageError, match=message):
        find_source(f"{folder}#{column}", options=SourceOptions(**options))


def test_several_video_columns_must_be_chosen_from(folder):
    values = [{"bytes": VIDEOS[0], "path": None}]
    made = video_feature(values, back=values).cast_column("back", datasets.Video(decode=False))
    made.to_parquet(folder / "p.parquet")
    with pytest.raises(UsageError, match=r"2 video columns \(film, back\)"):
        find_source(str(folder))
    assert contents(find_source(f"{folder}#back")) == VIDEOS[:1]
    with pytest.raises(UsageError, match='column "back" is Video, which cannot be carried along'):
        find_source(f"{folder}#film", options=SourceOptions(columns=("back",)))


def test_a_file_that_is_damaged_ends_the_source_with_its_row(folder):
    write_shards(folder, ["01234"])
    whole = (folder / "s-0.tar").read_bytes()
    (folder / "s-1.tar").write_bytes(whole[:1700])
    source, seen = find_source(str(folder)), []
    with pytest.raises(UnreadableVideo, match="reading breaks off at row 5"):
        seen.extend(source)
    assert [video.video for video in seen] == VIDEOS
