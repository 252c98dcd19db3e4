"""Data sets on a hub, read by a process of its own: libraries take the hub's address when imported."""

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sources.hub_server import hub_of

TOKEN = "hf_secret"
READ = """
import json, sys, tempfile
from pathlib import Path
import datasets
from ytcurate.errors import YtcurateError
from ytcurate.sources.find import find_source
from ytcurate.sources.options import SourceOptions

datasets.config.TORCHCODEC_AVAILABLE = False  # which it would import, with torch, for nothing

def content(video):
    if isinstance(video, bytes):
        return video.decode()
    try:
        return video.fetch(Path(tempfile.mkdtemp(dir=sys.argv[1]))).read_bytes().decode()
    except YtcurateError as error:
        return str(error)

found = {}
for name, rows in json.loads(sys.argv[2]):
    try:
        source = find_source(name, options=SourceOptions(rows=rows))
        found[name] = [[video.name, video.title, content(video.video)] for video in source]
    except YtcurateError as error:
        found[name] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    hub, work = tmp_path_factory.mktemp("hub"), tmp_path_factory.mktemp("work")
    for name in ("highlights/clips/0.webm", "films/a.mp4", "films/b.mp4", "raw/x/0.webm", "raw/1.webm"):
        path = hub / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"video {name}")
    clips = ["clips/0.webm", "clips/9.webm", "/etc/passwd", "file:///etc/passwd"]
    pq.write_table(pa.table({"clip": clips, "title": list("abcd")}), hub / "highlights/train-0.parquet")
    (hub / "fine").mkdir()
    for part in range(2):
        table = pa.table({"mp4": [f"{part}{row}".encode() for row in range(2)]})
        pq.write_table(table, hub / f"fine/train-0000{part}-of-00002.parquet")
    asked = {
        "hf://someone/highlights#clip": None,
        "hf://someone/highlights/test#clip": None,
        "hf://someone/films": (1, 2),
        "hf://datasets/someone/films/b.mp4": None,
        "hf://someone/raw": None,
        "hf://someone/fine@main/train#mp4": (1, 3),
        "hf://someone/missing": None,
    }
    with hub_of(hub, token=TOKEN) as url:
        environment = os.environ | {
            "HF_ENDPOINT": url,
            "USE_TORCH": "0",
            "HF_HOME": str(work / "home"),
            "HF_TOKEN": TOKEN,
        }
        command = [sys.executable, "-c", READ, str(work), json.dumps(list(asked.items()))]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_table_of_file_names_finds_the_files_of_its_repository_and_none_of_this_machine(found):
    root = "hf://datasets/someone/highlights"
    foreign = "a data set may not name files of this machine"
    assert found["hf://someone/highlights#clip"] == [
        [f"{root}/clips/0.webm", "a", "video highlights/clips/0.webm"],
        [f"{root}/clips/9.webm", "b", f"there is no such file in {root}"],
        [f"{root}/etc/passwd", "c", f"there is no such file in {root}"],
        ["file:///etc/passwd", "d", foreign],
    ]


def test_files_of_a_repository_are_given_by_their_address_and_fetched(found):
    films = "hf://datasets/someone/films"
    b = [f"{films}/b.mp4", None, "video films/b.mp4"]
    assert found["hf://someone/films"] == [b]
    assert found[f"{films}/b.mp4"] == [b]
    raw = "hf://datasets/someone/raw"
    assert found["hf://someone/raw"] == [
        [f"{raw}/1.webm", None, "video raw/1.webm"],
        [f"{raw}/x/0.webm", None, "video raw/x/0.webm"],
    ]


def test_videos_in_parquet_files_are_read_by_range(found):
    name = "hf://someone/fine@main/train#mp4"
    assert found[name] == [[f"{name} row 1", None, "01"], [f"{name} row 2", None, "10"]]


def test_what_the_hub_has_not_is_said(found):
    assert 'there is no split "test"; there are train' in found["hf://someone/highlights/test#clip"]
    assert "doesn't exist on the Hub or cannot be accessed" in found["hf://someone/missing"]
    assert "HF_TOKEN" in found["hf://someone/missing"]
