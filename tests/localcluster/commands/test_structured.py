"""Rows as dataclasses: the typed API of the client, which speaks Skiff."""

from __future__ import annotations

import typing
from typing import Any

import pytest
import yt.wrapper as yt
import yt.yson as yson
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtError, YtResponseError
from yt.wrapper.schema import (
    Date,
    Datetime,
    Float,
    Int8,
    Interval,
    OtherColumns,
    Timestamp,
    Uint64,
    YsonBytes,
)

from .error_chains import chain

pytestmark = pytest.mark.checked_against("client")


@yt.yt_dataclass
class Inner:
    n: int
    tags: typing.List[str]  # noqa: UP006 - what the client's documentation shows


@yt.yt_dataclass
class Everything:
    small: Int8
    large: Uint64
    day: Date
    second: Datetime
    micros: Timestamp
    lapse: Interval
    real: float
    short: Float
    flag: bool
    text: str
    raw: bytes
    maybe: int | None
    items: list[str]
    holes: list[int | None] | None
    inner: Inner
    inners: list[Inner]
    pair: tuple[int, str]
    counts: dict[str, int]
    anything: YsonBytes | None


@yt.yt_dataclass
class Numbered:
    x: int


@yt.yt_dataclass
class Keyed:
    k: str
    rest: OtherColumns


def make_rows() -> list[Everything]:
    full: dict[str, Any] = {
        "small": -128, "large": 2**64 - 1, "day": 18_000, "second": 10**9, "micros": 10**15, "lapse": -7,
        "real": 1e300, "short": 0.5, "flag": True, "text": "текст", "raw": b"\xff\x00", "maybe": -1,
        "items": ["a", ""], "holes": [1, None], "inner": Inner(n=1, tags=["p"]),
        "inners": [Inner(n=2, tags=[]), Inner(n=3, tags=["q", "r"])], "pair": (5, "z"),
        "counts": {"k": 1}, "anything": yson.dumps({"a": [1, None]}, yson_format="binary"),
    }  # fmt: skip
    empty = full | {
        "maybe": None, "items": [], "holes": None, "inners": [], "counts": {}, "anything": None,
    }  # fmt: skip
    return [Everything(**full), Everything(**empty)]


def test_rows_of_every_type_come_back_as_written(client: YtClient, folder: str) -> None:
    rows = make_rows()
    client.write_table_structured(f"{folder}/t", Everything, rows)
    assert list(client.read_table_structured(f"{folder}/t", Everything)) == rows


def test_the_table_gets_the_types_of_the_class(client: YtClient, folder: str) -> None:
    client.write_table_structured(f"{folder}/t", Everything, make_rows())
    types = {str(column["name"]): column["type_v3"] for column in client.get(f"{folder}/t/@schema")}
    assert (types["small"], types["large"], types["day"]) == ("int8", "uint64", "date")
    assert types["holes"] == {
        "type_name": "optional",
        "item": {"type_name": "list", "item": {"type_name": "optional", "item": "int64"}},
    }
    assert types["counts"] == {"type_name": "dict", "key": "utf8", "value": "int64"}


@pytest.mark.checked_against("documentation")
def test_typed_rows_are_ordinary_rows_in_other_formats(client: YtClient, folder: str) -> None:
    client.write_table_structured(f"{folder}/t", Everything, make_rows()[:1])
    (row,) = client.read_table(f"{folder}/t", format=yt.YsonFormat(encoding=None))
    assert row[b"large"] == 2**64 - 1
    assert row[b"inner"] == {b"n": 1, b"tags": [b"p"]}
    assert row[b"pair"] == [5, b"z"]
    assert row[b"counts"] == [[b"k", 1]]
    assert row[b"anything"] == {b"a": [1, None]}


def test_rows_know_their_row_and_range(client: YtClient, folder: str) -> None:
    client.write_table_structured(f"{folder}/t", Numbered, [Numbered(x=i) for i in range(10)])
    ranges = [{"lower_limit": {"row_index": low}, "upper_limit": {"row_index": low + 2}} for low in (6, 6, 1)]
    rows = client.read_table_structured(TablePath(f"{folder}/t", ranges=ranges), Numbered)
    found = [
        (row.x, context.get_range_index(), context.get_row_index()) for row, context in rows.with_context()
    ]
    assert found == [(6, 0, 6), (7, 0, 7), (6, 1, 6), (7, 1, 7), (1, 2, 1), (2, 2, 2)]


def test_a_broken_read_of_many_ranges_goes_on_where_it_stopped(client: YtClient, folder: str) -> None:
    client.write_table_structured(f"{folder}/t", Numbered, [Numbered(x=i) for i in range(30)])
    yt.config.set_option("_ENABLE_READ_TABLE_CHAOS_MONKEY", True, client)
    backoff = {"policy": "constant_time", "constant_time": 1}
    yt.config.get_config(client)["read_retries"].update({"count": 1000, "backoff": backoff})
    path = TablePath(f"{folder}/t", ranges=[{"lower_limit": {"row_index": 5}}, {"exact": {"row_index": 2}}])
    found = [row.x for row in client.read_table_structured(path, Numbered)]
    assert found == [*range(5, 30), 2]


def test_other_columns_hold_what_the_class_does_not_name(client: YtClient, folder: str) -> None:
    schema = [
        {"name": "k", "type": "utf8", "required": True},
        {"name": "n", "type": "int64"},
        {"name": "y", "type": "any"},
    ]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    client.write_table(f"{folder}/t", [{"k": "a", "n": 1, "y": [b"b"]}, {"k": "c"}])
    rows = [
        (row.k, row.rest["n"], row.rest["y"]) for row in client.read_table_structured(f"{folder}/t", Keyed)
    ]
    assert rows == [("a", 1, ["b"]), ("c", None, None)]


def test_a_class_that_does_not_fit_the_table_is_refused_before_a_row_is_sent(
    client: YtClient, folder: str
) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": [{"name": "x", "type": "string"}]})
    with pytest.raises(YtError) as caught:
        client.write_table_structured(f"{folder}/t", Numbered, [Numbered(x=1)])
    assert caught.value.message == (
        'Python type <class \'int\'> is not compatible with type "String" from table schema at field "x"'
    )
    assert client.row_count(f"{folder}/t") == 0


@pytest.mark.checked_against("server source")
def test_a_column_without_a_type_fits_only_while_its_values_do(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": 1}, {"x": "two"}])
    with pytest.raises(YtResponseError) as caught:
        list(client.read_table_structured(f"{folder}/t", Numbered))
    text = 'Unexpected type of "x" column: Skiff format expected "int64", actual table type "string"'
    assert chain(caught.value.error) == [(315, text)]
