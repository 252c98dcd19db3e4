"""What the tests of operations on keys share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yt.wrapper as yt
from yt.wrapper import TablePath, YtClient
from yt.wrapper.errors import YtOperationFailedError


def rows_of(client: YtClient, path: Any) -> list[dict[str, Any]]:
    return list(client.read_table(path))


def is_sorted(client: YtClient, path: str) -> tuple[bool, list[str], list[str]]:
    schema = client.get(f"{path}/@schema")
    ordered = [str(column["name"]) for column in schema if column.get("sort_order") == "ascending"]
    sorted_by = [str(name) for name in client.get(f"{path}/@sorted_by")]
    assert [str(name) for name in client.get(f"{path}/@key_columns")] == sorted_by
    return bool(client.get(f"{path}/@sorted")), sorted_by, ordered


def failure(run: Callable[[], Any]) -> YtOperationFailedError:
    """The error of an operation that was accepted and then failed."""
    with pytest.raises(YtOperationFailedError) as caught:
        run()
    return caught.value


def make_pairs(client: YtClient, folder: str) -> str:
    """Sorted by k: ten rows of each of ten keys, in three chunks, two of which begin inside a key."""
    path = f"{folder}/pairs"
    rows = [{"k": f"key{i // 10}", "n": i} for i in range(100)]
    schema = [{"name": "k", "type": "string", "sort_order": "ascending"}, {"name": "n", "type": "int64"}]
    client.create("table", path, attributes={"schema": schema})
    for start, end in ((0, 37), (37, 64), (64, 100)):
        client.write_table(TablePath(path, append=True), rows[start:end])
    return path


@yt.with_context
def first_of_tables(key: Any, rows: Any, context: Any) -> Iterator[dict[str, Any]]:
    yield {"k": key["k"], "seen": [[context.table_index, row["n"]] for row in rows]}
