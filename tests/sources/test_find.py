import datasets
import pytest

from tests.support.videos import make_video as make_video_bytes
from ytcurate.errors import UsageError
from ytcurate.sources.find import find_source


def contents(source):
    return [video.video if isinstance(video.video, bytes) else video.video.read_bytes() for video in source]


@pytest.fixture
def video():
    return make_video_bytes(seconds=0.2)


def test_a_file_is_one_video(make_video):
    path = make_video(seconds=0.2)
    (video,) = find_source(str(path))
    assert (video.name, video.video) == (str(path), path)


def test_a_folder_is_its_videos_in_the_order_of_names_with_subfolders(make_video, tmp_path):
    paths = [make_video(name, seconds=0.2) for name in ("b/2.MP4", "a.webm", "b/10.mkv")]
    (tmp_path / "notes.txt").write_text("not a video")
    source = find_source(str(tmp_path))
    assert [video.video for video in source] == sorted(paths)
    assert source.count == 3


def test_a_saved_data_set_gives_its_only_video_column(make_video, tmp_path, video):
    made = datasets.Dataset.from_dict({"title": ["one"], "film": [{"bytes": video, "path": None}]})
    made.cast_column("film", datasets.Video(decode=False)).save_to_disk(str(tmp_path / "saved"))
    source = find_source(str(tmp_path / "saved"))
    assert contents(source) == [video]
    assert [found.title for found in source] == ["one"]


def test_a_parquet_folder_needs_its_column_named(tmp_path, video):
    datasets.Dataset.from_dict({"n": [1, 2], "mp4": [video, video]}).to_parquet(tmp_path / "part.parquet")
    with pytest.raises(UsageError, match=r"no video column; its columns are n, mp4\. Name the column"):
        find_source(str(tmp_path))
    assert contents(find_source(f"{tmp_path}#mp4")) == [video, video]


def test_a_column_that_is_not_there_lists_those_that_are(tmp_path, video):
    datasets.Dataset.from_dict({"mp4": [video]}).to_parquet(tmp_path / "part.parquet")
    with pytest.raises(UsageError, match='no column "film"; there are mp4'):
        find_source(f"{tmp_path}#film")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.mp4", "missing.mp4: no such file or folder"),
        ("hf://only-one-part", r"a hub data set is written hf://owner/dataset\[/split\]\[#column\]"),
    ],
)
def test_what_is_not_there_says_so(name, message):
    with pytest.raises(UsageError, match=message):
        find_source(name)


def test_an_empty_folder_holds_no_videos(tmp_path):
    with pytest.raises(UsageError, match="this folder holds no videos"):
        find_source(str(tmp_path))


def test_equal_videos_have_equal_digests_wherever_they_lie(make_video, tmp_path, video):
    (on_disk,) = find_source(str(make_video(seconds=0.2)))
    datasets.Dataset.from_dict({"mp4": [video]}).to_parquet(tmp_path / "data" / "p.parquet")
    (in_table,) = find_source(f"{tmp_path}/data#mp4")
    assert on_disk.digest() == in_table.digest()
