"""Curation from videos to a judged table, on whatever cluster ``proxy`` is; without a language model."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yt.wrapper as yt

import ytcurate
from tests.support.planted import make_planted
from tests.support.tiny_clip import write_tiny_clip
from ytcurate.curating.layout import RunLayout
from ytcurate.curating.pipeline_file import make_settings
from ytcurate.curating.plan import plan_run
from ytcurate.curating.run import CurateRun

VIDEOS, SCENES = 4, 4
SETTINGS = {
    "jobs": {"cut": "local", "embed": "local"},
    "duplicates": {"threshold": None},
    "export": {"parquet": False},
}


@pytest.fixture(scope="module")
def planted():
    return make_planted(11, VIDEOS, scenes=SCENES)


@pytest.fixture(scope="module")
def folder(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    for number, video in enumerate(planted):
        (folder / f"{number:02}.mp4").write_bytes(video.video)
    return folder


@pytest.fixture(scope="module")
def clip_model(tmp_path_factory):
    return str(write_tiny_clip(tmp_path_factory.mktemp("clip") / "clip"))


def curate(folder, directory, client, model="none", **changes):
    settings = {name: dict(values) for name, values in SETTINGS.items()}
    settings["embed"] = {"model": model}
    for section, values in changes.items():
        settings[section] = settings.get(section, {}) | values
    return ytcurate.curate(folder, directory, client=client, settings=settings)


def all_rows(client, table):
    return list(client.read_table(table, format=yt.YsonFormat(encoding=None)))


def judged(client, directory):
    return {
        (row["ds_index"], row["segment_index"]): (row["kept"], row["failed_step"], row["reason"])
        for row in client.read_table(f"{directory}/curated")
    }


def test_every_clip_is_judged_as_it_was_planted(client, workdir, folder, planted):
    result = curate(folder, f"{workdir}/run", client)
    rows = list(client.read_table(f"{workdir}/run/curated"))
    assert len(rows) == result.clips == SCENES * len(planted)
    cuts = [
        tuple(round(row["start_s"], 6) for row in rows if row["ds_index"] == at and row["segment_index"])
        for at in range(len(planted))
    ]
    assert cuts == [tuple(round(float(cut), 6) for cut in video.cuts_s) for video in planted]
    truth = [kind in ("good", "duplicate") for video in planted for kind in video.kinds]
    assert [row["kept"] for row in rows] == truth
    assert result.kept == sum(truth)
    assert {row["failed_step"] for row in rows} == {None, "quality"}
    assert all((row["reason"] is None) == row["kept"] for row in rows)
    assert result.stages[0] == ("readable", len(rows), len(rows))
    assert result.stages[1] == ("quality", len(rows), sum(truth))
    assert client.get(f"{workdir}/run/curated/@ytcurate/counts/kept") == sum(truth)
    assert sum(result.reasons["quality"].values()) == len(rows) - sum(truth)
    assert f"quality   {len(rows):>9} → {sum(truth)}" in result.report()


def test_near_duplicates_are_found_within_a_run_and_across_runs(client, workdir, tmp_path):
    # Of one length: the pictures that stand for a clip are then of the same moments.
    videos = make_planted(17, 5, scenes=SCENES, seconds=(2.0, 2.0), kinds=("duplicate", "blurred"))
    for number, video in enumerate(videos):
        (tmp_path / f"{number:02}.mp4").write_bytes(video.video)
    find = {"duplicates": {"threshold": 0.95}}
    model = str(Path(ytcurate.__file__).parent / "demo" / "tiny-clip")
    curate(tmp_path, f"{workdir}/run", client, model, **find)
    rows = list(client.read_table(f"{workdir}/run/curated"))
    truth = [(kind, scene) for video in videos for kind, scene in zip(video.kinds, video.scenes, strict=True)]
    steps = {"good": None, "duplicate": "unique", "blurred": "quality"}
    assert [row["failed_step"] for row in rows] == [steps[kind] for kind, _ in truth]
    scene_of = {row["clip_id"]: scene for row, (_, scene) in zip(rows, truth, strict=True)}
    duplicates = [row for row in rows if row["duplicate_of"]]
    assert len(duplicates) > 3
    assert all(scene_of[row["duplicate_of"]] == scene_of[row["clip_id"]] for row in duplicates)

    find["duplicates"]["earlier"] = [f"{workdir}/run"]
    assert curate(tmp_path / "00.mp4", f"{workdir}/second", client, model, **find).kept == 0
    again = list(client.read_table(f"{workdir}/second/curated"))
    assert {row["failed_step"] for row in again} <= {"unique", "quality"}


def test_a_video_that_cannot_be_read_is_a_row_with_the_reason(client, workdir, folder, tmp_path):
    (tmp_path / "a.mp4").write_bytes((folder / "00.mp4").read_bytes())
    (tmp_path / "b.mp4").write_bytes(b"no video" * 100)
    result = curate(tmp_path, f"{workdir}/run", client)
    bad = [row for row in client.read_table(f"{workdir}/run/curated") if row["ds_index"] == 1]
    assert [(row["kept"], row["failed_step"], row["outcome"]) for row in bad] == [
        (False, "readable", "unreadable")
    ]
    assert result.clips == SCENES + 1
    assert result.stages[0] == ("readable", SCENES + 1, SCENES)


def test_the_same_call_again_starts_nothing_and_changes_nothing(client, workdir, folder, clip_model):
    first = curate(folder, f"{workdir}/run", client, clip_model)
    before = all_rows(client, f"{workdir}/run/curated")
    assert first.done["embed"] == first.kept
    again = curate(folder, f"{workdir}/run", client, clip_model)
    assert all_rows(client, f"{workdir}/run/curated") == before
    assert again.operation_ids == {"cut": (), "embed": ()}
    assert again.done == {"cut": 0, "embed": 0}
    vectors = [row[b"embedding"] for row in before]
    assert sum(vector is not None for vector in vectors) == first.kept
    assert all(
        vector is None or sum(x * x for x in vector) == pytest.approx(1, abs=1e-5) for vector in vectors
    )


def test_another_threshold_redoes_only_what_depends_on_it(client, workdir, folder, planted, clip_model):
    directory = f"{workdir}/run"
    first = curate(folder, directory, client, clip_model)
    loose = {"min_sharpness": None, "min_brightness": None, "min_contrast": None, "min_motion": None}
    loose |= {"max_black": None, "max_frozen": None}
    second = curate(folder, directory, client, clip_model, filter=loose)
    assert second.kept == second.clips == SCENES * len(planted)
    assert second.done == {"cut": 0, "embed": second.clips - first.kept}
    third = curate(folder, directory, client, clip_model)
    assert (third.kept, third.done) == (first.kept, {"cut": 0, "embed": 0})


def test_new_videos_are_taken_in_and_other_ways_to_cut_are_refused(client, workdir, folder, tmp_path):
    for name in ("00.mp4", "01.mp4"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert curate(tmp_path, f"{workdir}/run", client).done["cut"] == 2
    (tmp_path / "02.mp4").write_bytes((folder / "02.mp4").read_bytes())
    more = curate(tmp_path, f"{workdir}/run", client)
    assert (more.done["cut"], more.clips) == (1, 3 * SCENES)
    with pytest.raises(ytcurate.YtcurateError, match="cut with detector adaptive instead of content"):
        curate(tmp_path, f"{workdir}/run", client, cut={"detector": "content"})


def test_stages_overlap_and_no_more_waves_are_open_than_allowed(client, workdir, folder, clip_model):
    settings = make_settings(
        {**SETTINGS, "embed": {"model": clip_model}, "waves": {"max_waves": 2, "growth": 1}}
    )
    plan = plan_run(client, folder, RunLayout(f"{workdir}/run"), settings)
    opened, lock = [], threading.Lock()
    run = CurateRun(client, plan)
    cut, embed = run.cut, run.lanes[0]
    embed._start_s = 0.0  # it starts for whatever has come

    def look(lanes):
        with lock:
            opened.append(sum(not wave.last or wave.last > embed.unfinished_from for wave in cut._waves))

    run._board._on_change = look
    counts = run.run()
    assert counts.clips == VIDEOS * SCENES
    assert max(opened) == 2
    times = {
        name: [
            [
                client.get_operation(each, attributes=["start_time", "finish_time"])[key]
                for key in ("start_time", "finish_time")
            ]
            for each in state.started
        ]
        for name, state in ((state.name, state) for state in run.states)
    }
    assert len(times["cut"]) == VIDEOS
    overlaps = [(a, b) for a in times["cut"] for b in times["embed"] if max(a[0], b[0]) < min(a[1], b[1])]
    assert overlaps, times


def test_the_command_prints_its_plan_and_leaves_parquet(client, workdir, folder, proxy, tmp_path):
    command = [str(Path(sys.executable).parent / "ytcurate"), "curate", str(folder), f"{workdir}/run"]
    flags = [
        "--proxy",
        proxy,
        "--embed-model",
        "none",
        "--jobs-cut",
        "local",
        "--duplicates-threshold",
        "none",
    ]
    plan = subprocess.run([*command, *flags, "--dry-run"], capture_output=True, text=True)
    assert plan.returncode == 0, plan.stderr
    content = json.loads(plan.stdout)
    assert content["tables"]["curated"] == f"{workdir}/run/curated"
    assert content["settings"]["cut"]["split"] == "scenes"
    assert not client.exists(f"{workdir}/run")
    done = subprocess.run(
        [*command, *flags, "--json", "--parquet", str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "out")
    assert table.num_rows == result["kept"] > 0
    assert table.column_names[:2] == ["video_id", "clip_index"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embed": {"model": "no/such-folder/x"}}, "no such"),
        ({"jobs": {"cut": "nothing"}}, "preset nothing"),
        ({"label": {"model": "/no/model"}}, "no such directory"),
        ({"filter": {"min_x": 1}}, "filter.min_x is not known"),
    ],
)
def test_what_is_wrong_for_every_clip_is_refused_at_once(client, workdir, folder, changes, message):
    with pytest.raises(ytcurate.YtcurateError, match=message):
        curate(folder, f"{workdir}/run", client, **changes)
    assert not client.exists(f"{workdir}/run")
