"""`rename_columns` on the inputs of operations."""

from __future__ import annotations

import pytest
from yt.wrapper import TablePath, YtClient

from .keyed_helpers import failure, rows_of

pytestmark = pytest.mark.checked_against("server source")


@pytest.fixture
def table(client: YtClient, folder: str) -> str:
    """Sorted by a2: a2 = 1..3, b2 = -a2."""
    schema = [{"name": "a2", "type": "int64", "sort_order": "ascending"}, {"name": "b2", "type": "int64"}]
    client.create("table", f"{folder}/t", attributes={"schema": schema})
    client.write_table(f"{folder}/t", [{"a2": i, "b2": -i} for i in (1, 2, 3)])
    return f"{folder}/t"


def renamed(path: str, **more: object) -> TablePath:
    return TablePath(path, attributes={"rename_columns": {"a2": "a", "b2": "b"}}, **more)


def test_tables_are_reduced_by_a_column_of_another_name(client: YtClient, folder: str, table: str) -> None:
    client.write_table(TablePath(f"{folder}/u", schema=[
        {"name": "a", "type": "int64", "sort_order": "ascending"}
    ]), [{"a": 2}])  # fmt: skip
    client.run_reduce(
        "cat", [f"{folder}/u", renamed(table)], f"{folder}/out", reduce_by=["a"], format="json",
        spec={"reducer": {"enable_input_table_index": False}},
    )  # fmt: skip
    assert rows_of(client, f"{folder}/out") == [
        {"a": 1, "b": -1},
        {"a": 2},
        {"a": 2, "b": -2},
        {"a": 3, "b": -3},
    ]


def test_other_operations_see_the_new_names_too(client: YtClient, folder: str, table: str) -> None:
    source = renamed(table, lower_key=[2])
    client.run_map("cat", source, f"{folder}/map", format="json")
    client.run_merge(source, f"{folder}/merge", mode="ordered")
    client.run_sort(source, f"{folder}/sort", sort_by=["b"])
    assert rows_of(client, f"{folder}/map") == [{"a": 2, "b": -2}, {"a": 3, "b": -3}]
    assert rows_of(client, f"{folder}/merge") == [{"a": 2, "b": -2}, {"a": 3, "b": -3}]
    assert [column["name"] for column in client.get(f"{folder}/merge/@schema")] == ["a", "b"]
    assert rows_of(client, f"{folder}/sort") == [{"b": -3, "a": 3}, {"b": -2, "a": 2}]
    client.run_merge(renamed(table, columns=["b"]), f"{folder}/b", mode="ordered")
    assert rows_of(client, f"{folder}/b") == [{"b": -1}, {"b": -2}, {"b": -3}]


def test_only_columns_of_the_schema_are_renamed(client: YtClient, folder: str, table: str) -> None:
    for names, text in (
        ({"no": "a"}, "Rename is supported only for columns in schema"),
        ({"a2": "b2"}, 'Duplicate column name "b2" in table schema'),
    ):
        path = TablePath(table, attributes={"rename_columns": names})
        error = failure(lambda: client.run_merge(path, f"{folder}/out", mode="ordered"))  # noqa: B023
        assert text in str(error)
