from __future__ import annotations

from typing import Any

import pytest
import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import validation

pytestmark = pytest.mark.checked_against("server source")


def column(**fields: Any) -> schemas.Column:
    return schemas.parse([{"name": "c", **fields}]).columns[0]


@pytest.mark.parametrize(
    ("fields", "simple", "required", "type_v3"),
    [
        ({"type": "int64"}, "int64", False, {"type_name": "optional", "item": "int64"}),
        ({"type": "string", "required": True}, "string", True, "string"),
        ({"type": "any"}, "any", False, {"type_name": "optional", "item": "yson"}),
        ({"type": "boolean", "required": True}, "boolean", True, "bool"),
        ({"type_v3": "utf8"}, "utf8", True, "utf8"),
        (
            {"type_v3": {"type_name": "list", "item": "int64"}},
            "any",
            True,
            {"type_name": "list", "item": "int64"},
        ),
        (
            {"type_v3": {"type_name": "tagged", "tag": "image/png", "item": "string"}},
            "string",
            True,
            {"type_name": "tagged", "tag": "image/png", "item": "string"},
        ),
    ],
)
def test_both_spellings_are_given_back(fields: Any, simple: str, required: bool, type_v3: Any) -> None:
    shown = column(**fields).to_yson()
    assert (shown["type"], shown["required"], shown["type_v3"]) == (simple, required, type_v3)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "text"},
        {"type": "any", "required": True},
        {"type": "int64", "type_v3": "string"},
        {"type_v3": "string", "required": False},
        {"type": "int64", "sort_order": "sideways"},
    ],
)
def test_a_wrong_column_is_314(fields: Any) -> None:
    with pytest.raises(YtError) as caught:
        column(**fields)
    assert caught.value.code == 314


def test_key_columns_come_first() -> None:
    with pytest.raises(YtError, match="prefix"):
        schemas.parse(
            [{"name": "a", "type": "int64"}, {"name": "b", "type": "int64", "sort_order": "ascending"}]
        )


@pytest.mark.parametrize(
    ("fields", "value", "stored", "weight"),
    [
        ({"type": "int8"}, -128, -128, 8),
        ({"type": "int64"}, yson.YsonUint64(5), 5, 8),
        ({"type": "uint64"}, 5, 5, 8),
        ({"type": "double"}, 1.5, 1.5, 8),
        ({"type": "boolean"}, True, True, 1),
        ({"type": "string"}, b"\xff\x00", b"\xff\x00", 2),
        ({"type": "any"}, b"abc", b"\x01\x06abc", 3),
    ],
)
def test_what_fits_is_stored_with_its_weight(fields: Any, value: Any, stored: Any, weight: int) -> None:
    assert validation.checker(column(**fields))(value) == (stored, weight)


@pytest.mark.parametrize(
    ("fields", "value", "reason"),
    [
        ({"type": "int64"}, b"x", 'Invalid type: expected "int64", actual "string"'),
        ({"type": "int64"}, True, 'Invalid type: expected "int64", actual "boolean"'),
        ({"type": "int8"}, 300, "Value 300 is out of allowed range [-128, 127]"),
        ({"type": "uint64"}, -1, f"Value -1 is out of allowed range [0, {2**64 - 1}]"),
        ({"type": "double"}, 1, 'Invalid type: expected "double", actual "int64"'),
        ({"type": "utf8"}, b"\xff", "Not a valid utf8 string"),
        (
            {"type_v3": {"type_name": "list", "item": "int64"}},
            [1, b"x"],
            'Invalid type: expected "int64", actual "string"',
        ),
    ],
)
def test_what_does_not_fit_is_307_with_the_reason_inside(fields: Any, value: Any, reason: str) -> None:
    with pytest.raises(YtError) as caught:
        validation.checker(column(**fields))(value)
    assert caught.value.code == 307
    assert caught.value.message == 'Error validating column "c"'
    assert caught.value.inner[0].message == reason
