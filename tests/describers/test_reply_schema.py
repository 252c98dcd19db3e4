import pickle
from enum import StrEnum

import pydantic
import pytest

from ytcurate.describers.reply_schema import Field, ReplyDoesNotFit, ReplySchema, read_schema
from ytcurate.errors import UsageError


def schema(**properties):
    return ReplySchema.of({"type": "object", "properties": properties})


LABEL = schema(
    category={"enum": ["cats", "dogs"]},
    is_safe={"type": "boolean"},
    score={"type": "number", "minimum": 0, "maximum": 1},
    count={"type": "integer"},
    tags={"type": "array", "items": {"type": "string"}},
)


def test_each_property_is_a_typed_column():
    assert LABEL.fields == (
        Field("category", "utf8"),
        Field("is_safe", "boolean"),
        Field("score", "double"),
        Field("count", "int64"),
        Field("tags", "any"),
    )


def test_every_property_is_required_and_no_other_is_allowed():
    inner = schema(box={"type": "object", "properties": {"x": {"type": "integer"}}, "required": []})
    assert inner.json_schema["required"] == ["box"]
    assert inner.json_schema["properties"]["box"]["required"] == ["x"]
    assert inner.json_schema["properties"]["box"]["additionalProperties"] is False


def test_a_reply_becomes_values_of_the_columns_types():
    reply = '{"category": "cats", "is_safe": true, "score": 1, "count": 3.0, "tags": ["a"]}'
    values = LABEL.parse(reply)
    assert values == {"category": "cats", "is_safe": True, "score": 1.0, "count": 3, "tags": ["a"]}
    assert (type(values["score"]), type(values["count"])) == (float, int)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("A cat.", "not JSON"),
        ('{"category": "cats"', "not JSON"),
        ('{"category": NaN}', "NaN is not JSON"),
        ("[]", "is not of type 'object'"),
        ('{"category": "cats"}', "'is_safe' is a required property"),
        (
            '{"category": "birds", "is_safe": true, "score": 1, "count": 3, "tags": []}',
            "category: 'birds' is not one of",
        ),
        (
            '{"category": "cats", "is_safe": true, "score": 2, "count": 3, "tags": []}',
            "score: 2 is greater than the maximum",
        ),
        (
            '{"category": "cats", "is_safe": true, "score": 1, "count": 3, "tags": [1]}',
            "tags.0: 1 is not of type 'string'",
        ),
        (
            f'{{"category": "cats", "is_safe": true, "score": 1, "count": {2**63}, "tags": []}}',
            "count: 9223372036854775808 does not fit 64 bits",
        ),
    ],
)
def test_a_reply_that_does_not_fit_says_where(reply, reason):
    with pytest.raises(ReplyDoesNotFit) as raised:
        LABEL.parse(reply)
    assert reason in str(raised.value)


class Quality(StrEnum):
    LOW = "low"
    HIGH = "high"


class Box(pydantic.BaseModel):
    x: int
    y: int = 0


class Label(pydantic.BaseModel):
    """What a pydantic class looks like when it uses what people use."""

    quality: Quality
    is_safe: bool = True
    boxes: list[Box]
    note: str = pydantic.Field(max_length=20, description="a few words")


def test_a_pydantic_class_is_a_schema():
    taken = ReplySchema.of_class(Label)
    assert [field.type for field in taken.fields] == ["utf8", "boolean", "any", "utf8"]
    reply = '{"quality": "low", "is_safe": false, "boxes": [{"x": 1, "y": 2}], "note": ""}'
    assert Label(**taken.parse(reply)).boxes == [Box(x=1, y=2)]


def test_what_is_no_pydantic_class_is_refused():
    with pytest.raises(UsageError, match="is not a pydantic class"):
        ReplySchema.of_class(dict)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"type": "string"}, "an object with properties is needed"),
        ({"type": "object", "properties": {}}, "an object with properties is needed"),
        ({"type": "object", "properties": {"a": {}}}, r"schema.a: it has no type"),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, "schema.a: type 'null' cannot be"),
        (
            {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 3}}},
            "schema.a: 'multipleOf' cannot be enforced for a integer",
        ),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "schema.a: an array needs items"),
        (
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
            "schema.a: it has no type",
        ),
        (
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/B"}}},
            "the reference #/[$]defs/B leads nowhere",
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/B"}},
                "$defs": {"B": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}}},
            },
            "B contains itself",
        ),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_name(content, reason):
    with pytest.raises(UsageError, match=reason):
        ReplySchema.of(content)


def test_a_file_that_is_no_schema_is_named(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text("[1]")
    with pytest.raises(UsageError, match=r"--schema .*schema.json: a JSON schema is an object"):
        read_schema(path)
    with pytest.raises(UsageError, match=r"--schema .*none.json: cannot be read"):
        read_schema(tmp_path / "none.json")


def test_a_schema_travels_into_a_job():
    LABEL.parse('{"category": "cats", "is_safe": true, "score": 1, "count": 3, "tags": []}')
    assert pickle.loads(pickle.dumps(LABEL)) == LABEL
