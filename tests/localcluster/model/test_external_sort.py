"""External sort by itself: many runs, little memory, no heavy column read before its row is due."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ytcurate.localcluster.errors import YtError
from ytcurate.localcluster.model.chunks import ChunkFiles
from ytcurate.localcluster.model.schema import SortColumn
from ytcurate.localcluster.scheduler.external_sort import ExternalSort
from ytcurate.localcluster.scheduler.plan import Input

from .chunked_tables import table

pytestmark = pytest.mark.checked_against("nothing")


def shuffled(count: int, keys: int) -> list[dict[bytes, Any]]:
    numbers = [i % keys for i in range(count)]
    random.Random(1).shuffle(numbers)
    return [{b"k": key, b"at": at} for at, key in enumerate(numbers)]


def sort(tmp_path: Path, inputs: Sequence[Input], **options: Any) -> tuple[list[dict[bytes, Any]], int, int]:
    """Sorted rows, how many runs were written, and the most bytes that were on disk."""
    folder = tmp_path / "runs"
    size = 0
    sorter = ExternalSort(folder, [SortColumn("k")], lambda: None, **options)
    try:
        rows = []
        for row in sorter.rows(inputs):
            if not rows and folder.exists():
                size = sum(path.stat().st_size for path in folder.iterdir())
            rows.append(row)
        return rows, sorter.files_written, size
    finally:
        sorter.close()
        assert not folder.exists()


def test_more_runs_than_are_merged_at_once_keep_order_and_ties(files: ChunkFiles, tmp_path: Path) -> None:
    rows = shuffled(1000, 40)
    found, runs, _ = sort(tmp_path, [table(files, rows)], run_bytes=20_000, fan_in=3)
    assert found == sorted(rows, key=lambda row: row[b"k"])
    assert runs > 3 * 3 * 3


def test_rows_that_fit_into_memory_are_not_written(files: ChunkFiles, tmp_path: Path) -> None:
    rows = shuffled(500, 500)
    found, runs, _ = sort(tmp_path, [table(files, rows)])
    assert [row[b"k"] for row in found] == list(range(500))
    assert runs == 0


def test_heavy_rows_are_not_copied_into_runs(files: ChunkFiles, tmp_path: Path) -> None:
    rows = [{**row, b"video": bytes([row[b"k"]]) * 40_000} for row in shuffled(60, 60)]
    found, runs, size = sort(tmp_path, [table(files, rows, per_chunk=7)], run_bytes=5_000)
    assert found == sorted(rows, key=lambda row: row[b"k"])
    assert runs > 3
    assert size < 60 * 200


def test_a_sorted_input_is_merged_as_it_is(files: ChunkFiles, tmp_path: Path) -> None:
    schema = [{"name": "k", "type": "int64", "sort_order": "ascending"}, {"name": "at", "type": "int64"}]
    in_order = [{b"k": i // 3, b"at": -i} for i in range(900)]
    rows = shuffled(30, 300)
    inputs = [table(files, in_order, schema), table(files, rows)]
    found, runs, _ = sort(tmp_path, inputs, run_bytes=100_000)
    assert found == sorted(in_order + rows, key=lambda row: row[b"k"])
    assert runs == 0


def test_a_stopped_sort_leaves_nothing(files: ChunkFiles, tmp_path: Path) -> None:
    seen = 0

    def stop() -> None:
        nonlocal seen
        seen += 1
        if seen > 700:
            raise YtError("stop")

    sorter = ExternalSort(tmp_path / "runs", [SortColumn("k")], stop, run_bytes=20_000)
    with pytest.raises(YtError, match="stop"):
        list(sorter.rows([table(files, shuffled(1000, 40))]))
    assert list((tmp_path / "runs").iterdir())
    sorter.close()
    assert not (tmp_path / "runs").exists()
