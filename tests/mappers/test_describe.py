"""The mapper called as a plain generator, on the real engine."""

import pytest

from tests.support.videos import make_video
from ytcurate import DescribeMapper, Sampling
from ytcurate.demo.sample import MODEL, sample_scenes
from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.prompts import DESCRIBE
from ytcurate.errors import EngineUnavailable, SchemaMismatch
from ytcurate.mappers.answers import answer_columns
from ytcurate.media.cut import cut_clips
from ytcurate.media.frames import Frames


def prepare(row, **settings):
    return DescribeMapper("any/model", **settings)._prepare(row)


def test_a_readable_clip_becomes_pictures_and_its_video_stays_until_it_is_answered():
    video = make_video(seconds=1)
    prepared = prepare({"ds_index": 1, "segment_index": 2, "video": video})
    assert isinstance(prepared.result, Frames)
    assert prepared.row["video"] == video  # an engine that dies takes its pictures along


def test_a_clip_without_an_id_is_named_after_its_bytes():
    rows = [{"ds_index": n, "segment_index": 0, "video": make_video(seconds=1)} for n in range(2)]
    first, second = (prepare(row).row["clip_id"] for row in rows)
    assert first == second
    assert len(first) == 32


def test_an_unreadable_clip_is_an_outcome_and_not_an_error():
    prepared = prepare({"ds_index": 1, "segment_index": 2, "video": b"no video"})
    assert prepared.result == Description(
        key=0,
        outcome=Outcome.UNREADABLE,
        detail="not a video: FFmpeg finds no container in 8 bytes (Invalid data found when processing input)",
    )


def test_a_row_that_brings_a_bad_outcome_keeps_it():
    row = {"ds_index": 1, "segment_index": 2, "video": None, "outcome": "refused", "detail": "too heavy"}
    assert prepare(row).result == Description(key=0, outcome=Outcome.REFUSED, detail="too heavy")


def test_a_row_without_a_video_is_an_outcome_and_not_an_error():
    wanted = Description(key=0, outcome=Outcome.UNREADABLE, detail="the row has no video")
    assert prepare({"ds_index": 1, "segment_index": 2, "video": None}).result == wanted
    assert prepare({"ds_index": 1, "segment_index": 2}).result == wanted


def test_an_outcome_that_is_not_ours_is_named():
    row = {"ds_index": 1, "segment_index": 2, "video": None, "outcome": "skipped", "detail": "too dark"}
    detail = "the row came with outcome 'skipped': too dark"
    assert prepare(row).result == Description(key=0, outcome=Outcome.FAILED, detail=detail)


def test_a_row_without_the_needed_columns_names_the_missing_one():
    with pytest.raises(SchemaMismatch, match="this row has no segment_index, it has ds_index, video"):
        prepare({"ds_index": 1, "video": b""})


def test_a_model_that_is_not_there_fails_before_the_first_row():
    with pytest.raises(EngineUnavailable, match="model /no/such/model: no such directory"):
        next(DescribeMapper("/no/such/model")(iter([])))


def test_each_row_gives_one_row_with_its_outcome(sample_video):
    clips = list(cut_clips(sample_video))
    rows = [
        *(
            {"ds_index": 7, "segment_index": c.segment_index, "video": c.video, "clip_id": "given"}
            for c in clips
        ),
        {"ds_index": 8, "segment_index": 0, "video": b"no video"},
        {"ds_index": 9, "segment_index": 0, "video": None, "outcome": "failed", "detail": "earlier"},
        {"ds_index": 10, "segment_index": 0, "video": make_video(seconds=1 / 30)},
    ]
    # Ten tokens are too few for a sentence of this world.
    mapper = DescribeMapper(str(MODEL), sampling=Sampling(max_tokens=10), keep_video=True, model_name="tiny")

    output = sorted(mapper(iter(rows)), key=lambda row: (row["ds_index"], row["segment_index"]))

    assert [row["outcome"] for row in output] == ["truncated"] * 6 + ["unreadable", "failed", "unreadable"]
    names = {*(name for name, _ in answer_columns([DESCRIBE])), "video", "file_type"}
    assert all(set(row) == names for row in output)
    for row, scene, clip in zip(output, sample_scenes(), clips, strict=False):
        assert scene.sentence().startswith(row["description"])
        assert row["finish_reason"] == "length"
        assert row["output_tokens"] == 10
        assert row["model"] == "tiny"
        assert row["clip_id"] == "given"
        assert row["video"] == clip.video
