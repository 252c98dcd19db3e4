"""A folder of troublesome videos and three good ones: each is in the table, and the good ones are as ever."""

import io
import shutil
import time
import uuid
from pathlib import Path

import av
import pytest
import yt.wrapper as yt

import ytcurate
from tests.support.corpus import CLIP_SECONDS, write_corpus
from tests.support.corpus.entry import good
from ytcurate.config import Segmenting, SourceLimits
from ytcurate.sources.find import find_source

GOOD = {
    "000-first.mp4": {"b_frames": 2},
    "listen.mkv": {"file_format": "matroska", "count": 45},
    "zzz-last.webm": {"file_format": "webm", "codec": "libvpx", "count": 30},
}
SETTINGS = {
    "segmenting": Segmenting(clip_seconds=CLIP_SECONDS),
    "limits": SourceLimits(stall_seconds=15, max_seconds=60),
    "duplicates": "keep",
    "preview": "every",
}
MOST_SECONDS = 150
"""For all of it, on two busy cores; a quarter of that when nothing else runs."""


def read_rows(client, table):
    """All rows, values as bytes, in order."""
    rows = client.read_table(table, format=yt.YsonFormat(encoding=None))
    return [{key.decode(): value for key, value in row.items()} for row in rows]


def read_packets(video):
    """What is in a clip; FFmpeg gives each WebM file a random number of its own."""
    with av.open(io.BytesIO(video)) as container:
        return [(packet.pts, packet.is_keyframe, bytes(packet)) for packet in container.demux(video=0)]


def clips_of(rows, name):
    """The clips of one source, without what tells its place among the others."""
    kept = [row for row in rows if Path(row["source"].decode()).name == name]
    return [
        {key: value for key, value in row.items() if key not in ("ds_index", "source", "video", "bytes")}
        | {"packets": read_packets(row["video"])}
        for row in kept
    ]


@pytest.fixture(scope="module")
def uploads(proxy, tmp_path_factory):
    """Names that the folder gives, rows of the upload of all, rows of that of the good ones, and seconds."""
    client = ytcurate.connect(proxy)
    workdir = f"//tmp/ytcurate-tests/{uuid.uuid4().hex}"
    folder, alone = tmp_path_factory.mktemp("mixed"), tmp_path_factory.mktemp("alone")
    write_corpus(folder)
    for name, settings in GOOD.items():
        (alone / name).write_bytes(good(**settings))
        shutil.copy(alone / name, folder / name)
    names = [video.name for video in find_source(str(folder))]
    started = time.monotonic()
    ytcurate.upload(folder, f"{workdir}/all", client=client, **SETTINGS)
    took_s = time.monotonic() - started
    ytcurate.upload(alone, f"{workdir}/good", client=client, **SETTINGS)
    rows, good_rows = read_rows(client, f"{workdir}/all"), read_rows(client, f"{workdir}/good")
    yield names, rows, good_rows, took_s
    client.remove(workdir, recursive=True, force=True)


def test_every_file_of_the_folder_is_in_the_table_with_clips_or_a_reason(uploads):
    names, rows, _, _ = uploads
    found = {}
    for row in rows:
        found.setdefault(row["source"].decode(), []).append(row)
    assert len(names) > 100
    assert list(found) == [name.encode("utf-8", "backslashreplace").decode() for name in names]
    for name, of_source in found.items():
        clips = [row for row in of_source if row["outcome"] == b"ok"]
        reasons = [row for row in of_source if row["outcome"] != b"ok"]
        assert all(row["video"] and row["length"] >= 0 for row in clips), name
        assert all(row["detail"] and row["video"] is None for row in reasons), name
        assert [row["segment_index"] for row in of_source] == list(range(len(of_source))), name
        assert len(reasons) <= 1, name


def test_the_good_videos_among_them_have_the_same_clips_as_when_they_are_alone(uploads):
    _, rows, good_rows, _ = uploads
    for name in GOOD:
        assert clips_of(rows, name) == clips_of(good_rows, name)
    assert [len(clips_of(rows, name)) for name in GOOD] == [3, 3, 2]


def test_an_upload_of_troublesome_files_ends_in_time(uploads):
    *_, took_s = uploads
    assert took_s < MOST_SECONDS
