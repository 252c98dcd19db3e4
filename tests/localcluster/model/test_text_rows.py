"""Rows as YSON, JSON, DSV, schemaful DSV and YAMR: what each attribute of a format changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.schema import Schema

from .row_bytes import causes, decode, encode, form, schema_of

pytestmark = pytest.mark.checked_against("server source")

TYPED = schema_of("[{name=i;type=int64};{name=d;type=double};{name=b;type=boolean};{name=s;type=string}]")
ROW = {b"a": 1, b"b": b"x\ty=\\z\n"}
NAN = (
    "Unexpected NaN or infinity encountered during JSON writing; "
    'consider using either "support_infinity" or "stringify_nan_and_infinity" config options'
)
MISSING = "missing_value_mode"


@pytest.mark.parametrize(
    ("format", "row", "text"),
    [
        ("yson", {b"a": 1}, b"{\x01\x02a=\x02\x02;};"),
        ("<format=text>yson", {b"a": 1}, b'{"a"=1;};\n'),
        ("json", {b"a": 1, b"s": "é".encode()}, b'{"a":1,"s":"\xc3\x83\xc2\xa9"}\n'),
        ("<encode_utf8=%false>json", {b"s": "é".encode()}, b'{"s":"\xc3\xa9"}\n'),
        ("<stringify_nan_and_infinity=%true>json", {b"d": float("-inf")}, b'{"d":"-inf"}\n'),
        ("<stringify_nan_and_infinity=%true>json", {b"y": [float("nan")]}, b'{"y":["nan"]}\n'),
        ("<format=pretty>json", {b"a": 1}, b'{\n    "a": 1\n}\n'),
        ("dsv", ROW, b"a=1\tb=x\\ty=\\\\z\\n\n"),
        ("dsv", {b"k=": True, b"d": 2.0, b"n": None}, b"k\\==true\td=2.\n"),
        ('<field_separator=";";key_value_separator=":">dsv', ROW, b"a:1;b:x\ty=\\\\z\\n\n"),
        ("<record_separator=\";\">dsv", {b"a": b";"}, b"a=\\;;"),
        ("<enable_escaping=%false>dsv", ROW, b"a=1\tb=x\ty=\\z\n\n"),
        ("<line_prefix=tskv>dsv", {b"a": 1}, b"tskv\ta=1\n"),
        ("<skip_unsupported_types=%true>dsv", {b"a": 1, b"y": [1]}, b"a=1\n"),
        ("<columns=[b;a]>schemaful_dsv", ROW, b"x\\ty=\\\\z\\n\t1\n"),
        (f"<columns=[a;z];{MISSING}=print_sentinel>schemaful_dsv", ROW, b"1\t\n"),
        (
            f"<columns=[z];{MISSING}=print_sentinel;missing_value_sentinel=NULL>schemaful_dsv", ROW, b"NULL\n"
        ),
        (f"<columns=[a;z];{MISSING}=skip_row>schemaful_dsv", ROW, b""),
        ("<columns=[a];enable_column_names_header=%true>schemaful_dsv", ROW, b"a\n1\n"),
        ("yamr", {b"key": b"k", b"value": b"a\tb", b"other": 1}, b"k\ta\tb\n"),
        ("<has_subkey=%true>yamr", {b"key": b"k", b"value": b"v"}, b"k\t\tv\n"),
        (
            '<key=k;value=v;fs=":";enable_escaping=%true>yamr', {b"k": b"a:\n", b"v": b"b:\0"},
            b"a\\:\\n:b:\\0\n",
        ),
        ("<lenval=%true>yamr", {b"key": b"k", b"value": b"vw"}, b"\1\0\0\0k\2\0\0\0vw"),
    ],
)  # fmt: skip
def test_rows_are_written_as_the_format_says(
    tmp_path: Path, format: str, row: dict[bytes, Any], text: bytes
) -> None:
    assert encode(tmp_path, form(format), [row], Schema()) == text


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("<format=text>yson", b'{"i"=#;"d"=#;"b"=#;"s"="t";};\n'),
        ("<format=text;skip_null_values=%true>yson", b'{"s"="t";};\n'),
        ("json", b'{"i":null,"d":null,"b":null,"s":"t"}\n'),
        ("<skip_null_values=%true>json", b'{"s":"t"}\n'),
    ],
)
def test_nulls_of_the_schema_are_shown_or_skipped(tmp_path: Path, format: str, text: bytes) -> None:
    assert encode(tmp_path, form(format), [{b"s": b"t"}], TYPED) == text


@pytest.mark.parametrize(
    ("format", "text", "rows"),
    [
        ("dsv", b"a=1\tb=x\\ty\\n\\\\\tno key\n", [{b"a": b"1", b"b": b"x\ty\n\\"}]),
        ("dsv", b"\nc=\\=\\0\n", [{}, {b"c": b"=\0"}]),
        ("dsv", b"k\\==v=w\n", [{b"k=": b"v=w"}]),
        ("dsv", b"a=x\\\ny\n", [{b"a": b"x\ny"}]),
        ("<enable_escaping=%false>dsv", b"a=x\\ty\n", [{b"a": b"x\\ty"}]),
        ('<record_separator=";">dsv', b"a=1;a=2;", [{b"a": b"1"}, {b"a": b"2"}]),
        ("<line_prefix=tskv>dsv", b"tskv\ta=1\n", [{b"a": b"1"}]),
        ("<columns=[a;b]>schemaful_dsv", b"1\tx\\ty\n", [{b"a": b"1", b"b": b"x\ty"}]),
        ("<columns=[a;b]>schemaful_dsv", b"\t\n", [{b"a": b"", b"b": b""}]),
        (f"<columns=[a;b];{MISSING}=print_sentinel>schemaful_dsv", b"1\t\n", [{b"a": b"1", b"b": None}]),
        ("<plain=%true>json", b'{"a":{"$value":1}}', [{b"a": {b"$value": 1}}]),
        ("yamr", b"k\ta\tb\n\t", [{b"key": b"k", b"value": b"a\tb"}, {b"key": b"", b"value": b""}]),
        ("<has_subkey=%true>yamr", b"k\ts\n", [{b"key": b"k", b"subkey": b"s", b"value": b""}]),
        ("<lenval=%true>yamr", b"\1\0\0\0k\0\0\0\0", [{b"key": b"k", b"value": b""}]),
    ],
)  # fmt: skip
def test_rows_are_read_as_the_format_says(format: str, text: bytes, rows: list[Any]) -> None:
    assert decode(text, form(format), Schema()) == rows


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("dsv", b"a=1", "Expected record to be terminated with record separator"),
        ("dsv", b"a=\\\\\0\n", "Unescaped \\0 symbol in DSV"),
        ("<line_prefix=tskv>dsv", b"a=1\n", 'Malformed line prefix in DSV: expected "tskv", found "a=1"'),
        ("<columns=[a;b]>schemaful_dsv", b"1\n", "Row 0 is incomplete: expected 2 fields but found 1"),
        ("<columns=[a]>schemaful_dsv", b"1\t2\n", "Too many fields in row: expected 1 but found more"),
        ("<columns=[a]>schemaful_dsv", b"1\n2", "Row 1 is not finished"),
        ("schemaful_dsv", b"1\n", 'Missing "columns" attribute in schemaful DSV format'),
        ("json", b'{"a":NaN}', "Error parsing JSON: NaN is not JSON"),
        (
            "yamr", b"k\n",
            'YAMR line "k" cannot be parsed as a table switch; did you forget a record separator?',
        ),
        ("<lenval=%true>yamr", b"\1\0\0\0k", "Premature end of stream"),
        ("<lenval=%true>yamr", b"\xfb\xff\xff\xff", "Unexpected EOM marker"),
    ],
)  # fmt: skip
def test_malformed_text_is_refused(format: str, text: bytes, message: str) -> None:
    with pytest.raises(YtError) as caught:
        decode(text, form(format), Schema())
    assert causes(caught.value) == [(1, message)]


@pytest.mark.parametrize(
    ("format", "row", "errors"),
    [
        ("json", {b"d": float("nan")}, [(1, NAN)]),
        ("json", {b"y": [float("inf")]}, [(1, NAN)]),
        ("<encode_utf8=%false>json", {b"s": b"\xff"}, [(1, "Invalid UTF-8 string in JSON")]),
        ("dsv", {b"y": [1]}, [(315, 'Values of type "any" are not supported by the chosen format')]),
        ("<columns=[z]>schemaful_dsv", {b"a": 1}, [(1, 'Column "z" is in schema but missing')]),
        ("yamr", {b"key": b"k"}, [(315, 'Missing value column "value" in YAMR record')]),
        ("yamr", {b"key": 1, b"value": b""}, [(315, 'Wrong type "int64" of column "key" in YAMR record')]),
        (
            "schemaful_dsv", {b"a": 1},
            [
                (2800, "Failed to parse config for schemaful DSV format"),
                (1, "Config must contain columns for schemaful DSV schemaless writer"),
            ],
        ),
    ],
)  # fmt: skip
def test_a_row_the_format_cannot_carry_is_refused(
    tmp_path: Path, format: str, row: dict[bytes, Any], errors: list[tuple[int, str]]
) -> None:
    with pytest.raises(YtError) as caught:
        encode(tmp_path, form(format), [row], Schema())
    assert causes(caught.value) == errors


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize(
    ("format", "named"),
    [
        ("<complex_type_mode=positional>yson", '"complex_type_mode" of format "yson"'),
        ("<time_mode=text>json", '"time_mode" of format "json"'),
        ("<attributes_mode=always>json", '"attributes_mode" of format "json"'),
        ("<support_infinity=%true>json", '"support_infinity" of format "json"'),
        ('<escaping_symbol="^">dsv', '"escaping_symbol" of format "dsv"'),
        ("<enable_complex_types=%true>arrow", '"enable_complex_types" of format "arrow"'),
    ],
)
def test_an_attribute_that_is_not_honoured_is_refused_by_name(
    tmp_path: Path, format: str, named: str
) -> None:
    with pytest.raises(YtError, match="is not implemented by the local cluster") as caught:
        encode(tmp_path, form(format), [], Schema())
    assert named in caught.value.message


def test_text_becomes_what_the_column_is_where_the_format_converts() -> None:
    text = b"i=-5u\td=2\tb=false\ts=t\n"
    rows = decode(text, form("<enable_string_to_all_conversion=%true>dsv"), TYPED)
    assert rows == [{b"i": -5, b"d": 2.0, b"b": False, b"s": b"t"}]
    assert decode(text, form("dsv"), TYPED) == [{b"i": b"-5u", b"d": b"2", b"b": b"false", b"s": b"t"}]


def test_numbers_become_text_and_doubles_where_the_format_converts() -> None:
    text = b'{"i":1,"d":3,"s":1.5}\n{"s":true}\n'
    rows = decode(text, form("<enable_type_conversion=%true>json"), TYPED)
    assert rows == [{b"i": 1, b"d": 3.0, b"s": b"1.5"}, {b"s": b"true"}]
    assert type(rows[0][b"d"]) is float


def test_text_that_cannot_be_converted_is_refused() -> None:
    with pytest.raises(YtError) as caught:
        decode(b"b=yes\n", form("<enable_type_conversion=%true>dsv"), TYPED)
    assert causes(caught.value) == [
        (307, "Error while performing type conversion"),
        (1, "Unable to convert value to boolean"),
    ]
    assert caught.value.attributes == {"column": "b", "value_type": "string", "column_type": "boolean"}


def test_yamr_tells_tables_and_rows_between_the_records(tmp_path: Path) -> None:
    row = {b"key": b"k", b"value": b"v"}
    control = {"enable_table_index": True, "enable_row_index": True}
    told = form("<enable_table_index=%true>yamr")
    assert encode(tmp_path, told, [row], Schema(), **control) == b"0\n0\nk\tv\n"
    lenval = form("<lenval=%true;enable_table_index=%true>yamr")
    assert encode(tmp_path, lenval, [row], Schema(), **control) == (
        b"\xff\xff\xff\xff\0\0\0\0\xfc\xff\xff\xff" + bytes(8) + b"\1\0\0\0k\1\0\0\0v"
    )
