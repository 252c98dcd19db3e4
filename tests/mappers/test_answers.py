import pytest

from ytcurate.describers.base import Description, Outcome
from ytcurate.describers.prompts import DESCRIBE, Prompt
from ytcurate.describers.reply_schema import ReplySchema
from ytcurate.errors import UsageError
from ytcurate.mappers.answers import answer_columns, answer_row, outcome_of

SAFE = Prompt(
    "Is it safe?",
    schema=ReplySchema.of({"type": "object", "properties": {"is_safe": {"type": "boolean"}}}),
    name="safety",
)
CLIP = {"ds_index": 1, "segment_index": 2, "clip_id": "c", "video": b"..."}
REPLY = Description(
    key=0,
    outcome=Outcome.OK,
    text='{"is_safe": true}',
    finish_reason="stop",
    prompt_tokens=5,
    output_tokens=7,
)
TEXT = Description(key=1, outcome=Outcome.OK, text="A cat.", prompt_tokens=5, output_tokens=3)


def names(questions):
    return [name for name, _ in answer_columns(questions)]


def test_one_question_has_plain_column_names():
    assert (
        names([DESCRIBE])
        == (
            "ds_index segment_index clip_id description outcome detail model finish_reason prompt_id"
            " prompt_tokens output_tokens"
        ).split()
    )


def test_a_schema_has_a_column_for_each_field_and_keeps_the_reply():
    assert names([SAFE])[3:5] == ["is_safe", "reply"]
    row = answer_row(CLIP, [SAFE], [REPLY], model="m")
    assert set(row) == set(names([SAFE]))
    assert (row["is_safe"], row["reply"], row["outcome"]) == (True, '{"is_safe": true}', "ok")


def test_several_questions_have_their_names_before_their_columns():
    questions = [DESCRIBE, SAFE]
    row = answer_row(CLIP, questions, [TEXT, REPLY], model="m")
    assert set(row) == set(names(questions))
    assert (row["description"], row["safety_is_safe"], row["safety_outcome"]) == ("A cat.", True, "ok")
    assert (row["prompt_tokens"], row["output_tokens"], row["outcome"]) == (10, 10, "ok")


def test_a_row_has_the_worst_outcome_and_says_whose_it_is():
    bad = Description(key=1, outcome=Outcome.MISFIT, text="perhaps", detail="the reply is not JSON")
    row = answer_row(CLIP, [DESCRIBE, SAFE], [TEXT, bad], model="m")
    assert (row["outcome"], row["description_outcome"]) == ("misfit", "ok")
    assert row["detail"] == "safety: the reply is not JSON"
    assert (row["safety_is_safe"], row["safety_reply"]) == (None, "perhaps")


def test_what_went_wrong_with_the_clip_is_said_once():
    bad = Description(key=0, outcome=Outcome.UNREADABLE, detail="no video")
    assert answer_row(CLIP, [DESCRIBE, SAFE], [bad, bad], model="m")["detail"] == "no video"


def test_every_outcome_has_its_place():
    for outcome in Outcome:
        assert outcome_of([Description(key=0, outcome=outcome)]) == outcome


def test_columns_that_would_be_there_twice_are_refused():
    model = ReplySchema.of({"type": "object", "properties": {"model": {"type": "string"}}})
    with pytest.raises(UsageError, match='"model" would be there twice'):
        answer_columns([Prompt("?", schema=model)])
    with pytest.raises(UsageError, match='"description" would be there twice'):
        answer_columns([DESCRIBE, DESCRIBE])
