import os
import subprocess
import sys
import time

import pytest

from ytcurate.errors import UsageError
from ytcurate.sources.files import scan_folder
from ytcurate.sources.find import find_source
from ytcurate.sources.options import SourceOptions


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four files that stand for videos, none of which is looked into, and some that are none."""
    for name in ("b.mp4", "a/2.MKV", "a/10.mp4", "a-1.webm", ".hidden/x.mp4", "._b.mp4", "note.txt"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "videos"


def names(source):
    return [video.name for video in source]


def test_a_folder_gives_names_as_the_user_wrote_them_and_sizes(folder):
    source = find_source("videos")
    assert names(source) == ["videos/a/10.mp4", "videos/a/2.MKV", "videos/a-1.webm", "videos/b.mp4"]
    assert [video.size for video in source] == [8, 7, 8, 5]
    assert (source.count, source.total_bytes, source.columns) == (4, 28, {})


def test_a_pattern_gives_the_videos_that_match(folder):
    assert names(find_source("videos/**/*.mp4")) == ["videos/a/10.mp4", "videos/b.mp4"]
    assert names(find_source("videos/*")) == ["videos/a-1.webm", "videos/b.mp4"]


def test_links_that_lead_nowhere_are_given_so_that_their_rows_say_so(folder):
    (folder / "circle.mp4").symlink_to("circle.mp4")
    (folder / "dangling.mp4").symlink_to("nothing")
    (folder / "dangling.txt").symlink_to("nothing")
    (folder / "good.mp4").symlink_to("b.mp4")
    source = find_source("videos")
    assert [(video.name, video.size) for video in source][3:] == [
        ("videos/b.mp4", 5),
        ("videos/circle.mp4", 0),
        ("videos/dangling.mp4", 0),
        ("videos/good.mp4", 5),
    ]
    assert names(find_source("videos/*g*.mp4")) == ["videos/dangling.mp4", "videos/good.mp4"]
    assert source.total_bytes == 5 + 8 + 7 + 8 + 5


def test_a_file_whose_name_is_like_a_pattern_is_that_file(tmp_path):
    (tmp_path / "a[1].mp4").write_bytes(b"x")
    assert names(find_source(f"{tmp_path}/a[1].mp4")) == [f"{tmp_path}/a[1].mp4"]


def test_a_range_of_a_folder_counts_in_its_order(folder):
    source = find_source("videos", options=SourceOptions(rows=(1, 3)))
    assert names(source) == ["videos/a/2.MKV", "videos/a-1.webm"]
    assert (source.count, source.total_bytes) == (2, 15)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_metadata_beside_the_files_gives_titles_and_columns(folder, ending):
    written = {
        "csv": "file_name,title,goals\nb.mp4,Final,3\ngone.mp4,Lost,1\n",
        "jsonl": '{"file_name": "b.mp4", "title": "Final", "goals": 3}\n'
        '{"file_name": "gone.mp4", "title": "Lost", "goals": 1}\n',
    }
    (folder / f"metadata.{ending}").write_text(written[ending])
    source = find_source("videos", options=SourceOptions(columns=("*",)))
    found = {video.name: (video.title, video.extra["goals"]) for video in source}
    three, one = ("3", "1") if ending == "csv" else (3, 1)
    assert found["videos/b.mp4"] == ("Final", three)
    assert found["videos/gone.mp4"] == ("Lost", one), "a file that is missing has a row that says so"
    assert found["videos/a-1.webm"] == (None, None)
    assert source.columns == {"goals": "utf8" if ending == "csv" else "int64"}
    with pytest.raises(FileNotFoundError):
        next(video for video in source if video.name == "videos/gone.mp4").digest()


def test_a_name_that_is_no_utf_8_is_spelt_out_and_its_file_found(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"x")
    (video,) = find_source(str(tmp_path))
    assert video.name == f"{tmp_path}/caf\\udce9.mp4"
    assert video.video.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("videos/*.avi", {}, r"videos/\*.avi: no file matches this pattern"),
        ("videos/n*", {}, "1 files match, and none is a video"),
        ("videos", {"rows": (4, None)}, "rows 4: is an empty range; there are 4 rows"),
        ("videos", {"columns": ("goals",)}, 'no column "goals"; there are none'),
        ("videos", {"title_column": "name"}, 'no title column "name"; there are none'),
        ("videos#film", {}, 'this folder holds videos and no table with a column "film"'),
        ("videos/b.mp4#film", {}, 'a video file has no column "film"'),
    ],
)
def test_what_cannot_be_taken_says_so_before_anything_starts(folder, name, options, message):
    with pytest.raises(UsageError, match=message):
        find_source(name, options=SourceOptions(**options))


def test_an_empty_range_is_refused_when_it_is_written_down():
    with pytest.raises(UsageError, match="rows 5:5 is an empty range"):
        SourceOptions(rows=(5, 5))


def test_a_folder_of_many_files_is_listed_in_a_moment(tmp_path):
    for number in range(5_000):
        (tmp_path / f"{number}.mp4").touch()
    started = time.perf_counter()
    assert len(scan_folder(tmp_path).videos) == 5_000
    assert time.perf_counter() - started < 1


def test_files_and_lists_of_them_are_read_without_datasets(folder):
    (folder / "list.txt").write_text("b.mp4\nhttps://example.org/a.mp4\n")
    code = (
        "import sys; from ytcurate.sources.find import find_source;"
        "names = ['videos', 'videos/b.mp4', 'videos/*.mp4', 'videos/list.txt', 'https://example.org/a.mp4'];"
        "print([len(list(find_source(name))) for name in names],"
        "{'datasets', 'pyarrow', 'requests', 'av', 'numpy', 'yt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[4, 1, 1, 2, 1] set()\n"
