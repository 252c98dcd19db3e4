"""A batch is checked by columns or row by row: nobody may be able to tell which."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yt.yson as yson

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model import schema as schemas
from ytcurate.localcluster.model import writer as writers
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.reader import TableReader, decode_column
from ytcurate.localcluster.model.values import order_key
from ytcurate.localcluster.model.writer import RowWriter, WriterLimits

pytestmark = pytest.mark.checked_against("nothing")

FITTING: dict[str, list[Any]] = {
    "int64": [0, 1, 63, 64, 8191, 8192, 2**20, 2**63 - 1, -1, -(2**63)],
    "int8": [0, 127, -128],
    "uint64": [yson.YsonUint64(5), yson.YsonUint64(2**64 - 1), 7],
    "uint16": [0, yson.YsonUint64(65535)],
    "double": [1.5, -0.0, float("nan"), float("inf")],
    "boolean": [True, False],
    "string": [b"", b"abc", b"\xff", b"x" * 60, b"x" * 98, b"x" * 99],
    "utf8": ["é".encode(), b"abc"],
    "any": [1, b"a", 2.5, True, yson.YsonUint64(9), 300, -5, 2**40, [], [1, b"a"], {b"k": None}],
}
ALL = [None, *(value for values in FITTING.values() for value in values)]
NAMES = (b"a", b"b", b"c")


def random_table(chance: random.Random) -> tuple[Any, list[dict[bytes, Any]]]:
    """A schema, and rows most of which fit it."""
    names = chance.sample(NAMES[:2], chance.randint(0, 2))
    key_count = chance.randint(0, len(names))
    columns = []
    for index, name in enumerate(names):
        column: dict[str, Any] = {"name": name.decode(), "type": chance.choice(list(FITTING))}
        if index < key_count:
            column["sort_order"] = chance.choice(["ascending", "ascending", "descending"])
        if column["type"] != "any":
            column["required"] = chance.random() < 0.3
        columns.append(column)
    schema = yson.YsonList(columns)
    schema.attributes = {
        "strict": chance.random() < 0.5,
        "unique_keys": bool(key_count) and chance.random() < 0.5,
    }
    oddness = chance.choice([0, 0, 0.03, 0.2])
    rows = []
    for _ in range(chance.randint(0, 5)):
        fitting = {
            name: chance.choice(FITTING[column["type"]]) for name, column in zip(names, columns, strict=True)
        }
        odd = {name: chance.choice([None, chance.choice(ALL)]) for name in NAMES if chance.random() < oddness}
        rows.append({**fitting, **odd})
    if chance.random() < 0.7:
        rows.sort(key=lambda row: [order_key(row[name]) for name in names])
    return schema, rows


def written(folder: Path, schema: Any, rows: list[dict[bytes, Any]]) -> Any:
    """All that can be seen of a write: the table, or the error."""
    parsed = schemas.parse(schema)
    files = ChunkFiles(folder)
    writer = RowWriter(files, parsed, WriterLimits(max_row_weight=100, max_key_weight=50))
    try:
        writer.write(rows[:2])
        writer.write(rows[2:])
        chunks = writer.close()
    except YtError as error:
        writer.discard()
        return error.to_dict()
    reader = TableReader(files, chunks, parsed.key_columns)
    content = [
        (field.name, list(map(repr, decode_column(batch.column(index), field))))
        for segment in reader.segments(None)
        for batch, _ in reader.batches(segment, None)
        for index, field in enumerate(batch.schema)
    ]
    about = [
        (
            chunk.row_count,
            chunk.data_weight,
            chunk.column_weights,
            repr(chunk.first_key),
            repr(chunk.last_key),
        )
        for chunk in chunks
    ]
    return content, about, writer.row_count, writer.data_weight


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_by_columns_is_what_it_is_row_by_row(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    given = [random_table(chance) for _ in range(500)]
    by_columns = [written(tmp_path, *table) for table in given]
    monkeypatch.setattr(writers, "pack", lambda column, values: None)
    for table, found in zip(given, by_columns, strict=True):
        assert found == written(tmp_path, *table), table


def test_rows_that_fit_are_packed_by_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RowWriter, "_row_by_row")
    schema = [{"name": "k", "type": "int64", "sort_order": "ascending"}, {"name": "v", "type": "string"}]
    rows = [{b"k": number, b"v": b"x" * number} for number in range(5000)]
    content, about, row_count, _ = written(tmp_path, schema, [row for row in rows if row[b"k"] < 60])
    assert row_count == 60
    assert about[0][3:] == ("[0]", "[59]")
    assert dict(content[:1])["k"] == ["0", "1"]
