"""The score mapper called as a plain generator, and the columns of single rows."""

import pickle
import subprocess
import sys

import pytest

from tests.support.planted import make_planted_clip
from tests.support.videos import make_sound_only
from ytcurate.config import Scoring
from ytcurate.errors import EngineUnavailable, UsageError
from ytcurate.mappers.score import SCORE_COLUMNS, score_columns
from ytcurate.mappers.score_mapper import ScoreMapper
from ytcurate.media.examine import examine_clip

NAMES = [name for name, _ in SCORE_COLUMNS]


@pytest.fixture(scope="module")
def clips():
    return [make_planted_clip(scene, "good", seconds=0.5) for scene in range(5)]


def test_a_rows_columns_are_what_the_clip_gives(clips):
    found = examine_clip(clips[0], Scoring(text=True))
    columns = score_columns({"video": clips[0], "outcome": "ok"}, Scoring(text=True))
    assert list(columns) == NAMES
    assert [columns[f"quality_{name}"] for name in vars(found.quality)] == list(vars(found.quality).values())
    assert (columns["keyframe"], columns["keyframes"]) == (found.keyframe, list(found.keyframes))
    assert (columns["quality_outcome"], columns["quality_detail"]) == ("ok", None)
    assert all(isinstance(columns[name], float) for name, kind in SCORE_COLUMNS if kind == "double")
    assert score_columns({"video": clips[0]}, Scoring())["quality_text"] is None


@pytest.mark.parametrize(
    ("row", "outcome", "detail"),
    [
        ({"video": None}, "unreadable", "the row has no video"),
        ({}, "unreadable", "the row has no video"),
        ({"video": b"no video"}, "unreadable", "not a video: FFmpeg finds no container"),
        ({"video": make_sound_only(0.2)}, "unreadable", "it holds audio/aac only"),
        ({"video": None, "video_path": "//tmp/x/abc"}, "unreadable", "give it //tmp/x/abc in file_paths"),
        ({"outcome": "refused", "detail": "too heavy"}, "refused", "too heavy"),
        ({"outcome": "odd", "video": b"x"}, "failed", "the row came with outcome 'odd': no detail"),
        ({"video": 7}, "failed", "scoring failed"),
    ],
)
def test_a_row_without_a_usable_video_says_why(row, outcome, detail):
    columns = score_columns(row, Scoring())
    assert list(columns) == NAMES
    assert columns["quality_outcome"] == outcome
    assert detail in columns["quality_detail"]
    assert {columns[name] for name in NAMES[:-2]} == {None}


def test_a_clip_that_is_a_file_of_the_sandbox_is_scored(clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abc").write_bytes(clips[0])
    columns = score_columns({"video": None, "video_path": "//tmp/files/abc"}, Scoring())
    assert columns == score_columns({"video": clips[0]}, Scoring())


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_rows_leave_in_order_with_all_their_columns(clips, threads):
    rows = [{"ds_index": at, "video": clip, "title": f"clip {at}"} for at, clip in enumerate(clips)]
    rows.insert(2, {"ds_index": 9, "video": None, "title": None})
    scored = list(ScoreMapper(threads=threads)(iter(rows)))
    assert [row["ds_index"] for row in scored] == [0, 1, 9, 2, 3, 4]
    assert [row["quality_outcome"] for row in scored] == ["ok", "ok", "unreadable", "ok", "ok", "ok"]
    assert scored == [row | score_columns(row, Scoring()) for row in rows]


def test_only_the_columns_that_are_asked_for_are_passed_on(clips):
    (row,) = ScoreMapper(pass_on=["ds_index", "nothing"])([{"ds_index": 3, "video": clips[0], "title": "a"}])
    assert list(row) == ["ds_index", *NAMES]
    (bare,) = ScoreMapper(pass_on=[])([{"ds_index": 3, "video": clips[0]}])
    assert list(bare) == NAMES


def test_square_keyframes_are_asked_for_by_the_settings(clips):
    (square,) = ScoreMapper(Scoring(square=True))([{"video": clips[0]}])
    (plain,) = ScoreMapper()([{"video": clips[0]}])
    assert square["keyframe"] != plain["keyframe"]
    assert square["quality_motion"] == plain["quality_motion"]


def test_the_mapper_can_be_sent_with_its_settings():
    mapper = pickle.loads(pickle.dumps(ScoreMapper(Scoring(text=True), pass_on=["a"], threads=2)))
    assert (mapper.scoring, mapper.pass_on, mapper.threads) == (Scoring(text=True), ("a",), 2)


def test_settings_are_checked_at_once():
    with pytest.raises(UsageError, match="threads must be 0 or more, it is -1"):
        ScoreMapper(threads=-1)


@pytest.mark.parametrize("missing", ["av", "cv2"])
def test_an_image_without_what_is_needed_fails_before_the_first_row(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    rows = iter([{"video": b"x"}])
    with pytest.raises(EngineUnavailable, match=f"the job's image cannot import {missing}"):
        next(ScoreMapper()(rows))
    assert next(rows) == {"video": b"x"}


def test_what_scores_a_row_is_light_to_import():
    code = "import sys, ytcurate.mappers.score; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"yt", "av", "cv2", "numpy"} & set(loaded.split())
