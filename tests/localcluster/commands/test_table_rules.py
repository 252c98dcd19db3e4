"""Schemas that change, keys that come and go, limits: what a real cluster allows, with its texts."""

from __future__ import annotations

from typing import Any

import pytest
import yt.yson as yson
from yt.wrapper import TablePath, YtClient

from tests.localcluster.error_texts import refusal

pytestmark = pytest.mark.checked_against("server source")

X = {"name": "x", "type": "int64"}
Y = {"name": "y", "type": "string"}
KEY = {**X, "sort_order": "ascending"}


def strictness(columns: list[Any], **attributes: bool) -> Any:
    return yson.to_yson_type(columns, attributes)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ([X], [X, {**Y, "required": True}], 'Cannot insert a new required column "y" into a non-empty table'),
        ([X, Y], [X], 'Cannot remove column "y" from a strict schema'),
        ([X], [KEY], "Cannot change schema from unsorted to sorted"),
        (
            strictness([X], strict=False),
            [X],
            'Changing "strict" from "false" to "true" is not allowed',
        ),
        (
            strictness([X], strict=False),
            strictness([X, Y], strict=False),
            'Cannot insert a new column "y" into non-strict schema',
        ),
        (
            [X],
            strictness([X, Y], strict=False),
            'Changing columns is not allowed while changing "strict" from "true" to "false"',
        ),
        (
            [KEY],
            strictness([KEY], unique_keys=True),
            'Changing "unique_keys" from "false" to "true" is not allowed',
        ),
    ],
)
def test_a_change_that_rows_may_break_is_316(
    client: YtClient, folder: str, old: Any, new: Any, says: str
) -> None:
    client.create("table", f"{folder}/t", attributes={"schema": old})
    client.alter_table(f"{folder}/t", schema=new)  # empty: anything goes
    client.alter_table(f"{folder}/t", schema=old)
    client.write_table(f"{folder}/t", [{"x": 1}])
    assert refusal(lambda: client.alter_table(f"{folder}/t", schema=new)) == (
        316,
        ["Table schemas are incompatible", says],
    )


def test_a_type_may_only_become_wider(client: YtClient, folder: str) -> None:
    small = {"name": "x", "type": "int8", "required": True}
    client.create("table", f"{folder}/t", attributes={"schema": [small]})
    client.write_table(f"{folder}/t", [{"x": 1}])
    client.alter_table(f"{folder}/t", schema=[{"name": "x", "type": "int64"}])
    assert refusal(lambda: client.alter_table(f"{folder}/t", schema=[small])) == (
        316,
        [
            "Table schemas are incompatible",
            'Type mismatch for column "x"',
            'Type of "" field is modified in non backward compatible manner',
        ],
    )


def test_a_key_of_a_table_without_schema_comes_and_goes_with_its_writes(
    client: YtClient, folder: str
) -> None:
    path = f"{folder}/t"
    client.write_table(TablePath(path, sorted_by=["x"]), [{"x": 1}, {"x": 2}])
    names = ["schema_mode", "sorted", "sorted_by"]
    assert client.get(f"{path}/@", attributes=names) == {
        "schema_mode": "weak",
        "sorted": True,
        "sorted_by": ["x"],
    }
    assert client.get(f"{path}/@schema").attributes == {"strict": False, "unique_keys": False}
    client.write_table(TablePath(path, append=True, sorted_by=["x"]), [{"x": 3}])
    assert client.get(f"{path}/@sorted")
    client.write_table(TablePath(path, append=True), [{"x": 0}])
    assert client.get(f"{path}/@", attributes=names) == {"schema_mode": "weak", "sorted": False}


def test_a_given_schema_is_strong_even_if_it_is_not_strict(client: YtClient, folder: str) -> None:
    path = f"{folder}/t"
    schema = strictness([{"name": "x", "type": "any", "sort_order": "ascending"}], strict=False)
    client.create("table", path, attributes={"schema": schema})
    assert client.get(f"{path}/@schema_mode") == "strong"
    client.write_table(path, [{"x": 1, "z": 2}])
    assert client.get(f"{path}/@sorted_by") == ["x"]
    code, texts = refusal(lambda: client.write_table(TablePath(path, sorted_by=["z"]), []))
    assert (code, texts) == (
        1,
        ['YPath attribute "sorted_by" must be compatible with table schema for a "strong" schema mode'],
    )


@pytest.mark.checked_against("nothing")
@pytest.mark.parametrize("name", ["schema_id", "output_timestamp"])
def test_what_a_write_cannot_do_is_named(client: YtClient, folder: str, name: str) -> None:
    path = TablePath(f"{folder}/t", attributes={name: "1-2-3-4"})
    assert refusal(lambda: client.write_table(path, [])) == (
        1,
        [f'YPath attribute "{name}" is not implemented by the local cluster'],
    )


def test_a_schema_in_the_path_excludes_a_key_beside_it(client: YtClient, folder: str) -> None:
    path = TablePath(f"{folder}/t", schema=[X], sorted_by=["x"])
    assert refusal(lambda: client.write_table(path, [])) == (
        1,
        ['YPath attributes "sorted_by" and "schema" are not compatible'],
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            [{"name": "z", "type": "int64"}],
            'Column "z" is found in input schema but is missing in output schema',
        ),
        (None, "Incompatible strictness: input schema is not strict while output schema is"),
        ([{"name": "x", "type": "string"}], 'Column "x" input type is incompatible with output type'),
    ],
)
def test_only_tables_that_fit_are_concatenated(client: YtClient, folder: str, source: Any, says: str) -> None:
    client.create("table", f"{folder}/all", attributes={"schema": [X, Y]})
    client.create("table", f"{folder}/s", attributes={"schema": source} if source else {})
    code, texts = refusal(lambda: client.concatenate([f"{folder}/s"], f"{folder}/all"))
    assert (code, texts[:2]) == (316, ["Table schemas are incompatible", says])


def test_a_destination_without_schema_takes_that_of_its_sources(client: YtClient, folder: str) -> None:
    for name in "ab":
        client.create("table", f"{folder}/{name}", attributes={"schema": [X]})
        client.write_table(f"{folder}/{name}", [{"x": 1}])
    client.concatenate([f"{folder}/a", f"{folder}/b"], f"{folder}/same")
    assert client.get(f"{folder}/same/@schema") == client.get(f"{folder}/a/@schema")
    client.create("table", f"{folder}/c", attributes={"schema": [Y]})
    client.concatenate([f"{folder}/a", f"{folder}/c"], f"{folder}/other")
    assert client.get(f"{folder}/other/@schema_mode") == "weak"


@pytest.mark.checked_against("documentation")
def test_a_key_may_weigh_as_much_as_was_asked_for(client: YtClient, folder: str) -> None:
    schema = [{"name": "k", "type": "string", "sort_order": "ascending"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    rows = [{"k": "k" * 20_000}]
    code, texts = refusal(lambda: client.write_table(f"{folder}/t", rows))
    assert (code, texts) == (308, ["Key weight is too large"])
    client.write_table(f"{folder}/t", rows, table_writer={"max_key_weight": 256 * 1024})
    over = {"max_key_weight": 256 * 1024 + 1}
    assert refusal(lambda: client.write_table(f"{folder}/t", rows, table_writer=over))[0] == 1


@pytest.mark.checked_against("documentation")
@pytest.mark.parametrize("weight", [5 * 1024 * 1024 - 1, 2**40])
def test_a_row_limit_has_bounds_of_its_own(client: YtClient, folder: str, weight: int) -> None:
    with_limit = {"max_row_weight": weight}
    code, texts = refusal(lambda: client.write_table(f"{folder}/t", [{"x": 1}], table_writer=with_limit))
    assert code == 1
    assert "Validation failure: Expected" in texts[-1]


@pytest.mark.checked_against("documentation")
def test_nan_is_no_key(client: YtClient, folder: str) -> None:
    schema = [{"name": "k", "type": "double", "sort_order": "ascending"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    assert refusal(lambda: client.write_table(f"{folder}/t", [{"k": float("nan")}]))[0] == 302


@pytest.mark.checked_against("documentation")
def test_integers_of_both_kinds_are_taken_where_they_fit(client: YtClient, folder: str) -> None:
    schema = [{"name": "u", "type": "uint64"}, {"name": "i", "type": "int64"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    client.write_table(f"{folder}/t", [{"u": 1, "i": yson.YsonUint64(2)}])
    assert list(client.read_table(f"{folder}/t")) == [{"u": 1, "i": 2}]
    for row, column, says in (
        ({"u": -1}, "u", "Value -1 is out of allowed range [0, 18446744073709551615]"),
        ({"i": 1.5}, "i", 'Invalid type: expected "int64", actual "double"'),
    ):
        found = refusal(lambda row=row: client.write_table(f"{folder}/t", [row]))
        assert found == (307, [f'Error validating column "{column}"', says])
