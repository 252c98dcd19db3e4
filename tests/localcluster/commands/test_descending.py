"""Columns in descending order: sorted by, merged, reduced, read by ranges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from yt.wrapper import TablePath, YtClient

from .keyed_helpers import failure, rows_of

pytestmark = pytest.mark.checked_against("server source")


def descending(name: str) -> dict[str, str]:
    return {"name": name, "sort_order": "descending"}


@pytest.fixture
def scores(client: YtClient, folder: str) -> str:
    """Sorted by game, and by score from the best: two games, scores 3..0 of each."""
    path = f"{folder}/scores"
    rows = [{"score": score, "game": game} for score in range(4) for game in ("chess", "go")]
    client.write_table(path, rows)
    client.run_sort(path, sort_by=["game", descending("score")])
    return path


def pairs(client: YtClient, path: Any) -> list[tuple[str, int]]:
    return [(row["game"], row["score"]) for row in client.read_table(path)]


def test_a_sort_puts_the_greatest_first(client: YtClient, scores: str) -> None:
    expected = [("chess", score) for score in (3, 2, 1, 0)] + [("go", score) for score in (3, 2, 1, 0)]
    assert pairs(client, scores) == expected
    schema = client.get(f"{scores}/@schema")
    assert [(c["name"], c.get("sort_order")) for c in schema] == [
        ("game", "ascending"), ("score", "descending")
    ]  # fmt: skip
    assert client.get(f"{scores}/@sorted")


def test_values_of_all_types_come_the_other_way_round(client: YtClient, folder: str) -> None:
    values = [None, -3, 2, 2.5, False, True, "B", "a"]
    client.write_table(f"{folder}/t", [{"k": value} for value in values[::2] + values[1::2]])
    client.run_sort(f"{folder}/t", sort_by=[descending("k")])
    assert [row["k"] for row in client.read_table(f"{folder}/t")] == values[::-1]


def test_a_range_of_keys_goes_from_the_greater_to_the_lesser(client: YtClient, folder: str) -> None:
    client.write_table(f"{folder}/t", [{"x": x} for x in range(6)])
    client.run_sort(f"{folder}/t", sort_by=[descending("x")])
    found = client.read_table(TablePath(f"{folder}/t", lower_key=[4], upper_key=[1]))
    assert [row["x"] for row in found] == [4, 3, 2]
    assert [row["x"] for row in client.read_table(TablePath(f"{folder}/t", exact_key=[2]))] == [2]


def test_sorted_tables_are_merged_in_their_order(client: YtClient, folder: str, scores: str) -> None:
    key = ["game", descending("score")]
    client.write_table(f"{folder}/b", [{"game": "chess", "score": 9}, {"game": "go", "score": 2}])
    client.run_sort(f"{folder}/b", sort_by=key)
    client.run_merge([scores, f"{folder}/b"], f"{folder}/out", mode="sorted")
    assert pairs(client, f"{folder}/out") == [
        ("chess", 9), ("chess", 3), ("chess", 2), ("chess", 1), ("chess", 0),
        ("go", 3), ("go", 2), ("go", 2), ("go", 1), ("go", 0),
    ]  # fmt: skip
    client.run_sort(f"{folder}/b", sort_by=["game", "score"])
    error = failure(lambda: client.run_merge([scores, f"{folder}/b"], f"{folder}/no", mode="sorted"))
    assert "Sort columns do not match: input table " in str(error)


def best(key: Any, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield {"game": key["game"], "best": [row["score"] for row in rows]}


def test_a_reducer_sees_rows_in_the_order_of_sort_by(client: YtClient, folder: str, scores: str) -> None:
    key = ["game", descending("score")]
    expected = [{"game": "chess", "best": [3, 2, 1, 0]}, {"game": "go", "best": [3, 2, 1, 0]}]
    client.run_reduce(best, scores, f"{folder}/a", reduce_by=["game"], sort_by=key, job_count=2)
    assert rows_of(client, f"{folder}/a") == expected
    client.run_map_reduce(None, best, scores, f"{folder}/b", reduce_by=["game"], sort_by=key)
    assert rows_of(client, f"{folder}/b") == expected
    error = failure(lambda: client.run_reduce(best, scores, f"{folder}/c", reduce_by=["game", "score"]))
    assert (
        "is sorted by columns [game, {name=score;sort_order=descending}] "
        "that are not compatible with the requested columns [game, score]"
    ) in str(error)


def test_outputs_are_sorted_by_descending_columns(client: YtClient, folder: str, scores: str) -> None:
    key = ["game", descending("score")]
    out = TablePath(f"{folder}/out", attributes={"sorted_by": key})
    client.run_reduce("cat", scores, out, reduce_by=key, job_count=3, format="json")
    assert pairs(client, f"{folder}/out") == pairs(client, scores)
    assert [c.get("sort_order") for c in client.get(f"{folder}/out/@schema")] == ["ascending", "descending"]
    backwards = 'cat >/dev/null; echo \'{"game":"a","score":1}\'; echo \'{"game":"a","score":2}\''
    error = failure(lambda: client.run_reduce(backwards, scores, out, reduce_by=key, format="json"))
    assert error.contains_code(301)


@pytest.mark.checked_against("nothing")
def test_descending_tables_are_put_one_after_the_other(client: YtClient, folder: str) -> None:
    for name, xs in (("high", [9, 8]), ("low", [2, 1])):
        client.write_table(f"{folder}/{name}", [{"x": x} for x in xs])
        client.run_sort(f"{folder}/{name}", sort_by=[descending("x")])
    attributes = {"schema": client.get(f"{folder}/high/@schema")}
    client.create("table", f"{folder}/out", attributes=attributes)
    client.concatenate([f"{folder}/high", f"{folder}/low"], f"{folder}/out")
    assert [row["x"] for row in client.read_table(f"{folder}/out")] == [9, 8, 2, 1]
    out = TablePath(f"{folder}/out", append=True)
    error = failure(lambda: client.run_sort(f"{folder}/low", out, sort_by=[descending("x")]))
    assert error.contains_code(301)
    client.write_table(out, [{"x": 1}, {"x": 0}])
    assert [row["x"] for row in client.read_table(f"{folder}/out")] == [9, 8, 2, 1, 1, 0]
