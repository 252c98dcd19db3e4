"""What jobs of a reduce read, compared with joining the rows of all tables by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.scheduler.key_slices import cut, streams_of
from ytcurate.localcluster.scheduler.reduce import input_of
from ytcurate.localcluster.scheduler.reduce_jobs import is_foreign, segments_of
from ytcurate.localcluster.scheduler.user_job import Grouping, UserJob, user_job

from .chunked_tables import table

pytestmark = pytest.mark.checked_against("server source")

SCHEMA = [
    {"name": "k", "type": "int64", "sort_order": "ascending"},
    {"name": "l", "type": "int64", "sort_order": "ascending"},
    {"name": "id", "type": "int64"},
]
K, L = SortColumn("k"), SortColumn("l")


def make_rows(random_: random.Random, first_id: int) -> list[dict[bytes, Any]]:
    keys = sorted((random_.randint(0, 6), random_.randint(0, 3)) for _ in range(random_.randint(1, 40)))
    return [{b"k": k, b"l": second, b"id": first_id + at} for at, (k, second) in enumerate(keys)]


def reducer(*join_by: SortColumn) -> UserJob:
    raw = {"command": "cat", "format": "json", "enable_input_table_index": False}
    return replace(user_job("sorted_reduce", raw, {}, [], 2**30), group=Grouping((K, L), (K, L), join_by))


def joined(tables: Sequence[list[dict[bytes, Any]]], foreign: set[int]) -> list[int]:
    """Ids in the order of a reduce in one job: by key, and under each key by table."""
    primary = [
        (row[b"k"], row[b"l"], index, at, row[b"id"])
        for index, rows in enumerate(tables) if index not in foreign
        for at, row in enumerate(rows)
    ]  # fmt: skip
    place = min(primary)[2]
    found = [((k, place), (second, index, at), id_) for k, second, index, at, id_ in primary]
    keys = {k for k, *_ in primary}
    found += [
        ((row[b"k"], index), (0, 0, at), row[b"id"])
        for index in foreign
        for at, row in enumerate(tables[index])
        if row[b"k"] in keys
    ]
    return [each[-1] for each in sorted(found)]


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_merged_and_joined(files: ChunkFiles, seed: int) -> None:
    random_ = random.Random(seed)
    tables = [make_rows(random_, 1000 * index) for index in range(4)]
    foreign = {index for index in range(3) if random_.random() < 0.5}
    inputs = [table(files, rows, SCHEMA, random_.randint(1, 9)) for rows in tables]
    for index in foreign:
        inputs[index].path.attributes["foreign"] = True
    job = reducer(*([K] if foreign else []))
    stream = input_of(job, inputs, segments_of(inputs, lambda _: True))
    lines = b"".join(stream()).splitlines()
    assert [json.loads(line)["id"] for line in lines] == joined(tables, foreign)


@pytest.mark.parametrize("seed", range(5))
def test_jobs_together_read_every_row_once_and_in_order(files: ChunkFiles, seed: int) -> None:
    random_ = random.Random(seed)
    tables = [make_rows(random_, 1000 * index) for index in range(3)]
    inputs = [table(files, rows, SCHEMA, 7) for rows in tables]
    streams = streams_of(inputs, segments_of(inputs, lambda each: not is_foreign(each)), [K, L])
    seen: list[int] = []
    for part in cut(streams, 4, inside_keys=bool(seed % 2)):
        lines = b"".join(input_of(reducer(), inputs, part)()).splitlines()
        seen += [json.loads(line)["id"] for line in lines]
    assert seen == joined(tables, set())
