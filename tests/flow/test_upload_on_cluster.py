"""Whole videos that jobs of the cluster cut: the same tables as those of an upload from here."""

import dataclasses
import time

import pytest
import yt.wrapper as yt

import ytcurate
from tests.support.videos import make_video
from ytcurate.config import GIB, MIB, Segmenting
from ytcurate.errors import UsageError
from ytcurate.operations.resources import Placement, ResourceChanges
from ytcurate.pipeline.upload import plan_upload
from ytcurate.sources.base import SourceVideo
from ytcurate.uploading import staging
from ytcurate.uploading.cut_jobs import ClusterJobs
from ytcurate.uploading.cut_waves import WAVE_ATTRIBUTE
from ytcurate.uploading.record import read_upload_record

TWO_SECONDS = Segmenting(clip_seconds=2)
LOCAL = ClusterJobs(preset="local")


class Stop(Exception):
    """What stops an upload here: an exception in the client, as an interrupt or a fault would be."""


def on_cluster(client, source, table, jobs=LOCAL, on_operation=lambda progress: None, **settings):
    settings = {"segmenting": TWO_SECONDS, "preview": "first"} | vars(jobs) | settings
    return ytcurate.upload(
        source, table, client=client, on_cluster=True, on_operation=on_operation, **settings
    )


def from_here(client, source, table, **settings):
    return ytcurate.upload(source, table, client=client, segmenting=TWO_SECONDS, preview="first", **settings)


def rows_of(client, table):
    form = yt.YsonFormat(encoding=None)
    return [list(client.read_table(each, format=form)) for each in (table, f"{table}_sources")]


@pytest.fixture(scope="module")
def videos():
    """Good ones, one that is none, one that breaks off, and the first again."""
    whole = [make_video(seconds=seconds, width=64 + 16 * seconds) for seconds in (7, 3, 1)]
    return [whole[0], b"no video", whole[1], whole[0], whole[2][: len(whole[2]) // 2], whole[2]]


@pytest.fixture
def folder(tmp_path, videos):
    for number, video in enumerate(videos):
        (tmp_path / f"{number}.mp4").write_bytes(video)
    return tmp_path


@pytest.fixture
def table(client, workdir, videos):
    """A table of whole videos as others write them."""
    path = f"{workdir}/videos"
    schema = [
        {"name": "mp4", "type": "string"},
        {"name": "name", "type": "utf8"},
        {"name": "title", "type": "utf8"},
        {"name": "about", "type": "any"},
        {"name": "at", "type": "int64"},
    ]
    client.create("table", path, attributes={"schema": schema, "optimize_for": "scan"})
    rows = [
        {
            "mp4": video,
            "name": "twice" if at < 2 else f"video {at}",
            "title": f"No. {at}",
            "about": {"at": [at, "é"]},
            "at": at,
        }
        for at, video in enumerate(videos)
    ]
    client.write_table(path, [*rows, {"name": "none", "about": {}}])
    return path


def test_a_folder_gives_the_rows_of_an_upload_from_here(client, workdir, folder):
    from_here(client, folder, f"{workdir}/here")
    done = on_cluster(client, folder, f"{workdir}/there")
    here, there = (rows_of(client, f"{workdir}/{name}") for name in ("here", "there"))
    assert there == here
    assert done.outcomes == {"ok": 3, "unreadable": 2, "duplicate": 1}
    records = [read_upload_record(client, f"{workdir}/{name}") for name in ("here", "there")]
    assert dataclasses.asdict(records[0]) == dataclasses.asdict(records[1])
    assert sorted(client.list(workdir)) == ["here", "here_sources", "there", "there_sources"]


def test_a_table_of_the_cluster_gives_the_rows_of_an_upload_from_here(client, workdir, table):
    settings = {"columns": ["about", "at"], "duplicates": "keep"}
    from_here(client, table, f"{workdir}/here", **settings)
    jobs = dataclasses.replace(LOCAL, wave_bytes=12_000, job_bytes=4_000)
    seen = set()
    done = on_cluster(
        client, table, f"{workdir}/there", jobs, lambda now: seen.add(now.operation_id), **settings
    )
    assert rows_of(client, f"{workdir}/there") == rows_of(client, f"{workdir}/here")
    assert (done.sources, done.already) == (7, 0)
    assert len(seen) > 1
    again = on_cluster(client, table, f"{workdir}/there", **settings)
    assert (again.sources, again.already) == (0, 7)


def test_an_upload_that_stopped_goes_on_and_cuts_nothing_twice(client, workdir, table):
    settings = {"duplicates": "keep"}
    jobs = dataclasses.replace(LOCAL, wave_bytes=12_000)
    from_here(client, table, f"{workdir}/here", **settings)
    seen = []

    def stop_at(number, condition):
        def on_operation(progress):
            if progress.operation_id not in seen:
                seen.append(progress.operation_id)
            if len(seen) == number and condition(progress):
                raise Stop

        return on_operation

    def run(on_operation):
        return on_cluster(client, table, f"{workdir}/there", jobs, on_operation, **settings)

    # In the first operation, and again when the second is over and its videos are not counted yet.
    with pytest.raises(Stop):
        run(stop_at(1, lambda now: now.jobs.get("running")))
    assert client.exists(f"{workdir}/there/@{WAVE_ATTRIBUTE}")
    with pytest.raises(Stop):
        run(stop_at(2, lambda now: now.is_over))
    cut = read_upload_record(client, f"{workdir}/there").sources
    done = run(stop_at(0, lambda now: False))
    assert 0 < cut < cut + done.sources == 7
    assert rows_of(client, f"{workdir}/there") == rows_of(client, f"{workdir}/here")
    assert not client.exists(f"{workdir}/there/@{WAVE_ATTRIBUTE}")
    assert {client.get_operation(each)["state"] for each in seen} == {"completed"}
    records = [read_upload_record(client, f"{workdir}/{name}") for name in ("here", "there")]
    assert dataclasses.asdict(records[0]) == dataclasses.asdict(records[1])


class Camera:
    """A source that goes on only when what it gave before lies cut in the table."""

    name, count, columns = "camera", 4, {}

    def __init__(self, client, table, videos):
        self.client, self.table, self.videos = client, table, videos

    def __iter__(self):
        for number in range(self.count):
            deadline = time.monotonic() + 120
            while number > 1 and not self.client.get(f"{self.table}/@row_count"):
                assert time.monotonic() < deadline, "nothing is cut before all is staged"
                time.sleep(0.2)
            yield SourceVideo(f"camera/{number}", self.videos[(0, 2, 5, 1)[number]])


def test_videos_are_cut_while_others_are_on_their_way(client, workdir, videos):
    other = ytcurate.connect(client.config["proxy"]["url"])
    camera = Camera(other, f"{workdir}/there", videos)
    jobs = dataclasses.replace(LOCAL, wave_bytes=1)
    done = on_cluster(client, camera, f"{workdir}/there", jobs, transaction_bytes=1)
    assert (done.sources, done.outcomes) == (4, {"ok": 3, "unreadable": 1})
    from_here(client, camera, f"{workdir}/here")
    assert rows_of(client, f"{workdir}/there") == rows_of(client, f"{workdir}/here")


def test_videos_too_heavy_for_a_row_are_files_and_kept_videos_are_cut_again(
    client, workdir, folder, monkeypatch
):
    monkeypatch.setattr(staging, "MOST_ROW_BYTES", MIB + 5000)
    jobs = dataclasses.replace(LOCAL, keep_videos=True)
    here, there = f"{workdir}/here", f"{workdir}/there"
    from_here(client, folder, here)
    on_cluster(client, folder, there, jobs)
    staged = list(client.read_table(f"{there}_videos"))
    heavy = {row["ds_index"] for row in staged if row["video_path"]}
    assert 0 < len(heavy) < 3
    by_place = lambda row: (row[b"ds_index"], row.get(b"segment_index"))  # noqa: E731
    for ours, theirs in zip(rows_of(client, there), rows_of(client, here), strict=True):
        assert sorted(ours, key=by_place) == sorted(theirs, key=by_place)

    for file in folder.iterdir():
        file.write_bytes(b"gone")
    of_one = Segmenting(clip_seconds=1)
    again = on_cluster(client, folder, there, segmenting=of_one, overwrite=True)
    assert (again.clips, again.outcomes) == (11, {"ok": 3, "unreadable": 2, "duplicate": 1})
    assert not [name for name in client.list(workdir) if "_videos" in name]


@pytest.mark.parametrize(
    ("jobs", "settings", "says"),
    [
        ({"preset": "h100"}, {"store": "file"}, "--store file does not go with --on-cluster"),
        ({"preset": "no"}, {}, "preset no: there are cpu, "),
        ({"placement": Placement(pool_trees=("tpu",))}, {}, "pool tree tpu: this account has no such"),
        ({"spec": {"maper": {}}}, {}, "did you mean mapper"),
        (
            {"resources": ResourceChanges(memory_bytes=4 * GIB)},
            {},
            "4 GiB of memory; cutting takes",
        ),
        ({}, {"columns": ["no"]}, 'there is no column "no"'),
    ],
)
def test_what_is_wrong_for_every_video_is_refused_before_anything_starts(
    client, workdir, table, jobs, settings, says
):
    with pytest.raises(UsageError, match=says):
        on_cluster(client, table, f"{workdir}/there", ClusterJobs(**jobs), **settings)
    assert client.list(workdir) == ["videos"]


def test_a_plan_shows_the_spec_of_its_operations(client, workdir, table):
    plan = plan_upload(table, f"{workdir}/there", client=client, on_cluster=True, job_minutes=5)
    shown = plan.content()["on_cluster"]
    assert shown["processes_per_job"] == 4
    spec = shown["spec"]
    assert (spec["pool_trees"], spec["ordered"]) == (["cpu"], True)
    assert spec["data_weight_per_job"] == round((5 * 60 / 40) * GIB)
    assert spec["job_io"] == {
        "control_attributes": {"enable_row_index": True},
        "table_writer": {"max_row_weight": 128 * MIB},
    }
