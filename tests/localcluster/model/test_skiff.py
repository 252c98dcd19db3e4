"""Skiff to the byte, both ways, and what is said when the two schemas do not fit."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from yt import yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.formats import Format
from ytcurate.localcluster.model.schema import Schema

from .row_bytes import causes, decode, encode, schema_of

pytestmark = pytest.mark.checked_against("server source")

OPTION = "{wire_type=variant8;children=[{wire_type=nothing};%s]}"


def skiff(*fields: str, **attributes: Any) -> Format:
    """One table; each field as `name wire_type`, or as YSON with its name."""
    children = []
    for field in fields:
        name, _, wire = field.partition(" ")
        children.append(
            {"wire_type": wire, "name": name} if wire.isidentifier() else yson.loads(wire.encode())
        )
        children[-1]["name"] = name
    return Format(
        "skiff", {"table_skiff_schemas": [{"wire_type": "tuple", "children": children}], **attributes}
    )


def column(type_v3: str, name: str = "x") -> Schema:
    return schema_of(f"[{{name={name};type_v3={type_v3}}}]")


LIST = "{type_name=list;item=int64}"
STRUCT = "{type_name=struct;members=[{name=a;type=int64};{name=b;type={type_name=optional;item=utf8}}]}"
TUPLE = "{type_name=tuple;elements=[{type=int64};{type=string}]}"
DICT = "{type_name=dict;key=string;value=int64}"
VARIANT = "{type_name=variant;members=[{name=i;type=int64};{name=s;type=string}]}"
NUMBERED = "{type_name=variant;elements=[{type=int64};{type=string}]}"
TWICE = "{type_name=optional;item={type_name=optional;item=int64}}"
WIRE_LIST = "{wire_type=repeated_variant8;children=[{wire_type=int64}]}"
WIRE_STRUCT = (
    "{wire_type=tuple;children=[{name=a;wire_type=int64};{name=b;"
    + OPTION[1:] % "{wire_type=string32}"
    + "]}"
)
WIRE_TUPLE = "{wire_type=tuple;children=[{wire_type=int64};{wire_type=string32}]}"
WIRE_PAIR = "{wire_type=tuple;children=[{wire_type=string32};{wire_type=int64}]}"
WIRE_DICT = f"{{wire_type=repeated_variant8;children=[{WIRE_PAIR}]}}"
WIRE_VARIANT = "{wire_type=variant8;children=[{name=i;wire_type=int64};{name=s;wire_type=string32}]}"
WIRE_VARIANT16 = WIRE_VARIANT.replace("variant8", "variant16")
WIRE_TWICE = OPTION % (OPTION % "{wire_type=int64}")
SHORT_DECIMAL, MIDDLE_DECIMAL, LONG_DECIMAL = (
    f"{{type_name=decimal;precision={precision};scale=2}}" for precision in (3, 12, 20)
)
U = yson.YsonUint64


def i64(value: int) -> bytes:
    return struct.pack("<q", value)


def s32(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


VALUES: list[tuple[str, str, Any, bytes]] = [
    ("int8", "int8", -2, b"\xfe"),
    ("int16", "int16", -2, b"\xfe\xff"),
    ("int32", "int32", -2, b"\xfe\xff\xff\xff"),
    ("int8", "int64", -2, i64(-2)),
    ("interval", "int64", -7, i64(-7)),
    ("date32", "int32", -1, b"\xff\xff\xff\xff"),
    ("uint8", "uint8", U(255), b"\xff"),
    ("date", "uint16", U(18_000), struct.pack("<H", 18_000)),
    ("datetime", "uint32", U(10**9), struct.pack("<I", 10**9)),
    ("timestamp", "uint64", U(10**15), struct.pack("<Q", 10**15)),
    ("double", "double", 1.5, struct.pack("<d", 1.5)),
    ("float", "double", 0.5, struct.pack("<d", 0.5)),
    ("bool", "boolean", True, b"\x01"),
    ("string", "string32", b"\xff\x00", s32(b"\xff\x00")),
    ("json", "string32", b"{}", s32(b"{}")),
    ("string", "yson32", b"ab", s32(b"\x01\x04ab")),
    ("{type_name=tagged;tag=t;item=int64}", "int64", 5, i64(5)),
    (SHORT_DECIMAL, "int32", b"\x80\x00\x01\x3a", b"\x3a\x01\x00\x00"),
    (MIDDLE_DECIMAL, "int64", b"\x7f" + b"\xff" * 7, b"\xff" * 8),
    (LONG_DECIMAL, "int128", b"\x80" + bytes(14) + b"\x07", b"\x07" + bytes(15)),
    ("uuid", "uint128", bytes(range(16)), bytes(reversed(range(16)))),
    ("uuid", "string32", bytes(range(16)), s32(bytes(range(16)))),
    (LIST, WIRE_LIST, [1, 2], b"\0" + i64(1) + b"\0" + i64(2) + b"\xff"),
    (STRUCT, WIRE_STRUCT, {b"a": 1, b"b": None}, i64(1) + b"\0"),
    (STRUCT, WIRE_STRUCT, {b"a": 1, b"b": b"t"}, i64(1) + b"\1" + s32(b"t")),
    (TUPLE, WIRE_TUPLE, [1, b"t"], i64(1) + s32(b"t")),
    (DICT, WIRE_DICT, [[b"k", 1]], b"\0" + s32(b"k") + i64(1) + b"\xff"),
    (VARIANT, WIRE_VARIANT, [b"s", b"t"], b"\1" + s32(b"t")),
    (VARIANT, WIRE_VARIANT16, [b"i", 4], b"\0\0" + i64(4)),
    (NUMBERED, WIRE_VARIANT, [1, b"t"], b"\1" + s32(b"t")),
    (TWICE, WIRE_TWICE, [None], b"\1\0"),
    (TWICE, WIRE_TWICE, [3], b"\1\1" + i64(3)),
]  # fmt: skip


@pytest.mark.parametrize(("type_v3", "wire", "value", "data"), VALUES)
def test_values_are_the_bytes_of_a_real_cluster(
    tmp_path: Path, type_v3: str, wire: str, value: Any, data: bytes
) -> None:
    schema, format = column(type_v3), skiff(f"x {wire}")
    assert encode(tmp_path, format, [{b"x": value}], schema) == b"\0\0" + data
    (row,) = decode(b"\0\0" + data, format, schema)
    assert row == {b"x": value}
    assert type(row[b"x"]) is type(value)


@pytest.mark.parametrize("wire", ["int64", "string32", "yson32"])
def test_a_null_is_a_zero_before_the_value(tmp_path: Path, wire: str) -> None:
    schema, format = column("{type_name=optional;item=yson}"), skiff("x " + OPTION % f"{{wire_type={wire}}}")
    assert encode(tmp_path, format, [{}], schema) == b"\0\0\0"
    assert decode(b"\0\0\0", format, schema) == [{b"x": None}]


def test_sparse_and_other_columns_follow_the_dense_ones(tmp_path: Path) -> None:
    sparse = "{wire_type=repeated_variant16;children=[{name=a;wire_type=int64};{name=b;wire_type=string32}]}"
    format = skiff("x int64", f"$sparse_columns {sparse}", "$other_columns yson32")
    rows = [{b"x": 1, b"b": b"t", b"z": 5}, {b"x": 2}]
    data = encode(tmp_path, format, rows, Schema())
    first = b"\0\0" + i64(1) + b"\1\0" + s32(b"t") + b"\xff\xff" + s32(b"{\1\2z=\2\x0a;}")
    assert data == first + b"\0\0" + i64(2) + b"\xff\xff" + s32(b"{}")
    assert decode(data, format, Schema()) == rows


def test_types_of_the_registry_are_used_by_name(tmp_path: Path) -> None:
    registry = {"row": {"wire_type": "tuple", "children": [{"wire_type": "int64", "name": "x"}]}}
    format = Format("skiff", {"table_skiff_schemas": ["$row"], "skiff_schema_registry": registry})
    assert encode(tmp_path, format, [{b"x": 1}], Schema()) == b"\0\0" + i64(1)


def test_row_and_range_numbers_are_sent_where_they_jump(tmp_path: Path) -> None:
    row = "{wire_type=variant8;children=[{wire_type=nothing};{wire_type=int64};{wire_type=nothing}]}"
    format = skiff("x int64", f"$row_index {row}", f"$range_index {OPTION % '{wire_type=int64}'}")
    rows = [{b"x": i} for i in range(4)]
    limits = [{"lower_limit": {"row_index": 2}}, {"exact": {"row_index": 0}}]
    control = {"enable_row_index": True, "enable_range_index": True}
    data = encode(tmp_path, format, rows, Schema(), limits, **control)
    assert data == b"".join([
        b"\0\0", i64(2), b"\1", i64(2), b"\1", i64(0),
        b"\0\0", i64(3), b"\0", b"\0",
        b"\0\0", i64(0), b"\1", i64(0), b"\1", i64(1),
    ])  # fmt: skip
    only_rows = skiff("x int64", f"$row_index {row}")
    assert encode(tmp_path, only_rows, rows[:1], Schema()) == b"\0\0" + i64(0) + b"\2"


def test_the_end_of_a_stream_is_announced(tmp_path: Path) -> None:
    data = encode(tmp_path, skiff("x int64"), [{b"x": 1}], Schema(), enable_end_of_stream=True)
    assert data == b"\0\0" + i64(1) + b"\xff\xff"


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (None, "Missing required parameter /table_skiff_schemas"),
        (["row"], 'Invalid reference "row", reference must start with "$"'),
        (["$row"], 'Cannot resolve type reference: "row"'),
        (["$loop"], 'Type "loop" is recursive, recursive types are forbiden'),
        ([{"wire_type": "int64"}], 'Invalid wire type for table row: expected "tuple", found "int64"'),
        ([{"wire_type": "int65"}], 'Error parsing EWireType value "int65"'),
        ([{"wire_type": "tuple"}], 'Complex type "tuple" lacks children'),
        ([{"wire_type": "variant8", "children": []}], '"variant8" must have at least one child'),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(tmp_path: Path, described: Any, message: str) -> None:
    registry = {"loop": {"wire_type": "tuple", "children": ["$loop"]}}
    format = Format("skiff", {"table_skiff_schemas": described, "skiff_schema_registry": registry})
    with pytest.raises(YtError) as caught:
        encode(tmp_path, format, [], Schema())
    assert causes(caught.value) == [(2800, "Failed to parse config for Skiff format"), (1, message)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["x int64", "x int64"], 'Name "x" is found multiple times'),
        (["$other_columns yson32", "x int64"], 'Invalid placement of special column "$other_columns"'),
        (
            ["$other_columns string32"],
            'Invalid wire type for column "$other_columns": expected "yson32", found "string32"',
        ),
        (
            ["$key_switch int64"],
            'Column "$key_switch" has unexpected Skiff type: expected "boolean", found type "int64"',
        ),
        (["$row_index int64"], 'Column "$row_index" has unsupported Skiff type: "int64"'),
    ],
)
def test_special_columns_have_their_place_and_type(tmp_path: Path, fields: list[str], message: str) -> None:
    with pytest.raises(YtError) as caught:
        encode(tmp_path, skiff(*fields), [], Schema())
    assert causes(caught.value)[1:] == [(1, message)]


MISFITS = [
    ("int64", "string32", 'Unexpected wire type "string32"'),
    ("int64", WIRE_LIST, 'Column "x" cannot be represented with skiff schema "repeated_variant8<int64;>"'),
    (SHORT_DECIMAL, "int64", "Skiff type int64 cannot represent type Decimal<3, ?>"),
    (LIST, "yson32", 'Bad Skiff wire type: expected "repeated_variant8", actual "yson32"'),
    (TUPLE, WIRE_STRUCT, 'Unexpected wire type "variant8"'),
    (STRUCT, WIRE_TUPLE, '"tuple" child #0 has empty name'),
    (
        VARIANT, WIRE_VARIANT.replace("name=s", "name=z"),
        'Skiff variant8 child #1 expected to be "s" but "z" found',
    ),
    (
        TWICE, OPTION % "{wire_type=int64}",
        "Optional nesting mismatch: logical type nesting 2, Skiff nesting 1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("type_v3", "wire", "message"), MISFITS)
def test_types_that_do_not_fit_are_named_when_reading(
    tmp_path: Path, type_v3: str, wire: str, message: str
) -> None:
    with pytest.raises(YtError) as caught:
        encode(tmp_path, skiff(f"x {wire}"), [], column(type_v3))
    found = causes(caught.value)
    assert found[:3] == [
        (2800, "Failed to parse config for Skiff format"),
        (1, "Cannot create Skiff writer for table #0"),
        (1, 'Cannot create Skiff writer for column "x"'),
    ]
    assert found[-1] == (1, message)


@pytest.mark.parametrize(("type_v3", "wire", "message"), MISFITS)
def test_types_that_do_not_fit_are_named_when_writing(type_v3: str, wire: str, message: str) -> None:
    with pytest.raises(YtError) as caught:
        decode(b"", skiff(f"x {wire}"), column(type_v3))
    found = causes(caught.value)
    assert found[:2] == [
        (1, "Cannot create Skiff parser for table #0"),
        (1, 'Cannot create Skiff parser for column "x"'),
    ]
    assert found[-1] == (1, message)


@pytest.mark.parametrize(
    ("type_v3", "wire", "data", "message"),
    [
        ("int64", "int64", b"\0", "Premature end of stream while parsing Skiff"),
        ("int64", "int64", b"\0\0abc", "Premature end of stream while parsing Skiff"),
        ("string", "string32", b"\0\0\xff\xff\xff\xffab", "Premature end of stream while parsing Skiff"),
        ("int64", "int64", b"\1\0" + i64(1), "Unknown table index variant16 tag 1"),
        ("bool", "boolean", b"\0\0\2", 'Invalid boolean value "2"'),
        (
            "{type_name=optional;item=int64}", OPTION % "{wire_type=int64}", b"\0\0\2",
            'Found bad variant8 tag "2" when parsing optional field "x"',
        ),
        (LIST, WIRE_LIST, b"\0\0\1", 'Unexpected "repeated_variant8" tag: expected 0 or 255, got 1'),
        (VARIANT, WIRE_VARIANT, b"\0\0\2", "Variant tag (2) exceeds variant8 children count (2)"),
    ],
)  # fmt: skip
def test_malformed_bytes_are_refused(type_v3: str, wire: str, data: bytes, message: str) -> None:
    with pytest.raises(YtError) as caught:
        decode(data, skiff(f"x {wire}"), column(type_v3))
    assert causes(caught.value)[-1] == (1, message)


@pytest.mark.parametrize(
    ("wire", "rows", "error"),
    [
        (
            "int64", [{b"x": b"t"}],
            (315, 'Unexpected type of "x" column: Skiff format expected "int64", actual table type "string"'),
        ),
        (
            "int64", [{b"x": None}],
            (315, 'Unexpected type of "x" column: Skiff format expected "int64", actual table type "null"'),
        ),
        ("int8", [{b"x": 300}], (1, 'Value 300 is out of range for possible values for skiff type "int8"')),
        (
            "int64", [{b"x": 1, b"y": 2}],
            (315, 'Column "y" is not described by Skiff schema and there is no "$other_columns" column'),
        ),
    ],
)  # fmt: skip
def test_rows_the_schema_has_no_bytes_for_are_refused(
    tmp_path: Path, wire: str, rows: list[dict[bytes, Any]], error: tuple[int, str]
) -> None:
    with pytest.raises(YtError) as caught:
        encode(tmp_path, skiff(f"x {wire}"), rows, Schema())
    assert causes(caught.value) == [error]
