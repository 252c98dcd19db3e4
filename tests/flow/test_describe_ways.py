"""Ways to describe, each through a real operation with vLLM: schemas, questions, staged weights, deaths."""

import json

import pytest

import ytcurate
from tests.support.processes import kill_engines
from ytcurate.config import EngineSettings
from ytcurate.demo.sample import MODEL, count_true
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.pipeline.weights import push_weights

LABEL = {
    "type": "object",
    "properties": {
        "category": {"enum": ["shapes", "letters"]},
        "is_safe": {"type": "boolean"},
        "things": {"type": "integer", "minimum": 0, "maximum": 9},
        "quality": {"type": "object", "properties": {"sharp": {"type": "boolean"}}},
        "title": {"type": "string", "maxLength": 12},
    },
}
"""The tiny model has never seen JSON: whatever fits comes from the engine's grammar."""


@pytest.fixture
def clips(client, workdir, sample_video):
    ytcurate.upload(sample_video, f"{workdir}/clips", client=client)
    return f"{workdir}/clips"


def rows_of(client, table):
    return sorted(client.read_table(table), key=lambda row: (row["ds_index"], row["segment_index"]))


def test_a_schema_is_enforced_and_its_fields_are_typed_columns(client, workdir, clips):
    result = f"{workdir}/labels"
    done = ytcurate.describe(
        clips, result, model=str(MODEL), preset="local", schema=LABEL, max_bad=0.1, client=client
    )
    assert done.outcomes == {"ok": 6}
    types = {str(each["name"]): str(each["type"]) for each in client.get(f"{result}/@schema")}
    assert {name: types[name] for name in LABEL["properties"]} == {
        "category": "utf8",
        "is_safe": "boolean",
        "things": "int64",
        "quality": "any",
        "title": "utf8",
    }
    for row in rows_of(client, result):
        reply = json.loads(row["reply"])
        assert {name: row[name] for name in LABEL["properties"]} == reply
        assert row["category"] in ("shapes", "letters")
    shown = ytcurate.show(result, client=client).columns
    assert shown == ("ds_index", "segment_index", *LABEL["properties"], "outcome", "output_tokens")
    assert client.get(f"{result}/@ytcurate/prompt/schema/properties/category/enum") == ["shapes", "letters"]


def test_several_questions_share_a_clips_pictures(client, workdir, clips):
    result = f"{workdir}/answers"
    questions = [DESCRIBE, Prompt("Label it.", schema=ReplySchema.of(LABEL), name="label")]
    done = ytcurate.describe(
        clips, result, model=str(MODEL), preset="local", questions=questions, client=client
    )
    rows = rows_of(client, result)
    assert done.outcomes == {"ok": 6}
    assert count_true(rows) == 6
    assert {row["label_category"] for row in rows} <= {"shapes", "letters"}
    assert {row["description_prompt_id"] for row in rows} == {questions[0].prompt_id}
    assert {row["label_prompt_id"] for row in rows} == {questions[1].prompt_id}
    assert done.statistics["clips_done"] == 6


def test_weights_that_were_staged_are_used_and_verified(client, workdir, clips):
    weights, result = f"{workdir}/weights", f"{workdir}/result"
    push_weights(str(MODEL), weights, client=client)
    done = ytcurate.describe(clips, result, weights=weights, preset="local", client=client)
    assert done.outcomes == {"ok": 6}
    assert count_true(rows_of(client, result)) == 6
    details = client.get(f"{result}/@ytcurate/model_details")
    assert details["weights"] == weights
    files = client.get_operation(done.operation_id, attributes=["spec"])["spec"]["mapper"]["file_paths"]
    assert f"{weights}/model.safetensors" in map(str, files)


def test_an_engine_that_is_killed_is_started_again_and_every_row_is_there(client, workdir, sample_video):
    clips, result = f"{workdir}/clips", f"{workdir}/result"
    for _ in range(20):
        ytcurate.upload(sample_video, clips, client=client, append=True, duplicates="keep")
    killed = []

    def kill_once(progress):
        if progress.statistics.get("clips_done", 0) and not killed:
            killed.append(kill_engines([progress.operation_id]))

    done = ytcurate.describe(
        clips,
        result,
        model=str(MODEL),
        preset="local",
        # One clip at a time: slow enough for what is killed to have clips left to do.
        engine=EngineSettings(max_clips_in_flight=1),
        client=client,
        on_progress=kill_once,
    )

    assert killed == [1]
    assert done.outcomes == {"ok": 120}
    assert done.statistics["engine_restarts"] == 1
    assert any("died and were started again" in sentence for sentence in done.advice)
    rows = rows_of(client, result)
    assert sum(count_true(rows[start : start + 6]) for start in range(0, 120, 6)) == 120
